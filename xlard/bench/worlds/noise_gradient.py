"""The gradient of a head on the noise that sampling begins with, as in ReNO (arXiv 2406.04312), for the demo world's
sampler."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor

from ...guidance.gradient import AscentSettings, ascend_noise
from ...loop.baselines import base
from ...loop.engine import Engine
from ...loop.state import LoopState

SETTINGS = AscentSettings()


def noise_gradient(engine: Engine, known: Tensor) -> list[LoopState]:
    """Every picture drawn from noise that was moved to where the head promises more of the x0 prediction of one step.

    The head reads that prediction as one at the highest level that it can read. ``known`` (B, A) are the asked aspects.
    A step takes a call of the model forwards, counted, and one backwards, which is not."""
    rows = list(range(len(engine.states)))
    plain, context = engine.sampler, engine.sampler.context(rows)
    highest = torch.full((len(rows),), engine.head.config.noise_level_range[1])
    moved = ascend_noise(
        engine.head,
        plain.noise(engine.seeds),
        lambda noise: plain.predict_noise(noise, rows),
        context,
        highest,
        known,
        SETTINGS,
    ).latents
    sampler = copy.copy(plain)
    sampler.noise = lambda seeds: moved
    sampler.nfe = lambda noise_level=1.0: plain.nfe(noise_level) + SETTINGS.steps + 1
    return base(replace(engine, sampler=sampler))
