"""What a method had reached at lower caps on model calls: one run gives the whole curve of accuracy by cost."""

from __future__ import annotations

from collections.abc import Sequence

from ...loop.state import LoopState
from ...worlds.shapes.checker import check
from ..statistics import shares
from .tasks import read_task

CAPS = (1, 2, 4, 8, 16)
"""Caps in multiples of one generation."""


def at_caps(
    states: Sequence[LoopState], clusters: Sequence[int], generation: int, before: Sequence[bool] | None
) -> dict[str, dict]:
    """For each cap up to what was spent: ``outcome`` of the states as they were then.

    ``generation`` is the NFE of one generation. A method that plans by what is left may do a little better when it is
    given the cap to begin with."""
    most, found = max(state.nfe for state in states), {}
    for cap in CAPS:
        nfe = cap * generation
        found[str(cap)] = outcome([state.within(nfe) for state in states], clusters, before)
        if most <= nfe:
            break
    return found


def outcome(states: Sequence[LoopState], clusters: Sequence[int], before: Sequence[bool] | None) -> dict:
    """``shares`` of the best pictures that the exact checker finds right, and mean NFE and seconds."""
    right = [check(state.best.image.permute(2, 0, 1), state.claims).passed for state in states]
    return {
        **shares(right, clusters, [read_task(state.prompt) for state in states], before),
        "nfe": sum(state.nfe for state in states) / len(states),
        "seconds": sum(state.seconds for state in states) / len(states),
    }
