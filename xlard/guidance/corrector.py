"""A corrector as x0 guidance: at each step of a window of noise levels, or once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..models.corrector import Corrector, project
from ..models.head import Head, overall_reward
from .base import SingleStepGuidance, StepwiseGuidance, X0Change, X0Guidance

Residual = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From latents (B, C, h, w), prompt embeddings (B, L, D) and noise levels (B,) to a residual (B, C, h, w)."""

OnCorrection = Callable[[float, Tensor, Tensor], None]

_SLACK = 1e-4
"""Schedules are in single precision: 0.9 may arrive as 0.90000004."""


def check_window(window: tuple[float, float]) -> None:
    """Raise ValueError for a window (lowest, highest noise level) that is upside down."""
    low, high = window
    if low > high:
        raise ValueError(
            f"The correction is to start at noise level {high:g} and to end at {low:g}, but sampling goes from 1 "
            "down to 0: the start must be the higher one."
        )


def corrector_change(
    corrector: Residual,
    context: Tensor,
    window: tuple[float, float] = (0.0, 1.0),
    strength: float = 1.0,
    record: OnCorrection | None = None,
) -> X0Change:
    """x0' = x0 + strength * corrector(x0, context, level) at the levels inside ``window``, both ends included.

    ``context`` (B, L, D) are the rows' prompt embeddings, or (1, L, D) for all of them. ``record`` is told the level,
    the change (B, C, h, w) as it was applied, and the x0 prediction before it. Raises ValueError for an upside-down
    window.
    """
    check_window(window)
    low, high = window

    @torch.no_grad()
    def change(x0: Tensor, noise_level: float) -> Tensor:
        if not low - _SLACK <= noise_level <= high + _SLACK:
            return x0
        rows = context.to(x0.device, torch.float32).expand(len(x0), -1, -1)
        levels = torch.full((len(x0),), noise_level, device=x0.device)
        delta = strength * corrector(x0.float(), rows, levels).to(x0)
        if record is not None:
            record(noise_level, delta, x0)
        return x0 + delta

    return change


def moved_noise(noise: Tensor, delta: Tensor) -> Tensor:
    """Initial noise (B, C, ...) moved by delta, its norm kept, because a model knows noise of no other.

    Where delta is 0 everywhere, a picture's noise stays the same to the last bit.
    """
    moved = noise + delta
    scale = noise.flatten(1).norm(dim=1) / moved.flatten(1).norm(dim=1).clamp_min(1e-8)
    changed = delta.flatten(1).any(dim=1)
    return torch.where(_per_picture(changed, noise), moved * _per_picture(scale, noise), noise)


def single_step_guidance(
    corrector: Corrector,
    context: Tensor,
    noise_level: float = 0.0,
    strength: float = 1.0,
    record: OnCorrection | None = None,
    head: Head | None = None,
    aspect_columns: Sequence[Sequence[int]] = (),
) -> SingleStepGuidance:
    """A corrector that acts once, at ``noise_level``; 0 stands for its own level.

    ``head`` and ``corrector`` are called as ``RewardHead`` and ``LatentCorrector`` are, and have their configs. With a
    head only those predictions are changed whose rewards, multiplied over each row's ``aspect_columns`` of the head,
    stay below the corrector's ``reward_threshold``; and no noise is moved before a correction at a lower level. See
    ``corrector_change`` for the rest.
    """
    config = corrector.config
    level = noise_level or config.single_step_level

    def doubted_residual(x0: Tensor, rows: Tensor, levels: Tensor) -> Tensor:
        delta = corrector(x0, rows, levels)
        if head is None:
            return delta
        rewards = overall_reward(head(x0, rows, levels), aspect_columns).to(delta)
        return delta * _per_picture((rewards < config.reward_threshold).to(delta), delta)

    def noise_residual(x0: Tensor, rows: Tensor, levels: Tensor) -> Tensor:
        return config.noise_share * corrector(x0, rows, levels)

    # The whole range, because the nearest step may lie to either side of the level.
    change = corrector_change(doubted_residual, context, (0.0, 1.0), strength, record)
    noise_change = corrector_change(noise_residual, context, (0.0, 1.0), strength, record)
    if level >= 1:
        return SingleStepGuidance(1.0, noise_change)
    moves_noise = config.moves_noise and head is None and not noise_level
    return SingleStepGuidance(level, change, noise_change if moves_noise else None)


def guidance_of(corrector: Corrector, context: Tensor, strength: float = 1.0) -> X0Guidance:
    """A corrector at work as it was trained to be: once, or at each step of its noise levels."""
    if corrector.config.single_step_level:
        return single_step_guidance(corrector, context, strength=strength)
    return StepwiseGuidance(corrector_change(corrector, context, corrector.config.noise_level_range, strength))


def changes_in_turn(changes: Sequence[X0Change], trust_region: float, strength: float = 1.0) -> X0Change:
    """Several changes as one: each goes on from the x0 predictions that the one before it made.

    What they change together is at most ``trust_region`` times the norm of the first x0; ``strength`` of it is applied.
    Predictions that none of them changes come back as the very same tensor.
    """

    @torch.no_grad()
    def change(x0: Tensor, noise_level: float) -> Tensor:
        changed = x0
        for apply in changes:
            changed = apply(changed, noise_level)
        if changed is x0:
            return x0
        before = x0.float()
        return x0 + (strength * project(changed.float() - before, before, trust_region)).to(x0)

    return change


def _per_picture(values: Tensor, like: Tensor) -> Tensor:
    """Values (B,) in a shape that multiplies tensors (B, ...)."""
    return values.view(-1, *[1] * (like.ndim - 1))
