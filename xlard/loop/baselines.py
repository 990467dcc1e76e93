"""Baselines to compare with: the plain sampler, best of N, retry until the critic accepts, one blind correction."""

from __future__ import annotations

from ..models.corrector import attribution_map, relative_norm
from ..protocols import Corrector
from .attempt import best_latents, correct, draw
from .correction import Correction
from .engine import Attempt, Engine, better, derived_seed
from .finished import correct_finished, doubted
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


def correct_latent(engine: Engine) -> list[LoopState]:
    """Every picture drawn, and its finished latent corrected where the head doubts it, whatever the critic says.

    This is what xLARD Correct Latent does with a model and a head. Raises ValueError without a corrector that acts at
    a noise level.
    """
    base(engine)
    corrector = engine.corrector
    if corrector is None or not corrector.config.single_step_level:
        raise ValueError("There is no corrector that acts at a noise level, which finished latents could be noised to.")
    rows = list(range(len(engine.states)))
    if engine.head is not None:
        context = engine.sampler.context(rows)
        doubts = doubted(engine.head, corrector, best_latents(engine, rows), context, engine.head_columns)
        rows = [row for row in rows if doubts[row]]
    if rows:
        engine.try_rows(rows, lambda: _corrected_latents(engine, corrector, rows), lambda state, critique: True)
    return engine.states


def _corrected_latents(engine: Engine, corrector: Corrector, rows: list[int]) -> Attempt:
    latents, level = best_latents(engine, rows), corrector.config.single_step_level
    seeds = [engine.seeds[row] for row in rows]
    corrected, delta = correct_finished(engine.sampler, corrector, latents, rows, seeds)
    nfe = 1 + engine.sampler.nfe(level)
    return Attempt(
        "correct",
        level,
        seeds,
        nfe,
        corrected,
        relative_norm(corrected - latents, latents).tolist(),
        attributions=attribution_map(delta),
    )


def _draw(engine: Engine, rows: list[int], number: int, settings: LoopSettings | None) -> Attempt:
    """A draw of rows, the first with their own seeds."""
    seeds = [derived_seed(engine.seeds[row], number) if number else engine.seeds[row] for row in rows]
    correction = Correction.resolve(engine.head, engine.corrector, settings) if settings else None
    return draw(engine, rows, "resample" if number else "sample", seeds, correction)
