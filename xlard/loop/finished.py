"""Correcting finished latents with a corrector that acts at a noise level: noised, corrected, sampled to the end."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..models.corrector import Corrector
from ..models.head import Head, overall_reward
from ..protocols import Sampler


def doubted(
    head: Head, corrector: Corrector, latents: Tensor, context: Tensor, aspect_columns: Sequence[Sequence[int]]
) -> list[bool]:
    """Which finished latents (B, C, h, w) with prompt embeddings (B, L, D) a head doubts so much that the corrector
    should act: those whose rewards, multiplied over each one's ``aspect_columns``, stay below its ``reward_threshold``.
    """
    finished = torch.zeros(len(latents), device=latents.device)
    rewards = overall_reward(head(latents.float(), context, finished), aspect_columns)
    return (rewards < corrector.config.reward_threshold).tolist()


def correct_finished(
    sampler: Sampler,
    corrector: Corrector,
    latents: Tensor,
    rows: Sequence[int],
    seeds: Sequence[int],
    noise_level: float = 0.0,
    strength: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Finished latents (B, C, h, w) of a sampler's ``rows``, corrected and finished again; and what was added.

    They are noised to ``noise_level``, 0 for the corrector's own, each with the noise of its seed; ``strength`` of the
    correction of their x0 predictions is added, and sampling goes on from there: a model call more than a resume.
    """
    level = noise_level or corrector.config.single_step_level
    x0 = sampler.predict(latents, level, rows, seeds)
    levels = torch.full((len(latents),), level, device=x0.device)
    delta = (strength * corrector(x0.float(), sampler.context(rows).to(x0.device), levels)).to(latents)
    # Shifting z by d shifts x0 by d under the same noise.
    return sampler.resume(latents + delta, level, rows, seeds).to(latents), delta
