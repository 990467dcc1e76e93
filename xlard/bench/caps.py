"""What a method had reached at lower caps on model calls: one run gives the whole curve of accuracy by cost."""

from __future__ import annotations

from collections.abc import Sequence

from ..demo.checker import check
from ..loop.state import LoopState
from .statistics import interval

CAPS = (1, 2, 4, 8, 16)
"""Caps in multiples of one generation."""


def at_caps(states: Sequence[LoopState], clusters: Sequence[int], generation: int) -> dict[str, dict]:
    """For each cap up to what was spent: accuracy by the exact checker with interval, per-picture results and mean NFE.

    ``generation`` is the NFE of one generation. A method that plans by what is left may do a little better when it is given
    the cap to begin with.
    """
    most, found = max(state.nfe for state in states), {}
    for cap in CAPS:
        nfe = cap * generation
        right = [check(state.best_within(nfe).image.permute(2, 0, 1), state.claims).passed for state in states]
        spent = sum(state.spent_within(nfe) for state in states) / len(states)
        found[str(cap)] = {"accuracy": interval(right, clusters), "right": right, "nfe": spent}
        if most <= nfe:
            break
    return found


def curves(summaries: dict[str, dict], clusters: Sequence[int]) -> str:
    """Accuracy and mean NFE of each method at each cap, and how far the last method is ahead of the others there."""
    lines = [f"{'cap':<18}" + "".join(f"{f'{cap}x':>20}" for cap in CAPS)]
    for name, row in summaries.items():
        cells = [row["caps"].get(str(cap)) for cap in CAPS]
        lines.append(f"{name:<18}" + "".join(f"{cell['accuracy'][0]:>12.3f} @{cell['nfe']:>6.1f}" if cell else f"{'':>20}" for cell in cells))
    *others, last = summaries
    for name in others:
        cells = []
        for cap in map(str, CAPS):
            before, after = summaries[name]["caps"].get(cap), summaries[last]["caps"].get(cap)
            if before and after:
                mean, low, high = interval([b - a for a, b in zip(before["right"], after["right"])], clusters)
                cells.append(f"{cap}x {mean:+.3f} [{low:+.3f}, {high:+.3f}]")
        if cells[1:]:
            lines.append(f"{last} - {name}: " + ", ".join(cells))
    return "\n".join(lines)
