"""The loop: draw, judge, let the router plan for what failed, carry it out, judge again, keep the best."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

from torch import Tensor

from ..claims import Claim
from ..protocols import Decoder, Judge, Sampler
from .attempt import carry_out, draws_corrected, first, predictions
from .edit_region import within_edit_region
from .engine import Corrector, Engine, Head, OnRound, Rewriter, better, derived_seed
from .plan import Plan, Situation
from .router import Router, router
from .settings import LoopSettings
from .state import LoopState


def self_correct(
    prompts: Sequence[str],
    claims: Sequence[Sequence[Claim]],
    seeds: Sequence[int],
    sampler: Sampler,
    decoder: Decoder,
    judge: Judge,
    head: Head | None = None,
    corrector: Corrector | None = None,
    settings: LoopSettings | None = None,
    on_round: OnRound | None = None,
    rewriter: Rewriter | None = None,
    sources: Tensor | None = None,
    read_steps: bool = False,
) -> list[LoopState]:
    """Draw each picture, then mend those that the critic fails, until they pass or rounds or budget are spent.

    The best picture by the critic is kept. Prompts are put into other words only by a ``rewriter``. With ``sources``
    (B, C, h, w) these latents are the first pictures, and only what their edits may change is drawn anew. Raises
    ValueError where a prompt has no claims, where a source has none of an edit, or for unknown strategies, and
    LoopCriticError, which holds what there was until then, where the critic fails."""
    return correct_all(
        Engine(
            sampler, decoder, judge, prompts, claims, seeds, head, corrector, on_round, rewriter, sources, read_steps
        ),
        settings or LoopSettings(),
    )


def correct_all(engine: Engine, settings: LoopSettings) -> list[LoopState]:
    """The loop on an engine; see ``self_correct``."""
    once, rows = draws_corrected(engine, settings), list(range(len(engine.states)))
    asked = router(settings.strategies, settings.noise_level, engine.sources is not None, once)
    engine.try_rows(rows, lambda: first(engine, rows, settings), better)
    for number in range(1, settings.rounds + 1):
        groups: dict[tuple[str, float, str, bool], dict[int, Plan]] = defaultdict(dict)
        seconds = {}
        for row in rows:
            started = time.perf_counter()
            plan = plan_for(engine, row, number, asked, settings)
            # A critic that rewrites takes its time, which belongs to the round.
            seconds[row] = time.perf_counter() - started
            if plan is not None:
                groups[plan.strategy, plan.noise_level, plan.prompt, plan.region is None][row] = plan
        for plans in groups.values():
            engine.try_rows(
                list(plans),
                lambda: carry_out(engine, list(plans), list(plans.values()), settings),
                better,
                [seconds[row] for row in plans],
            )
    return engine.states


def plan_for(engine: Engine, row: int, number: int, asked: Router, settings: LoopSettings) -> Plan | None:
    """What a router does with a picture in round ``number``; None for one that passes, or where the budget does not
    allow it."""
    state = engine.states[row]
    if state.passed:
        return None
    best, sampler = state.best, engine.sampler
    rewrite = engine.rewriter and (lambda critique: engine.rewriter(state.prompt, critique, state.wordings))
    acting = engine.corrector.config if draws_corrected(engine, settings) else None
    situation = Situation(
        state,
        tuple(best.latent.shape[-2:]),
        tuple(best.image.shape[:2]),
        derived_seed(engine.seeds[row], number, 0),
        sampler.calls,
        lambda noise_level: predictions(engine, noise_level, settings),
        rewrite,
        acting.single_step_level if acting else 0.0,
        acting.calls if acting else 0,
    )
    plan = asked.plan(situation, within_edit_region)
    if plan is None or (settings.budget is not None and state.nfe + plan.nfe > settings.budget):
        return None
    return plan
