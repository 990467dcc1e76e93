"""The bundled demo world as one object, outside ComfyUI: sampler, decoder, critic, head, corrector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ...critics.folder import CriticFolder
from ...critics.mllm import MLLMCritic
from ...critics.transformers import loaded_backend
from ...models.corrector import LatentCorrector
from ...models.head import RewardHead
from .architecture import WEIGHTS
from .evaluation import VaeDecoder
from .sampling import GUIDANCE_SCALE, STEPS, FlowSampler, load_vae


class DemoWorld:
    """Loads the models of a weights folder on first use; ``device`` is where they run."""

    def __init__(self, folder: Path = WEIGHTS, device: str = "cpu"):
        from diffusers import UNet2DConditionModel
        from transformers import AutoTokenizer, CLIPTextModel

        pipeline = folder / "pipeline"
        self.folder, self.device = folder, device
        self.unet = UNet2DConditionModel.from_pretrained(pipeline / "unet", torch_dtype=torch.float32).to(device).eval()
        self.text_encoder = (
            CLIPTextModel.from_pretrained(pipeline / "text_encoder", dtype=torch.float32).to(device).eval()
        )
        self.tokenizer = AutoTokenizer.from_pretrained(pipeline / "tokenizer")
        self.decoder = VaeDecoder(load_vae(pipeline / "vae").to(device))

    def sampler(
        self, prompts: Sequence[str], steps: int = STEPS, guidance_scale: float = GUIDANCE_SCALE
    ) -> FlowSampler:
        """The generator as a resumable sampler, one prompt a row."""
        return FlowSampler(self.unet, self.text_encoder, self.tokenizer, prompts, self.device, steps, guidance_scale)

    def critic(self, batch: int = 32) -> MLLMCritic:
        """The critic, judging ``batch`` pictures at a time."""
        return MLLMCritic(loaded_backend(CriticFolder(self.folder / "critic", dtype="fp32"), self.device, batch=batch))

    def head(self) -> RewardHead:
        """The reward head."""
        return RewardHead.load(self.folder / "head.safetensors").to(self.device)

    def corrector(self) -> LatentCorrector:
        """The latent corrector."""
        return LatentCorrector.load(self.folder / "corrector.safetensors").to(self.device)
