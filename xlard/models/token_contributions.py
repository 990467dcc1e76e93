"""How much each token of a prompt moves a correction."""

from __future__ import annotations

import torch
from torch import Tensor

from .corrector import LatentCorrector

_PATCHES_TOGETHER = 8192
"""Patches of a latent that go through a corrector at once: some 120 MB at a width of 256."""


@torch.no_grad()
def token_contributions(corrector: LatentCorrector, latents: Tensor, context: Tensor, noise_level: Tensor) -> Tensor:
    """How much each token moves the residual, (B, L): |delta - delta without it| / |delta|, 0 where delta is 0.

    Without a token means that the mean of its prompt's tokens stands in its place. The rows do not sum to 1. Arguments
    are those of the corrector, which runs once for each token, several at a time.
    """
    height, width = latents.shape[-2:]
    patches = -(-height // corrector.config.patch) * -(-width // corrector.config.patch)
    length, together = context.shape[1], max(1, _PATCHES_TOGETHER // patches)
    contributions = torch.zeros(context.shape[:2], dtype=latents.dtype, device=latents.device)
    for row, tokens in enumerate(context):
        latent, level = latents[row : row + 1], noise_level[row : row + 1]
        delta = corrector(latent, tokens[None], level)
        size = delta.norm()
        if not size:
            continue
        for start in range(0, length, together):
            removed = torch.arange(start, min(start + together, length))
            number = len(removed)
            without = tokens.repeat(number, 1, 1)
            without[torch.arange(number), removed] = tokens.mean(dim=0)
            deltas = corrector(latent.expand(number, -1, -1, -1), without, level.expand(number))
            contributions[row, removed] = ((deltas - delta).flatten(1).norm(dim=1) / size).to(contributions)
    return contributions
