"""Training of a world's generator: UNet and text encoder together, flow matching with classifier-free guidance."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..architecture import build_scheduler

DROPPED_PROMPTS = 0.1
"""Share of the pictures that are learnt without their prompt, which guidance needs."""

_SHIFT = 0.4


class Generator(nn.Module):
    """UNet and text encoder as one trainable module."""

    def __init__(self, unet: Any, text_encoder: Any):
        super().__init__()
        self.unet, self.text_encoder = unet, text_encoder

    def forward(self, noisy: Tensor, noise_level: Tensor, tokens: Tensor) -> Tensor:
        """Flow (B, C, h, w) at ``noise_level`` (B,) for prompt tokens (B, L)."""
        context = self.text_encoder(input_ids=tokens).last_hidden_state
        return self.unet(noisy, noise_level * 1000, encoder_hidden_states=context).sample


def noised(latents: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Latents (B, C, h, w) at random noise levels, those levels (B,), and the flow (Lipman et al. 2023) to learn.

    Noise levels are logit-normal, and shifted to where composition is decided.
    """
    noise = torch.randn(latents.shape, generator=generator).to(latents.device)
    noise_level = torch.sigmoid(torch.randn(len(latents), generator=generator) + _SHIFT).to(latents.device)
    return torch.lerp(latents, noise, noise_level.view(-1, 1, 1, 1)), noise_level, noise - latents


def loss_of(model: nn.Module, latents: Tensor, tokens: Tensor, generator: torch.Generator) -> Tensor:
    """Flow-matching loss of latents (B, C, h, w) and their prompts' tokens (B, L)."""
    noisy, noise_level, flow = noised(latents, generator)
    return F.mse_loss(model(noisy, noise_level, tokens).float(), flow)


def tokenize(tokenizer: Any, texts: list[str]) -> Tensor:
    """Token ids (B, L), padded to the model's length."""
    return tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids


def save_pipeline(folder: Path, model: Any, tokenizer: Any, autoencoder: Any) -> None:
    """Write a ``Generator`` as an ordinary diffusers pipeline folder, its weights in fp16."""
    from diffusers import StableDiffusionPipeline

    pipeline: Any = StableDiffusionPipeline(
        vae=autoencoder.half(),
        text_encoder=model.text_encoder.half(),
        tokenizer=tokenizer,
        unet=model.unet.half(),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    shutil.rmtree(folder, ignore_errors=True)
    pipeline.save_pretrained(folder)
    # transformers 5 writes its new class name, which transformers 4 does not know; both know this one.
    for path in (folder / "model_index.json", folder / "tokenizer" / "tokenizer_config.json"):
        path.write_text(path.read_text().replace("TokenizersBackend", "PreTrainedTokenizerFast"))
    # transformers runs a model in the dtype that its config names, diffusers all in fp32: one pipeline needs one.
    config = folder / "text_encoder" / "config.json"
    config.write_text(config.read_text().replace('"float16"', '"float32"'))
