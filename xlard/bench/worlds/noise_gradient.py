"""The gradient of a head on the noise that sampling begins with, as in ReNO (arXiv 2406.04312), for a world's
sampler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ...guidance.gradient import AscentSettings, ascend_noise
from ...loop.baselines import base
from ...loop.engine import Engine
from ...loop.state import LoopState
from ...worlds.sampling import FlowSampler
from .engine_models import head_of, sampler_of

SETTINGS = AscentSettings()


def noise_gradient(engine: Engine, known: Tensor) -> list[LoopState]:
    """Every picture drawn from noise of which the head expects more: of the x0 prediction of one step.

    The head reads that prediction as one at the highest level that it can read. ``known`` (B, A) weighs the aspects
    that claims are about. A step takes a forward call of the model, counted, and a backward one, which is not.
    """
    rows = list(range(len(engine.states)))
    head, sampler = head_of(engine), sampler_of(engine)
    moved = ascend_noise(
        head,
        sampler.noise(engine.seeds),
        lambda noise: sampler.predict_noise(noise, rows),
        sampler.context(rows),
        torch.full((len(rows),), head.config.noise_level_range[1]),
        known,
        SETTINGS,
    ).latents
    return base(replace(engine, sampler=_FromNoise(sampler, moved, SETTINGS.steps + 1)))


class _FromNoise(FlowSampler):
    """A sampler that begins with given noise (B, C, h, w), which took ``extra_nfe`` model calls."""

    def __init__(self, sampler: FlowSampler, given_noise: Tensor, extra_nfe: int):
        self.__dict__.update(sampler.__dict__)
        self._given_noise, self._extra_nfe = given_noise, extra_nfe

    def noise(self, seeds: Sequence[int]) -> Tensor:
        """The given noise."""
        return self._given_noise

    def nfe(self, noise_level: float = 1.0) -> int:
        """Model calls from ``noise_level`` to the end, and those that the noise took."""
        return super().nfe(noise_level) + self._extra_nfe
