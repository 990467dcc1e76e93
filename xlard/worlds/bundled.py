"""What every world that ships with the pack has in common: its models' files, and how they are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ..claims import Claim
from ..critics.detector.critic import DetectorCritic
from ..critics.detector.folder import DetectorFolder
from ..critics.detector.transformers import THRESHOLD, loaded_detector
from ..critics.folder import CriticFolder
from ..critics.mllm import MLLMCritic
from ..critics.transformers import loaded_backend
from ..critique import Verdict
from ..detections import Detection
from ..models.corrector import LatentCorrector
from ..models.head import RewardHead
from ..protocols import Encoder
from ..rewards import judge_by_boxes
from .decoder import VaeDecoder, load_autoencoder
from .sampling import FlowSampler


class BundledWorld:
    """The models of a weights folder, each loaded on first use; a subclass gives ``weights``, the bundled folder."""

    weights: Path
    side: int
    steps: int
    guidance_scale: float
    detector_threshold: float = THRESHOLD

    def __init__(self, folder: Path | None = None, device: str = "cpu"):
        self.folder, self.device = folder or self.weights, device

    @property
    def pipeline(self) -> Path:
        """The diffusers folder of the generator."""
        return self.folder / "pipeline"

    @property
    def critic_folder(self) -> Path:
        """The transformers folder of the critic."""
        return self.folder / "critic"

    @property
    def detector_folder(self) -> Path:
        """The transformers folder of the detector."""
        return self.folder / "detector"

    @property
    def head_file(self) -> Path:
        """The file of the reward head."""
        return self.folder / "head.safetensors"

    @property
    def corrector_file(self) -> Path:
        """The file of the corrector."""
        return self.folder / "corrector.safetensors"

    # Parameters that are made in inference mode can never carry a gradient.
    @cached_property
    @torch.inference_mode(False)
    def unet(self) -> Any:
        """The generator's UNet2DConditionModel, in fp32."""
        from diffusers import UNet2DConditionModel

        unet = UNet2DConditionModel.from_pretrained(self.pipeline / "unet", torch_dtype=torch.float32)
        return unet.to(self.device).eval()

    @cached_property
    @torch.inference_mode(False)
    def text_encoder(self) -> Any:
        """The generator's CLIPTextModel, in fp32."""
        from transformers import CLIPTextModel

        text_encoder: Any = CLIPTextModel.from_pretrained(self.pipeline / "text_encoder", dtype=torch.float32)
        return text_encoder.to(self.device).eval()

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer of prompts."""
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.pipeline / "tokenizer")

    @cached_property
    @torch.inference_mode(False)
    def decoder(self) -> VaeDecoder:
        """The autoencoder's decoder."""
        return VaeDecoder(load_autoencoder(self.pipeline / "vae").to(self.device))

    @property
    def encoder(self) -> Encoder:
        """The autoencoder's encoder."""
        return self.decoder

    def judge(self, claim: Claim, objects: Sequence[Detection]) -> Verdict:
        """Whether a claim holds of a picture's annotated objects: boxes decide."""
        return judge_by_boxes(claim, objects, self.side)

    def sampler(
        self, prompts: Sequence[str], steps: int | None = None, guidance_scale: float | None = None
    ) -> FlowSampler:
        """The generator as a resumable sampler, one prompt a row."""
        scale = self.guidance_scale if guidance_scale is None else guidance_scale
        return FlowSampler(
            self.unet, self.text_encoder, self.tokenizer, prompts, self.device, steps or self.steps, scale
        )

    def critic(self, batch: int = 32) -> MLLMCritic:
        """The critic, judging ``batch`` pictures at a time."""
        return MLLMCritic(loaded_backend(CriticFolder(self.critic_folder, dtype="fp32"), self.device, batch=batch))

    def detector(self, threshold: float | None = None) -> DetectorCritic:
        """The detector as critic; boxes count from the world's own threshold on, unless another one is given."""
        return DetectorCritic(
            loaded_detector(
                DetectorFolder(self.detector_folder),
                self.device,
                threshold=self.detector_threshold if threshold is None else threshold,
            )
        )

    def head(self) -> RewardHead:
        """The reward head."""
        return RewardHead.load(self.head_file).to(self.device)

    def corrector(self) -> LatentCorrector:
        """The latent corrector."""
        return LatentCorrector.load(self.corrector_file).to(self.device)
