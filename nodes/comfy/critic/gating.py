"""Which pictures a gate lets through, and what it says of them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ....xlard.critique import Critique
from ....xlard.report.drawing import summarise
from ..compat.jobs import ExecutionBlocker

BLOCK, WARN = "block", "pass with a warning"
WHEN_ONE_FAILS = (BLOCK, WARN)
"""What becomes of pictures that fail."""

_MOST_NAMED = 4
"""Pictures that a message says something of."""


def passes(critique: Critique) -> bool:
    """Whether a picture may go on: every claim holds, or there is none."""
    return critique.passed or not critique.verdicts


def let_through(
    images: Tensor, critiques: Sequence[Critique], blocks: bool
) -> tuple[Tensor | ExecutionBlocker, Tensor | ExecutionBlocker]:
    """The pictures (B, H, W, 3) that go on, all unless the gate ``blocks``, and those that fail.

    Where none goes on, the nodes behind stop with a message; where none fails, the nodes behind the failed ones do
    without one.
    """
    right = [index for index, critique in enumerate(critiques) if passes(critique)]
    wrong = [index for index in range(len(critiques)) if index not in right]
    on = right if blocks else range(len(critiques))
    return (
        images[list(on)] if len(on) else ExecutionBlocker(gate_text(critiques, blocks)),
        images[wrong] if wrong else ExecutionBlocker(None),
    )


def gate_text(critiques: Sequence[Critique], blocks: bool) -> str:
    """How many pictures pass, what becomes of the others, and what is wrong with them, in plain words."""
    wrong = [(number, critique) for number, critique in enumerate(critiques, 1) if not passes(critique)]
    count, passing = len(critiques), len(critiques) - len(wrong)
    lines = [f"{passing} of {count} {'picture passes' if count == 1 else 'pictures pass'}."]
    if wrong and not blocks:
        lines.append("All go on with this warning.")
    elif wrong:
        lines.append("Only what passes goes on." if passing else "The nodes behind xLARD Gate do not run.")
    lines += [
        f"Picture {number}: {summarise(critique)}: {_failing(critique)}" for number, critique in wrong[:_MOST_NAMED]
    ]
    if len(wrong) > _MOST_NAMED:
        lines.append(f"So it is with {len(wrong) - _MOST_NAMED} more.")
    return "\n".join(lines)


def _failing(critique: Critique) -> str:
    return "; ".join(
        verdict.claim.shown + (" (no verdict)" if verdict.passed is None else "")
        for verdict in critique.verdicts
        if not verdict.passed
    )
