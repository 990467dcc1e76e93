"""Whether a loop may introduce objects one by one."""

from __future__ import annotations

from ....xlard.loop.object_by_object import INTRODUCING, PROCESSES
from ..sampling.rewriting import ConditioningRewriter


def introducing(process: str, rewriting: ConditioningRewriter | None, source: dict | None) -> tuple[str, ...]:
    """The strategies that a way of ``PROCESSES`` adds. Raises ValueError where what these need is not there."""
    if process == PROCESSES[0]:
        return ()
    if source is not None:
        raise ValueError(
            f"An edit has no prompt to draw objects from one by one. Set process to '{PROCESSES[0]}', or disconnect"
            " source."
        )
    if rewriting is None:
        raise ValueError(
            "Objects are drawn one by one from prompts of their own, and nothing is there that encodes them. Connect"
            f" clip, the CLIP that made positive, or set process to '{PROCESSES[0]}'."
        )
    rewriting.check()
    return INTRODUCING
