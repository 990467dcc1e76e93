"""Colours of latent channels, for ComfyUI's previews while sampling."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def preview_factors(pictures: Tensor, latents: Tensor) -> list[list[float]]:
    """Least-squares red, green and blue in [-1, 1] of each latent channel, and of the constant in the last row.

    ``pictures`` (B, 3, 8 h, 8 w) are in [-1, 1], ``latents`` (B, C, h, w) are theirs.
    """
    colors = F.avg_pool2d(pictures, 8).permute(0, 2, 3, 1).reshape(-1, 3)
    inputs = latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
    solved = torch.linalg.lstsq(torch.cat([inputs, torch.ones_like(inputs[:, :1])], dim=1).cpu(), colors.cpu()).solution
    return [[round(value, 4) for value in row] for row in solved.tolist()]
