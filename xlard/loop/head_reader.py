"""What the head expects of unfinished pictures: at one noise level, or at each step on their way."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..guidance.base import WatchedGuidance, X0Guidance
from ..models.head import overall_reward
from .engine import Engine
from .state import StepReward

_SLACK = 1e-4


def expected_reward(engine: Engine, rows: Sequence[int], latents: Tensor, noise_level: float) -> Tensor:
    """The head's product of rewards (B,) over the aspects of each picture. Raises ValueError without a head."""
    if engine.head is None:
        raise ValueError("Rewards are read by a reward head, and this loop has none.")
    levels = torch.full((len(rows),), noise_level, device=latents.device)
    prediction = engine.head(latents, engine.sampler.context(rows), levels)
    return overall_reward(prediction, [engine.head_columns[row] for row in rows])


class StepReader:
    """Notes what the head expects of some rows at each noise level that it can read, as DenseGRPO rewards steps.

    What is sampled stays the same. Outside of ``regions`` (B, h, w) the head sees ``latents`` (B, C, h, w), as they
    will come back.
    """

    def __init__(
        self, engine: Engine, rows: Sequence[int], latents: Tensor | None = None, regions: Tensor | None = None
    ):
        self._engine, self._rows, self._latents, self._regions = engine, rows, latents, regions
        self._levels = (0.0, 0.0) if engine.head is None else engine.head.config.noise_level_range
        self._rewards: dict[float, Tensor] = {}

    @torch.no_grad()
    def __call__(self, x0: Tensor, noise_level: float) -> None:
        """Read the x0 predictions (B, C, h, w) of a step."""
        lowest, highest = self._levels
        if not lowest - _SLACK <= noise_level <= highest + _SLACK:
            return
        seen = x0.float()
        if self._regions is not None and self._latents is not None:
            seen = torch.where(self._regions.to(x0.device)[:, None], seen, self._latents.to(seen))
        # A sampler may come to a level twice; sampling goes on from what it is given last.
        self._rewards.pop(noise_level, None)
        self._rewards[noise_level] = expected_reward(self._engine, self._rows, seen, noise_level)

    @property
    def steps(self) -> list[tuple[StepReward, ...]]:
        """For each row, in the order of sampling."""
        levels, rewards = list(self._rewards), [level_rewards.tolist() for level_rewards in self._rewards.values()]
        return (
            [tuple(zip(levels, row_rewards)) for row_rewards in zip(*rewards)] if levels else [() for _ in self._rows]
        )


def step_reader(
    engine: Engine, rows: Sequence[int], latents: Tensor | None = None, regions: Tensor | None = None
) -> StepReader | None:
    """A reader of the steps, where the loop asks for one and has a head."""
    return StepReader(engine, rows, latents, regions) if engine.read_steps and engine.head is not None else None


def watched(guidance: X0Guidance | None, reader: StepReader | None) -> X0Guidance | None:
    """A guidance, or none, whose every answer a reader sees."""
    return guidance if reader is None else WatchedGuidance(guidance, reader)
