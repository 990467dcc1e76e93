"""Baselines to compare with: the plain sampler, best of N, retry until the critic accepts, one blind correction."""

from __future__ import annotations

from .attempt import correct, draw
from .correction import Correction
from .engine import Attempt, Engine, better, derived_seed
from .settings import LoopSettings
from .state import LoopState


def base(engine: Engine) -> list[LoopState]:
    """One picture a prompt, judged and returned as it is."""
    return best_of_n(engine, 1)


def best_of_n(engine: Engine, number: int, settings: LoopSettings | None = None) -> list[LoopState]:
    """``number`` pictures a prompt, the critic's best returned.

    With ``settings`` all are drawn with the corrector at work.
    """
    rows = list(range(len(engine.states)))
    for attempt in range(number):
        engine.try_rows(rows, lambda: _draw(engine, rows, attempt, settings), better)
    return engine.states


def retry(engine: Engine, number: int, settings: LoopSettings | None = None) -> list[LoopState]:
    """Fresh draws until the critic accepts, ``number`` at most, the critic's best returned.

    With ``settings`` all are drawn with the corrector at work.
    """
    rows = list(range(len(engine.states)))
    for attempt in range(number):
        if rows:
            engine.try_rows(rows, lambda: _draw(engine, rows, attempt, settings), better)
        rows = [row for row, state in enumerate(engine.states) if not state.finished]
    return engine.states


def corrected(engine: Engine, settings: LoopSettings) -> list[LoopState]:
    """One picture a prompt, drawn with the corrector at work, and returned whatever the critic says."""
    return best_of_n(engine, 1, settings)


def one_correction(engine: Engine, noise_level: float, settings: LoopSettings) -> list[LoopState]:
    """Every picture renoised to ``noise_level`` once and sampled on from there, and returned, whatever the critic
    says.
    """
    base(engine)
    rows = list(range(len(engine.states)))
    seeds = [derived_seed(seed, 1, 0) for seed in engine.seeds]
    correction = Correction.resolve(engine.head, engine.corrector, settings)
    engine.try_rows(
        rows, lambda: correct(engine, rows, "correct", noise_level, seeds, correction), lambda state, critique: True
    )
    return engine.states


def _draw(engine: Engine, rows: list[int], number: int, settings: LoopSettings | None) -> Attempt:
    """A draw of rows, the first with their own seeds."""
    seeds = [derived_seed(engine.seeds[row], number) if number else engine.seeds[row] for row in rows]
    correction = Correction.resolve(engine.head, engine.corrector, settings) if settings else None
    return draw(engine, rows, "resample" if number else "sample", seeds, correction)
