"""One pass of the corrector over a LATENT, and gradient steps through the head after it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import comfy.model_management
import torch
from torch import Tensor

from ....xlard.guidance.gradient import AscentSettings, ascend
from ....xlard.models.checks import check_family
from ....xlard.models.corrector import attribution_map, project, relative_norm
from ....xlard.models.head import overall_reward
from ..managed import ManagedModule
from .latents import as_pictures, like_source, map_image, mask_of, prompt_embeddings
from .predictions import aspects_of_prompt


@dataclass(frozen=True)
class CorrectedLatent:
    """The corrected LATENT, where it was changed (IMAGE), and the largest norm(delta) / norm(z) of the batch."""

    latent: dict
    attribution: Tensor
    change: float


def asked_aspects(corrector: ManagedModule, head: ManagedModule | None, gradient_steps: int, prompt: str) -> list[str]:
    """The head's aspects that ``prompt`` asks for, all where it is empty; none without a head.

    Raises ValueError for gradient steps without a head, for a head and a corrector of two model families, and for a
    prompt that asks for nothing that the head rates.
    """
    if head is None:
        if gradient_steps:
            raise ValueError("Gradient steps need a reward head to climb. Connect one, or set gradient_steps to 0.")
        return []
    check_family(head.config, corrector.config.family, "head")
    return aspects_of_prompt(prompt, head.config.aspects)


def correct_latent(
    latent: dict,
    positive: list,
    corrector: ManagedModule,
    head: ManagedModule | None,
    strength: float,
    noise_level: float,
    ascent: AscentSettings,
    prompt: str = "",
) -> CorrectedLatent:
    """Add ``strength`` times the corrector's residual, moved on by ``ascent`` steps that raise the head's rewards.

    Both together keep to the corrector's trust region. With a head, only pictures whose predicted reward rises are
    changed; of its aspects those count that ``prompt`` asks for, all where it is empty. What lies outside of the
    LATENT's noise mask stays. At strength 0 the samples are the very same tensor. Raises ValueError as
    ``asked_aspects``.
    """
    aspects = asked_aspects(corrector, head, ascent.steps, prompt)
    source = latent["samples"]
    pictures = as_pictures(source)
    original, batch = pictures.to(comfy.model_management.intermediate_device(), torch.float32), len(pictures)
    context, levels = prompt_embeddings(positive, batch), torch.full((batch,), noise_level)
    mask = mask_of(latent, original)
    delta = corrector(original, context, levels)
    if mask is not None:
        delta = delta * mask
    if head is not None and ascent.steps:
        settings = replace(ascent, trust_region=corrector.config.trust_region)
        known = torch.tensor([float(aspect in aspects) for aspect in head.config.aspects], device=original.device)
        climbed = ascend(head, original + delta, context, levels, known.expand(batch, -1), settings, mask)
        delta = project(delta + climbed.delta, original, settings.trust_region)
    delta = strength * delta
    if head is not None:
        delta = delta * _rising(head, original, delta, context, levels, aspects)[:, None, None, None]
    samples = like_source(pictures + delta.to(pictures), source) if delta.any() else source
    return CorrectedLatent(
        {**latent, "samples": samples}, map_image(attribution_map(delta)), relative_norm(delta, original).max().item()
    )


def _rising(
    head: ManagedModule, pictures: Tensor, delta: Tensor, context: Tensor, levels: Tensor, aspects: list[str]
) -> Tensor:
    """Whether the product of the head's rewards over ``aspects`` rises, (B,)."""
    before, after = (head(latents, context, levels) for latents in (pictures, pictures + delta))
    columns = [before.columns(aspects)] * len(pictures)
    return overall_reward(after, columns) > overall_reward(before, columns)
