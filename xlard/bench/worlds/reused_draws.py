"""Methods whose pictures are among those that ``best_of_N`` has drawn: they reuse these draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...loop.engine import better
from ...loop.state import LoopState
from ...protocols import Judge
from .methods import MethodName
from .tables import EXACT

_REUSING = ("base", "best_of", "retry")
"""Families of methods whose pictures are plain draws."""


def most_draws(names: Sequence[str]) -> str | None:
    """Of methods by name the plain ``best_of_N`` that draws most; None without one."""
    best_of = [name for name in names if (parsed := MethodName.read(name)).family == "best_of" and not parsed.variant]
    return max(filter(_draws, best_of), key=_draws, default=None)


def can_reuse(name: str, source: str | None) -> bool:
    """Whether the pictures of a method are among those of ``source``, a ``best_of_N``."""
    return source is not None and 0 < _draws(name) <= _draws(source)


def reused(name: str, drawn: LoopState, judge: Judge) -> LoopState:
    """What a method would have come to with the pictures that ``best_of_N`` has drawn: it takes the first ones.

    With ``:exact_judge``, ``judge`` judges each of them again; else the critiques stand.
    """
    parsed, state = MethodName.read(name), LoopState(drawn.prompt, drawn.claims)
    for round_ in drawn.rounds[: _draws(name)]:
        critique = judge.judge(round_.image[None], [drawn.claims])[0] if parsed.variant else round_.critique
        accepted = not state.rounds or better(state, critique)
        state.rounds.append(replace(round_, critique=critique, accepted=accepted))
        if parsed.family == "retry" and state.passed:
            break
    return state


def _draws(name: str) -> int:
    """How many plain draws a method takes at most; 0 for a method that takes others."""
    parsed = MethodName.read(name)
    if parsed.family not in _REUSING or parsed.variant not in ("", EXACT):
        return 0
    return 1 if parsed.family == "base" else parsed.number or 0
