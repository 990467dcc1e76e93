"""The models of an engine as a world has them, for methods that need more than the loop's protocols."""

from __future__ import annotations

from ...loop.engine import Engine
from ...models.corrector import LatentCorrector
from ...models.head import RewardHead
from ...worlds.sampling import FlowSampler


def sampler_of(engine: Engine) -> FlowSampler:
    """A world's sampler, which can run step by step. Raises TypeError for another one."""
    if not isinstance(engine.sampler, FlowSampler):
        raise TypeError("This method runs single steps of sampling, and needs the sampler of a world.")
    return engine.sampler


def corrector_of(engine: Engine) -> LatentCorrector:
    """The corrector. Raises TypeError if there is none."""
    if not isinstance(engine.corrector, LatentCorrector):
        raise TypeError("This method needs a trained corrector.")
    return engine.corrector


def head_of(engine: Engine) -> RewardHead:
    """The reward head. Raises TypeError if there is none."""
    if not isinstance(engine.head, RewardHead):
        raise TypeError("This method needs a trained reward head.")
    return engine.head
