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
from ..critics.scoring import DEFAULT_SCORING, make_scoring
from ..critics.transformers import loaded_backend
from ..critique import Verdict
from ..detections import Detection
from ..models.corrector import LatentCorrector
from ..models.head import RewardHead
from ..protocols import Encoder
from ..rewards import judge_by_boxes
from .decoder import VaeDecoder, load_autoencoder
from .editor import WorldEditor
from .sampling import FlowSampler


class BundledWorld:
    """The models of a weights folder, each loaded on first use; a subclass gives ``weights``, the bundled folder."""

    weights: Path
    side: int
    steps: int
    guidance_scale: float
    detector_threshold: float = THRESHOLD
    further_looks: int = 0
    edit_steps: int = 20
    edit_guidance: tuple[float, float] = (1.0, 1.0)

    def __init__(self, folder: Path | None = None, device: str = "cpu"):
        self.folder, self.device = folder or self.weights, device

    @property
    def pipeline(self) -> Path:
        """The diffusers folder of the generator."""
        return self.folder / "pipeline"

    @property
    def edit_pipeline(self) -> Path:
        """The diffusers folder of the edit model."""
        return self.folder / "edit_pipeline"

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
    def generator(self) -> tuple[Any, Any, Any]:
        """The generator's UNet2DConditionModel and CLIPTextModel, in fp32, and the tokenizer of prompts."""
        return load_generator(self.pipeline, self.device)

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
        return FlowSampler(*self.generator, prompts, self.device, steps or self.steps, scale)

    @torch.inference_mode(False)
    def editor(
        self, steps: int | None = None, guidance_scale: float | None = None, image_scale: float | None = None
    ) -> WorldEditor:
        """The edit model, with the world's own steps and guidance unless others are given."""
        unet, text_encoder, tokenizer = load_generator(self.edit_pipeline, self.device)
        by_instruction, by_picture = self.edit_guidance
        return WorldEditor(
            unet,
            text_encoder,
            tokenizer,
            self.encoder,
            self.decoder,
            self.device,
            steps or self.edit_steps,
            by_instruction if guidance_scale is None else guidance_scale,
            by_picture if image_scale is None else image_scale,
        )

    def critic(self, batch: int = 32) -> MLLMCritic:
        """The critic with its further looks, judging ``batch`` pictures at a time."""
        backend = loaded_backend(CriticFolder(self.critic_folder, dtype="fp32"), self.device, batch=batch)
        return MLLMCritic(backend, make_scoring(DEFAULT_SCORING, further_looks=self.further_looks))

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


def load_generator(pipeline: Path, device: str) -> tuple[Any, Any, Any]:
    """The UNet2DConditionModel and CLIPTextModel of a diffusers folder, in fp32, and its tokenizer."""
    from diffusers import UNet2DConditionModel
    from transformers import AutoTokenizer, CLIPTextModel

    unet = UNet2DConditionModel.from_pretrained(pipeline / "unet", torch_dtype=torch.float32)
    text_encoder: Any = CLIPTextModel.from_pretrained(pipeline / "text_encoder", dtype=torch.float32)
    return (
        unet.to(device).eval(),
        text_encoder.to(device).eval(),
        AutoTokenizer.from_pretrained(pipeline / "tokenizer"),
    )
