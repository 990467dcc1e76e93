"""One pass of the corrector over a LATENT."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...xlard.corrector import attribution_map, relative_norm
from .latents import as_pictures, like_source, map_image, mask_of, prompt_embeddings


@dataclass(frozen=True)
class Correction:
    """The corrected LATENT, where it was changed (IMAGE), and the largest norm(delta) / norm(z) of the batch."""

    latent: dict
    attribution: Tensor
    change: float


def correct_latent(latent: dict, positive: list, corrector, head, strength: float, sigma: float) -> Correction:
    """Add ``strength`` times the corrector's residual; with a head, only to pictures whose predicted reward rises.

    What lies outside of the LATENT's noise mask stays. At strength 0 the samples are the very same tensor.
    """
    source = latent["samples"]
    pictures = as_pictures(source)
    context = prompt_embeddings(positive, len(pictures)).float()
    level = torch.full((len(pictures),), sigma)
    delta = corrector(pictures.float(), context, level).to(pictures) * strength
    mask = mask_of(latent, pictures)
    if mask is not None:
        delta = delta * mask
    if head is not None:
        delta = delta * _rising(head, pictures.float(), delta.float(), context, level).to(delta)[:, None, None, None]
    samples = source if not delta.any() else like_source(pictures + delta, source)
    return Correction({**latent, "samples": samples}, map_image(attribution_map(delta)),
                      relative_norm(delta.float(), pictures.float()).max().item())


def _rising(head, pictures: Tensor, delta: Tensor, context: Tensor, level: Tensor) -> Tensor:
    """Whether the head's mean reward over its aspects rises, (B,)."""
    before, after = head(pictures, context, level), head(pictures + delta, context, level)
    return after.rewards.mean(dim=1) > before.rewards.mean(dim=1)
