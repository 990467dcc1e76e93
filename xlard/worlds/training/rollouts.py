"""Where a corrector is tried out while it learns: predictions to correct, and how sampling and the critic continue from
them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ...models.corrector import CorrectorConfig, LatentCorrector
from ...training.objectives import CorrectorObjective


@dataclass(frozen=True)
class Outcome:
    """The results of corrected predictions: finished latents (B, C, h, w), and the critic's rewards (B,) in [0, 1]."""

    latents: Tensor
    rewards: Tensor


@dataclass(frozen=True)
class Situations:
    """Where a corrector has to act: x0 predictions (B, C, h, w), prompt embeddings (B, L, D), noise levels (B,), and
    ``play``, which resumes sampling from corrected predictions.
    """

    latents: Tensor
    context: Tensor
    noise_level: Tensor
    play: Callable[[Tensor], Outcome]


Draw = Callable[[int, torch.Generator], Situations]
"""From a number and a random generator to that many situations."""


class RolloutObjective(Protocol):
    """A class of objectives that learn from rollouts, from the weights of ``start`` on if it is given."""

    def __call__(
        self, config: CorrectorConfig, situations: Draw, device: str, start: LatentCorrector | None = None
    ) -> CorrectorObjective:
        """The objective, with rollouts of ``situations``."""
