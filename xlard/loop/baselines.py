"""Baselines to compare with: the plain sampler, best of N, retry until the critic accepts, one blind correction."""

from __future__ import annotations

from .attempt import correct, draw
from .engine import Attempt, Engine, better, derived_seed
from .settings import LoopSettings
from .state import LoopState


def base(engine: Engine) -> list[LoopState]:
    """One picture a prompt, judged and returned as it is."""
    rows = list(range(len(engine.states)))
    engine.try_rows(rows, lambda: _draw(engine, rows, 0, None), better)
    return engine.states


def best_of_n(engine: Engine, number: int, settings: LoopSettings | None = None) -> list[LoopState]:
    """``number`` pictures a prompt, the critic's best returned; with ``settings`` all drawn with the corrector at
    work."""
    rows = list(range(len(engine.states)))
    for attempt in range(number):
        engine.try_rows(rows, lambda: _draw(engine, rows, attempt, settings), better)
    return engine.states


def retry(engine: Engine, number: int, settings: LoopSettings | None = None) -> list[LoopState]:
    """Fresh draws until the critic accepts, ``number`` at most, the critic's best returned; with ``settings`` all drawn
    with the corrector at work."""
    rows = list(range(len(engine.states)))
    for attempt in range(number):
        if rows:
            engine.try_rows(rows, lambda: _draw(engine, rows, attempt, settings), better)
        rows = [row for row, state in enumerate(engine.states) if not state.passed]
    return engine.states


def steered(engine: Engine, settings: LoopSettings) -> list[LoopState]:
    """One picture a prompt, drawn with the corrector at work, and returned whatever the critic says: the corrector
    alone."""
    return best_of_n(engine, 1, settings)


def _draw(engine: Engine, rows: list[int], number: int, settings: LoopSettings | None) -> Attempt:
    """A draw of rows, the first with their own seeds."""
    seeds = [derived_seed(engine.seeds[row], number) if number else engine.seeds[row] for row in rows]
    return draw(engine, rows, "resample" if number else "sample", seeds, settings)


def one_correction(engine: Engine, noise_level: float, settings: LoopSettings) -> list[LoopState]:
    """Every picture renoised to ``noise_level`` and drawn on from there once, and returned, whatever the critic
    says."""
    base(engine)
    rows = list(range(len(engine.states)))
    seeds = [derived_seed(seed, 1, 0) for seed in engine.seeds]
    engine.try_rows(rows, lambda: correct(engine, rows, noise_level, seeds, settings), lambda state, critique: True)
    return engine.states
