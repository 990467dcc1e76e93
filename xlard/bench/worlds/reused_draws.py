"""Methods whose pictures are among those that ``best_of_N`` has drawn: they are read off these, not drawn again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ...loop.engine import better
from ...loop.state import LoopState
from ...protocols import Judge
from .tables import EXACT

_FAMILIES = {"base": "base", "best_of": r"best_of_(\d+)", "retry": r"retry_(\d+)"}


def most_draws(names: Sequence[str]) -> str | None:
    """Of methods by name the plain ``best_of_N`` that draws most; None where there is none."""
    found = {name: int(match.group(1)) for name in names if (match := re.fullmatch(_FAMILIES["best_of"], name))}
    return max(found, key=found.get, default=None)


def readable(name: str, source: str | None) -> bool:
    """Whether the pictures of a method are among those of ``source``, a ``best_of_N``."""
    kind, number = _parts(name)
    return source is not None and kind is not None and number <= _parts(source)[1]


def read_off(name: str, drawn: LoopState, judge: Judge) -> LoopState:
    """What a method would have come to with the pictures that ``best_of_N`` has drawn, of which it keeps the first
    ones.

    With ``:exact_judge`` ``judge`` says what holds in each, else what was said of it stands.
    """
    kind, number = _parts(name)
    state = LoopState(drawn.prompt, drawn.claims)
    for entry in drawn.rounds[:number]:
        critique = judge.judge(entry.image[None], [drawn.claims])[0] if ":" in name else entry.critique
        accepted = not state.rounds or better(state, critique)
        state.rounds.append(replace(entry, critique=critique, accepted=accepted))
        if kind == "retry" and state.passed:
            break
    return state


def _parts(name: str) -> tuple[str | None, int]:
    """Kind and number of pictures of a method that can be read off; None for others."""
    plain, _, variant = name.partition(":")
    for kind, pattern in _FAMILIES.items():
        if (match := re.fullmatch(pattern, plain)) and variant in ("", EXACT):
            return kind, int(match.group(1)) if match.groups() else 1
    return None, 0
