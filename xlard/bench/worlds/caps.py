"""What a method had reached at lower caps on model calls: one run gives the whole curve of accuracy by cost."""

from __future__ import annotations

from collections.abc import Sequence

from ...loop.state import LoopState
from ...worlds.world import Checker
from ..statistics import shares
from .tasks import read_task

CAPS = (1, 2, 4, 8, 16)
"""Caps in multiples of one generation."""


def at_caps(
    states: Sequence[LoopState],
    checker: Checker,
    clusters: Sequence[int],
    generation: int,
    before: Sequence[bool] | None,
) -> dict[str, dict]:
    """For each cap up to what was spent: ``outcome`` of the states as they were then.

    ``generation`` is the NFE of one generation. A method that plans by what is left may do a little better if it is
    given the cap from the start.
    """
    spent, outcomes = max(state.nfe for state in states), {}
    for cap in CAPS:
        nfe = cap * generation
        outcomes[str(cap)] = outcome([state.within(nfe) for state in states], checker, clusters, before)
        if spent <= nfe:
            break
    return outcomes


def outcome(
    states: Sequence[LoopState], checker: Checker, clusters: Sequence[int], before: Sequence[bool] | None
) -> dict:
    """``shares`` of the best pictures that the checker finds right, and mean NFE and seconds."""
    right = [checker.check(state.best.image, state.claims).passed for state in states]
    return {
        **shares(right, clusters, [read_task(state.prompt) for state in states], before),
        "nfe": sum(state.nfe for state in states) / len(states),
        "seconds": sum(state.seconds for state in states) / len(states),
    }
