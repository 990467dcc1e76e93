"""Autoencoders of diffusers folders as decoders and encoders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_BATCH = 32
"""Pictures decoded together: a 64-wide decoder needs 10 MB for each picture and layer."""


def load_autoencoder(folder: Path) -> Any:
    """The AutoencoderTiny of a diffusers folder, in fp32."""
    from diffusers import AutoencoderTiny

    return AutoencoderTiny.from_pretrained(folder, torch_dtype=torch.float32).eval()


class VaeDecoder:
    """``protocols.Decoder`` and ``protocols.Encoder`` for a diffusers AutoencoderTiny."""

    def __init__(self, autoencoder: Any):
        self.autoencoder = autoencoder

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents (B, C, h, w) to images (B, H, W, 3) in [0, 1]."""
        batches = latents.to(self.autoencoder.device).split(_BATCH)
        decoded = torch.cat([self.autoencoder.decode(batch).sample for batch in batches])
        return (decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Images (B, H, W, 3) in [0, 1] to latents (B, C, h, w)."""
        pictures = images.to(self.autoencoder.device).permute(0, 3, 1, 2) * 2 - 1
        return torch.cat([self.autoencoder.encode(batch).latents for batch in pictures.split(_BATCH)])
