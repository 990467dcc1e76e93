"""Where a corrector is tried out while it learns: predictions to correct, and what sampling and the critic make of the
outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Outcome:
    """What became of corrected predictions: finished latents (B, C, h, w), and the critic's reward (B,) of each in [0,
    1]."""

    latents: Tensor
    rewards: Tensor


@dataclass(frozen=True)
class Situations:
    """Where a corrector has to act: x0 predictions (B, C, h, w), prompt embeddings (B, L, D), levels (B,), and
    ``play``, which resumes sampling from given predictions."""

    latents: Tensor
    context: Tensor
    noise_level: Tensor
    play: Callable[[Tensor], Outcome]


Draw = Callable[[int, torch.Generator], Situations]
"""So many situations, by a random generator."""
