"""Steers: what sampling goes on from, instead of the model's own x0 predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..models.corrector import project
from ..models.head import overall_reward
from ..protocols import SingleStepGuidance, X0Guidance

Corrector = Callable[[Tensor, Tensor, Tensor], Tensor]
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


def corrector_guidance(
    corrector: Corrector,
    context: Tensor,
    window: tuple[float, float],
    strength: float = 1.0,
    record: OnCorrection | None = None,
) -> X0Guidance:
    """x0' = x0 + strength * corrector(x0, context, level) at the levels inside ``window``, both ends included.

    ``context`` (B, L, D) are the rows' prompt embeddings, or (1, L, D) for all of them. ``record`` is told the level,
    the change (B, C, h, w) as it was applied, and the x0 prediction before it. Raises ValueError for an upside-down
    window."""
    check_window(window)
    low, high = window

    @torch.no_grad()
    def steer(x0: Tensor, level: float) -> Tensor:
        if not low - _SLACK <= level <= high + _SLACK:
            return x0
        rows = context.to(x0.device, torch.float32).expand(len(x0), -1, -1)
        delta = strength * corrector(x0.float(), rows, torch.full((len(x0),), level, device=x0.device)).to(x0)
        if record is not None:
            record(level, delta, x0)
        return x0 + delta

    return steer


def moved_noise(noise: Tensor, delta: Tensor) -> Tensor:
    """Initial noise (B, C, ...) moved by delta, its norm kept: a model knows noise of no other. Where delta is 0 all
    through, a picture's noise stays the same to the last bit."""
    moved = noise + delta
    size = noise.flatten(1).norm(dim=1) / moved.flatten(1).norm(dim=1).clamp_min(1e-8)

    def wide(values: Tensor) -> Tensor:
        return values.view(-1, *[1] * (noise.ndim - 1))

    return torch.where(wide(delta.flatten(1).any(dim=1)), moved * wide(size), noise)


def single_step_guidance(
    corrector,
    context: Tensor,
    noise_level: float = 0.0,
    strength: float = 1.0,
    record: OnCorrection | None = None,
    head=None,
    asked: Sequence[Sequence[int]] = (),
) -> SingleStepGuidance:
    """A corrector that acts once, at ``noise_level`` (0: where it is meant to, which may be on the noise and at a
    level).

    ``head`` and ``corrector`` are called as ``RewardHead`` and ``LatentCorrector`` are, and have their configs. With a
    head only those predictions are moved whose rewards, multiplied over the aspects ``asked`` of each row (their places
    in the head's rewards), stay below the corrector's ``reward_threshold``, and no noise beside one that acts later.
    See ``corrector_guidance`` for the rest."""
    config = corrector.config
    single_step_level = noise_level or config.single_step_level

    def doubted(x0: Tensor, rows: Tensor, level: Tensor) -> Tensor:
        delta = corrector(x0, rows, level)
        if head is None:
            return delta
        rewards = overall_reward(head(x0, rows, level), asked).to(delta)
        return delta * _wide((rewards < config.reward_threshold).to(delta))

    def share(x0: Tensor, rows: Tensor, level: Tensor) -> Tensor:
        return config.noise_share * corrector(x0, rows, level)

    # The step that is nearest may lie to either side.
    at_level, on_noise = (corrector_guidance(each, context, (0.0, 1.0), strength, record) for each in (doubted, share))
    if single_step_level >= 1:
        return SingleStepGuidance(1.0, on_noise)
    return SingleStepGuidance(
        single_step_level, at_level, noise=on_noise if config.moves_noise and head is None and not noise_level else None
    )


def guidance_of(corrector, context: Tensor, strength: float = 1.0) -> X0Guidance | SingleStepGuidance:
    """A corrector at work as it was trained to be: once, or at each step of its noise levels."""
    if corrector.config.single_step_level:
        return single_step_guidance(corrector, context, strength=strength)
    return corrector_guidance(corrector, context, corrector.config.noise_level_range, strength)


def guide_in_turn(steers: Sequence[X0Guidance], trust_region: float, strength: float = 1.0) -> X0Guidance:
    """Several steers as one: each goes on from the x0 predictions that the one before it made.

    What they change in all is at most ``trust_region`` times the norm of the first x0; ``strength`` of it is applied.
    Predictions that none of them moves come back as the very same tensor.
    """

    @torch.no_grad()
    def steer(x0: Tensor, level: float) -> Tensor:
        after = x0
        for each in steers:
            after = each(after, level)
        if after is x0:
            return x0
        before = x0.float()
        return x0 + (strength * project(after.float() - before, before, trust_region)).to(x0)

    return steer


def _wide(values: Tensor) -> Tensor:
    return values[:, None, None, None]
