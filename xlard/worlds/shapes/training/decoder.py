"""Give the trained autoencoder a wider decoder. The encoder stays as it is, and so do the latents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ....training.trainer import Trainer, default_device
from ..architecture import build_autoencoder
from .autoencoder import figures_of, load_narrow, widen
from .scenes import pictures_of, scene_pool

_LATENT_NOISE = 0.08
_OBJECT_WEIGHT = 4.0
_EDGE_WEIGHT = 8.0


def loss_of(decoded: Tensor, pictures: Tensor) -> Tensor:
    """Reconstruction loss of pictures (B, 3, H, W) in [-1, 1]. Objects weigh more, their outlines most."""
    saturation = pictures.amax(dim=1, keepdim=True) - pictures.amin(dim=1, keepdim=True)
    edges = F.max_pool2d(saturation, 5, 1, 2) + F.max_pool2d(-saturation, 5, 1, 2)
    weight = 1 + _OBJECT_WEIGHT * saturation + _EDGE_WEIGHT * edges
    difference = (decoded - pictures).abs()
    return (weight * (difference + 2 * difference.square())).mean() / weight.mean()


def grow(narrow: Any, width: int) -> Any:
    """An autoencoder whose decoder is ``width`` wide and computes what the narrow one computes.

    New channels start with random inputs and without outputs: training can use them at once.
    """
    grown = build_autoencoder(narrow.config.encoder_block_out_channels[0], width)
    state = grown.state_dict()
    for name, value in narrow.state_dict().items():
        if state[name].ndim == 4:
            state[name][: value.shape[0], value.shape[1] :] = 0
        state[name][tuple(slice(0, size) for size in value.shape)] = value
    grown.load_state_dict(state)
    return grown


def train(
    folder: Path,
    steps: int,
    batch: int,
    width: int,
    seed: int,
    pool: int,
    max_seconds: float | None = None,
    learning_rate: float = 1e-3,
) -> dict:
    """Train and evaluate; reads ``folder/narrow_vae``, saves ``folder/trained_vae`` and, padded, ``folder/vae``."""
    device = default_device()
    torch.manual_seed(seed)
    grown = grow(load_narrow(folder), width).to(device)
    drawing = torch.Generator(device).manual_seed(seed)
    pictures = pictures_of(scene_pool(None, pool, seed + 20)[1], drawing)
    with torch.no_grad():
        latents = torch.cat([grown.encode(batch_of_pictures).latents for batch_of_pictures in pictures.split(100)])
    trainer = Trainer(folder / "decoder", grown.decoder, steps, learning_rate, seed, device)

    def batch_loss(step: int, generator: torch.Generator) -> Tensor:
        rows = torch.randint(0, len(latents), (batch,), generator=generator).to(device)
        amount = torch.rand(batch, 1, 1, 1, generator=generator) * _LATENT_NOISE
        noise = torch.randn(batch, *latents.shape[1:], generator=generator)
        return loss_of(trainer.module(latents[rows] + (amount * noise).to(device)), pictures[rows])

    trainer.run(batch_loss, max_seconds=max_seconds)
    grown.decoder.load_state_dict(trainer.average.module.state_dict())
    grown.eval()
    figures = {"model": "decoder", "batch": batch, "width": width, **figures_of(trainer, grown)}
    grown.cpu().save_pretrained(folder / "trained_vae")
    widen(grown).half().save_pretrained(folder / "vae")
    return figures
