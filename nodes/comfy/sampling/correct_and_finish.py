"""A corrector that acts at a noise level, on a finished LATENT: noised, corrected, and sampled to the end again."""

from __future__ import annotations

from typing import Any

import torch

from ....xlard.loop.finished import correct_finished, doubted
from ....xlard.models.corrector import CorrectorConfig, attribution_map, relative_norm
from ..managed import ManagedModule
from .correct_latent import CorrectedLatent, asked_aspects
from .latents import as_pictures, like_source, map_image, mask_of
from .method import CustomSampling, KSamplerSettings, SamplingMethod, sampling_method
from .sampler import ComfySampler
from .second_model import SecondModel


def needs_model(corrector: CorrectorConfig, noise_level: float, has_model: bool, gradient_steps: int) -> bool:
    """Whether a LATENT is noised and sampled on, and not corrected as it is.

    It is by a corrector that acts at a noise level of its own, and by any other where a model is connected and a
    ``noise_level`` is given. Raises ValueError for the first without a model, unless ``noise_level`` says that the
    LATENT is a prediction which something else samples on, and for gradient steps.
    """
    own = corrector.single_step_level
    if own and not noise_level and not has_model:
        raise ValueError(
            f"This corrector acts at noise level {own:g} and leaves a draft that has to be sampled on. Connect model "
            f"and negative, or guider: this node does so; or set noise_level to {own:g} if a KSampler with that "
            "denoise follows."
        )
    resumes = has_model and bool(own or noise_level)
    if resumes and gradient_steps:
        raise ValueError(
            "Gradient steps act on a latent that is not sampled on. Set gradient_steps to 0, or disconnect model."
        )
    return resumes


def correct_and_finish(
    sampler: ComfySampler,
    latent: dict,
    corrector: ManagedModule,
    head: ManagedModule | None,
    seed: int,
    noise_level: float,
    strength: float,
    prompt: str = "",
) -> CorrectedLatent:
    """Noise a finished LATENT, correct its x0 prediction, and sample on from there (see ``correct_finished``).

    The pictures' seeds count up from ``seed``. With a head only those are touched that it doubts, by the aspects that
    ``prompt`` asks for, all where it is empty. At strength 0 the samples are the very same tensor. The attribution is
    that of what the corrector added, the change that of the finished latents. Raises ValueError as ``asked_aspects``.
    """
    source = sampler.source
    pictures, rows = as_pictures(source).float(), list(range(sampler.batch))
    if head is not None:
        aspects = asked_aspects(corrector, head, 0, prompt)
        columns = [list(map(head.config.aspects.index, aspects))] * len(rows)
        doubts = doubted(head, corrector, pictures, sampler.context(rows), columns)
        rows = [row for row in rows if doubts[row]]
    delta, corrected = torch.zeros_like(pictures), pictures.clone()
    if rows and strength > 0:
        seeds = [seed + row for row in rows]
        corrected[rows], delta[rows] = correct_finished(
            sampler, corrector, pictures[rows], rows, seeds, noise_level, strength
        )
        mask = mask_of(latent, pictures)
        if mask is not None:
            delta = delta * mask
        samples = like_source(corrected.to(source), source)
    else:
        samples = latent["samples"]
    return CorrectedLatent(
        {**latent, "samples": samples},
        map_image(attribution_map(delta)),
        relative_norm(corrected - pictures, pictures).max().item(),
    )


def correcting_method(
    model: Any | None,
    positive: list,
    negative: list | None,
    settings: KSamplerSettings,
    custom: CustomSampling,
    second: SecondModel | None = None,
) -> SamplingMethod:
    """How a corrected LATENT is sampled on; ``positive`` is for the corrector alone where a GUIDER is connected.

    Raises ValueError as ``sampling_method``.
    """
    return sampling_method(model, positive if custom.guider is None else None, negative, settings, custom, second)
