"""Baselines to compare with: the plain sampler, best of N, retry until the critic accepts, one blind correction."""

from __future__ import annotations

from .correct import LoopSettings, correct
from .engine import Engine, better
from .state import LoopState


def base(engine: Engine) -> list[LoopState]:
    """One picture a prompt, judged and returned as it is."""
    rows = list(range(len(engine.states)))
    engine.try_rows(rows, lambda: engine.draw(rows, "sample"), better)
    return engine.states


def best_of_n(engine: Engine, number: int) -> list[LoopState]:
    """``number`` pictures a prompt, the critic's best returned."""
    base(engine)
    rows = list(range(len(engine.states)))
    for attempt in range(1, number):
        engine.try_rows(rows, lambda: engine.draw(rows, "resample", attempt), better)
    return engine.states


def retry(engine: Engine, number: int) -> list[LoopState]:
    """Fresh draws until the critic accepts, ``number`` at most; the critic's best returned."""
    base(engine)
    for attempt in range(1, number):
        rows = [row for row, state in enumerate(engine.states) if not state.passed]
        if rows:
            engine.try_rows(rows, lambda: engine.draw(rows, "resample", attempt), better)
    return engine.states


def one_correction(engine: Engine, sigma: float, strength: float = 1.0) -> list[LoopState]:
    """Every picture corrected once at ``sigma`` and returned, whatever the critic says: the corrector alone."""
    base(engine)
    rows = list(range(len(engine.states)))
    settings = LoopSettings(rounds=1, candidates=1, strength=strength, sigma=sigma)
    engine.try_rows(rows, lambda: correct(engine, rows, sigma, 1, settings), lambda state, critique: True)
    return engine.states
