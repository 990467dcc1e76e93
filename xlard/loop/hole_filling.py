"""Holes in latents, filled smoothly from what is around them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_COARSE = 16
"""Cells along a side from which a hole is filled at a fraction of the size first."""

_FILLS, _SMOOTHINGS = 200, 8
"""How often values are averaged with those around: at the smallest size, and at a larger one after that."""


def fill(latents: Tensor, holes: Tensor) -> Tensor:
    """Latents (..., C, h, w) with the cells of their holes (..., h, w) interpolated from those around.

    The values solve Laplace's equation. A latent that is all hole stays as it is.
    """
    holes = (holes & ~holes.all(dim=(-2, -1), keepdim=True)).unsqueeze(-3)
    if not holes.any():
        return latents
    known = (~holes).to(latents.dtype)
    factor = -(-max(latents.shape[-2:]) // _COARSE)
    if factor == 1:
        start = (latents * known).sum(dim=(-2, -1), keepdim=True) / known.sum(dim=(-2, -1), keepdim=True)
        rounds = _FILLS
    else:
        start, rounds = _filled_coarsely(latents, known, factor), _SMOOTHINGS
    filled = torch.where(holes, start, latents)
    for _ in range(rounds):
        padded = F.pad(filled, (1, 1, 1, 1), mode="replicate")
        around = (padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]) / 4
        filled = torch.where(holes, around, latents)
    return filled


def _filled_coarsely(latents: Tensor, known: Tensor, factor: int) -> Tensor:
    """A fill of the latents at a fraction of their size, enlarged: at full size values would spread too slowly."""
    size, leading = latents.shape[-2:], latents.shape[:-3]
    latents, known = (values.reshape(-1, *values.shape[-3:]) for values in (latents * known, known))
    weights = F.avg_pool2d(known, factor, ceil_mode=True)
    means = F.avg_pool2d(latents, factor, ceil_mode=True) / weights.clamp_min(1e-6)
    enlarged = [side * factor for side in means.shape[-2:]]
    coarse = F.interpolate(fill(means, weights[:, 0] == 0), size=enlarged, mode="bilinear")
    return coarse[..., : size[0], : size[1]].reshape(*leading, *coarse.shape[-3:-2], *size)
