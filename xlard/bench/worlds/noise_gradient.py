"""The gradient of a head on the noise that sampling begins with, for a world's sampler: as in ReNO (arXiv 2406.04312),
and on the noise's sphere, as xLARD Search Noise does it.
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

SEARCH = AscentSettings(step=0.05, trust_region=0.5)
"""What xLARD Search Noise has at its defaults, but for the number of steps."""

STEP_NFE = 2
"""What a step of a search counts: the model call, and the way back through it as another one."""


def noise_gradient(engine: Engine, known: Tensor) -> list[LoopState]:
    """Every picture drawn from noise of which the head expects more: of the x0 prediction of one step.

    The head reads that prediction as one at the highest level that it can read. ``known`` (B, A) weighs the aspects
    that claims are about. A step takes a forward call of the model, counted, and a backward one, which is not.
    """
    return _drawn_from(engine, known, SETTINGS, SETTINGS.steps + 1, on_sphere=False)


def search_noise(engine: Engine, known: Tensor, number: int) -> list[LoopState]:
    """As ``noise_gradient`` on the sphere, with as many steps as ``number`` generations pay for beside the picture.

    Of a step both ways through the model count. Raises ValueError where not one step is paid for.
    """
    nfe = engine.sampler.nfe()
    steps = (number * nfe - nfe - 1) // STEP_NFE
    if steps < 1:
        raise ValueError(
            f"{number} generations of {nfe} calls pay for no step of a search beside the picture. Raise the number."
        )
    settings = replace(SEARCH, steps=steps)
    return _drawn_from(engine, known, settings, STEP_NFE * steps + 1, on_sphere=True)


def _drawn_from(
    engine: Engine, known: Tensor, settings: AscentSettings, extra_nfe: int, on_sphere: bool
) -> list[LoopState]:
    rows = list(range(len(engine.states)))
    head, sampler = head_of(engine), sampler_of(engine)
    moved = ascend_noise(
        head,
        sampler.noise(engine.seeds),
        lambda noise: sampler.predict_noise(noise, rows),
        sampler.context(rows),
        torch.full((len(rows),), head.config.noise_level_range[1]),
        known,
        settings,
        on_sphere=on_sphere,
    ).latents
    return base(replace(engine, sampler=_FromNoise(sampler, moved, extra_nfe)))


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
