"""One pass of the corrector over a LATENT, and gradient steps through the head after it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import comfy.model_management
import torch
from torch import Tensor

from ....xlard.guidance.gradient import AscentSettings, ascend
from ....xlard.guidance.min_norm import Combination
from ....xlard.models.checks import check_family
from ....xlard.models.corrector import attribution_map, project, relative_norm
from ....xlard.models.head import overall_reward
from .family import known_as
from .latents import as_pictures, like_source, map_image, mask_of, prompt_embeddings
from .predictions import aspects_of_prompt


@dataclass(frozen=True)
class Correction:
    """The corrected LATENT, where it was changed (IMAGE), and the largest norm(delta) / norm(z) of the batch."""

    latent: dict
    attribution: Tensor
    change: float


def correct_latent(
    latent: dict,
    positive: list,
    corrector,
    head,
    strength: float,
    sigma: float,
    gradient_steps: int = 0,
    combine: Combination = "sum",
    prompt: str = "",
) -> Correction:
    """Add ``strength`` times the corrector's residual, moved on by ``gradient_steps`` that raise the head's rewards.

    Both together keep to the corrector's trust region. With a head, only pictures whose predicted reward rises are
    changed; of its aspects those count that ``prompt`` asks for, all where it is empty. What lies outside of the
    LATENT's noise mask stays. At strength 0 the samples are the very same tensor. Raises ValueError for gradient steps
    without a head, and for a head and a corrector of two model families."""
    if gradient_steps and head is None:
        raise ValueError("Gradient steps need a reward head to climb. Connect one, or set gradient_steps to 0.")
    if head is not None:
        check_family(replace(head.config, family=known_as(head.config)), known_as(corrector.config), "head")
        aspects = aspects_of_prompt(prompt, head.config.aspects)
    source = latent["samples"]
    pictures = as_pictures(source)
    original, batch = pictures.to(comfy.model_management.intermediate_device(), torch.float32), len(pictures)
    context, level = prompt_embeddings(positive, batch), torch.full((batch,), sigma)
    mask = mask_of(latent, original)
    delta = corrector(original, context, level)
    if mask is not None:
        delta = delta * mask
    if gradient_steps:
        region = corrector.config.trust_region
        settings = AscentSettings(gradient_steps, trust_region=region, how=combine)
        asked = torch.tensor([float(aspect in aspects) for aspect in head.config.aspects], device=original.device)
        delta = delta + ascend(head, original + delta, context, level, asked.expand(batch, -1), settings, mask).delta
        delta = project(delta, original, region)
    delta = strength * delta
    if head is not None:
        delta = delta * _rising(head, original, delta, context, level, aspects)[:, None, None, None]
    samples = like_source(pictures + delta.to(pictures), source) if delta.any() else source
    return Correction(
        {**latent, "samples": samples}, map_image(attribution_map(delta)), relative_norm(delta, original).max().item()
    )


def _rising(head, pictures: Tensor, delta: Tensor, context: Tensor, level: Tensor, aspects: list[str]) -> Tensor:
    """Whether the product of the head's rewards over ``aspects`` rises, (B,)."""
    before, after = (head(latents, context, level) for latents in (pictures, pictures + delta))
    index = [before.columns(aspects)] * len(pictures)
    return overall_reward(after, index) > overall_reward(before, index)
