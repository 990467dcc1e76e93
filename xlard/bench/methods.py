"""The methods that the bench compares, by the name that the command line gives them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from ..demo.checker import Checker
from ..loop.baselines import base, best_of_n, one_correction, retry
from ..loop.correct import LoopSettings, correct_all
from ..loop.engine import Engine
from ..loop.state import LoopState

CORRECTOR_SIGMA = 0.8
"""Where the corrector acts when it is run alone."""

Method = Callable[[Engine], list[LoopState]]


def _loop(number: int) -> Method:
    def run(engine: Engine) -> list[LoopState]:
        return correct_all(engine, LoopSettings(rounds=10 * number, budget=number * engine.sampler.calls()))
    return run


def _oracle(number: int) -> Method:
    def run(engine: Engine) -> list[LoopState]:
        return best_of_n(replace(engine, judge=Checker()), number)
    return run


_FAMILIES: dict[str, Callable[[int], Method]] = {
    "best_of": lambda number: lambda engine: best_of_n(engine, number),
    "retry": lambda number: lambda engine: retry(engine, number),
    "loop": _loop,
    "oracle_best_of": _oracle,
}
_SINGLE: dict[str, Method] = {
    "base": base,
    "corrector": lambda engine: one_correction(engine, CORRECTOR_SIGMA),
    "renoise": lambda engine: one_correction(engine, CORRECTOR_SIGMA, strength=0.0),
}


def method(name: str, budget: int | None = None) -> Method:
    """The method of a name: ``base``, ``corrector``, ``renoise``, or ``best_of_N``, ``retry_N``, ``loop_N``, ``oracle_best_of_N``.

    N is the cap on model calls in multiples of one base generation; ``budget`` stands in where N is left out. Raises
    ValueError for other names.
    """
    if name in _SINGLE:
        return _SINGLE[name]
    found = re.fullmatch(r"([a-z_]+?)(?:_(\d+))?", name)
    number = int(found.group(2)) if found and found.group(2) else budget
    if not found or found.group(1) not in _FAMILIES or not number:
        raise ValueError(f"There is no method '{name}'; there are {', '.join(_SINGLE)} and "
                         f"{', '.join(f'{family}_N' for family in _FAMILIES)} (N: multiples of one generation, or --budget).")
    return _FAMILIES[found.group(1)](number)
