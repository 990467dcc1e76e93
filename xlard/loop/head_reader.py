"""What the head expects of pictures that are not finished yet: at one noise level, or at each step on their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..critique import ASPECT_OF
from ..models.head import overall_reward
from ..protocols import SingleStepGuidance, X0Guidance
from .engine import Engine
from .state import StepReward

_SLACK = 1e-4


def asked_aspects(engine: Engine, row: int) -> list[int]:
    """Places in the head's rewards of the aspects that a picture's claims are about."""
    asked = {ASPECT_OF[claim.type] for claim in engine.claims[row]}
    return [place for place, aspect in enumerate(engine.head.config.aspects) if aspect in asked] if engine.head else []


def expected_reward(engine: Engine, rows: Sequence[int], latents: Tensor, noise_level: float) -> Tensor:
    """The head's product of rewards (B,) over each picture's own aspects."""
    levels = torch.full((len(rows),), noise_level, device=latents.device)
    prediction = engine.head(latents, engine.sampler.context(rows), levels)
    return overall_reward(prediction, [asked_aspects(engine, row) for row in rows])


class StepReader:
    """Notes what the head expects of some rows at each noise level that it can read, as DenseGRPO rewards steps; what
    is sampled stays the same.

    Outside of ``regions`` (B, h, w) it sees ``latents`` (B, C, h, w), as they will come back.
    """

    def __init__(
        self, engine: Engine, rows: Sequence[int], latents: Tensor | None = None, regions: Tensor | None = None
    ):
        self._engine, self._rows, self._latents, self._regions = engine, rows, latents, regions
        self._rewards: dict[float, Tensor] = {}

    @torch.no_grad()
    def __call__(self, x0: Tensor, level: float) -> Tensor:
        """A steer that gives back the very predictions that it was given."""
        lowest, highest = self._engine.head.config.noise_level_range
        if lowest - _SLACK <= level <= highest + _SLACK:
            seen = x0.float()
            if self._regions is not None:
                seen = torch.where(self._regions.to(x0.device)[:, None], seen, self._latents.to(seen))
            # A sampler may come to a level twice; sampling goes on from what it is given last.
            self._rewards.pop(level, None)
            self._rewards[level] = expected_reward(self._engine, self._rows, seen, level)
        return x0

    @property
    def steps(self) -> list[tuple[StepReward, ...]]:
        """For each row, in the order of sampling."""
        levels, rewards = list(self._rewards), [each.tolist() for each in self._rewards.values()]
        return [tuple(zip(levels, own)) for own in zip(*rewards)] if levels else [() for _ in self._rows]


def step_reader(
    engine: Engine, rows: Sequence[int], latents: Tensor | None = None, regions: Tensor | None = None
) -> StepReader | None:
    """A reader of the steps, where that is asked for and there is a head to read them."""
    return StepReader(engine, rows, latents, regions) if engine.read_steps and engine.head is not None else None


def watched(
    steer: X0Guidance | SingleStepGuidance | None, reader: StepReader | None
) -> X0Guidance | SingleStepGuidance | None:
    """A steer whose every answer a reader sees."""
    if reader is None or steer is None:
        return steer or reader
    if isinstance(steer, SingleStepGuidance):
        return replace(steer, along=watched(steer.along, reader))
    return lambda x0, level: reader(steer(x0, level), level)
