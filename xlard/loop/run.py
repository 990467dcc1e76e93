"""The loop: draw, judge, have the router plan for what failed, carry the plan out, judge again, keep the best."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from ..claims import Claim
from ..critique import Critique
from ..protocols import (
    Corrector,
    CropSampler,
    CropTerms,
    Decoder,
    Editor,
    Encoder,
    Filler,
    Head,
    Judge,
    MaskedSampler,
    Rewriter,
    Sampler,
)
from .attempt import carry_out, first_attempt
from .correction import Correction
from .critic_failure import keeping
from .edit_region import within_edit_region
from .engine import Engine, OnAttempt, OnRound, better, better_and_kept, derived_seed
from .painted import Painted
from .plan import Plan, Situation
from .router import Router, router
from .settings import KEEP_ALL, LoopSettings
from .state import LoopState
from .written_instruction import InstructionWriter


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
    encoder: Encoder | None = None,
    painted: Sequence[Painted | None] | None = None,
    on_attempt: OnAttempt | None = None,
    editor: Editor | None = None,
    instructor: InstructionWriter | None = None,
    filler: Filler | None = None,
) -> list[LoopState]:
    """Draw each picture, then fix those that the critic fails, until they pass or rounds or budget are spent.

    The best picture by the critic is kept. Prompts get another wording only from a ``rewriter``. With ``sources``
    (B, C, h, w) these latents are the first pictures, and only what their edits may change is redrawn. Strategies that
    paint on pictures need an ``encoder``, and so does an ``editor``, which changes pictures by instructions.
    An ``instructor`` words these instead of the rules. A ``filler``, which needs an encoder too, redraws what
    ``region`` opens and ``rearrange`` empties. ``painted`` says for each picture where later rounds may change it. A
    picture without claims is drawn once and not judged. Raises ValueError where the claims of a source have no
    edit, or for unknown strategies; and RoundError, which holds what there was until then, where the critic, the
    decoder or anything in a later round fails.
    """
    return correct_all(
        Engine(
            sampler,
            decoder,
            judge,
            prompts,
            claims,
            seeds,
            head,
            corrector,
            on_round,
            rewriter,
            sources,
            read_steps,
            encoder,
            painted,
            on_attempt,
            editor,
            instructor,
            filler,
        ),
        settings or LoopSettings(),
    )


def correct_all(engine: Engine, settings: LoopSettings) -> list[LoopState]:
    """The loop on an engine; see ``self_correct``."""
    correction = Correction.resolve(engine.head, engine.corrector, settings)
    strategies = router(
        settings.strategies,
        settings.noise_level,
        engine.sources is not None,
        correction.corrects_draws,
        settings.may_change,
        engine.filler is not None and engine.encoder is not None,
    )
    accept = better_and_kept if settings.may_change == KEEP_ALL else better
    rows = list(range(len(engine.states)))
    engine.try_rows(rows, lambda: first_attempt(engine, rows, settings, correction), better)
    for number in range(1, settings.rounds + 1):
        with keeping(engine.states, number):
            plans: dict[int, Plan] = {}
            seconds: dict[int, float] = {}
            for row in rows:
                started = time.perf_counter()
                plan = plan_for(engine, row, number, strategies, correction, settings)
                # A critic that rewrites takes its time, which belongs to the round.
                seconds[row] = time.perf_counter() - started
                if plan is not None:
                    plans[row] = plan
            try_plans(engine, plans, correction, accept, seconds)
    return engine.states


def try_plans(
    engine: Engine,
    plans: Mapping[int, Plan],
    correction: Correction,
    accept: Callable[[LoopState, Critique], bool],
    seconds: Mapping[int, float] | None = None,
) -> None:
    """Carry out the plans of some rows, those together that can be, and record a round for each.

    ``seconds`` are those that each row's plan took before.
    """
    groups: dict[tuple, dict[int, Plan]] = defaultdict(dict)
    for row, plan in plans.items():
        groups[plan.group][row] = plan
    for together in groups.values():
        engine.try_rows(
            list(together),
            lambda: carry_out(engine, list(together), list(together.values()), correction),
            accept,
            [seconds[row] for row in together] if seconds else None,
            next(iter(together.values())).strategy,
        )


def plan_for(
    engine: Engine, row: int, number: int, strategies: Router, correction: Correction, settings: LoopSettings
) -> Plan | None:
    """What a router does with a picture in round ``number``.

    None for a picture that passes or has no claims, and where the budget in model calls does not allow the plan.
    """
    state, rewriter, encoder, sampler = engine.states[row], engine.rewriter, engine.encoder, engine.sampler
    budget = settings.budget
    if state.finished:
        return None

    def rewrite(critique: Critique) -> str | None:
        return rewriter(state.prompt, critique, state.prompts_tried) if rewriter else None

    def encode(image: Tensor) -> Tensor:
        assert encoder is not None
        return encoder.encode(image[None])[0].to(state.best.latent)

    def crop_terms() -> CropTerms | None:
        assert isinstance(sampler, CropSampler)
        return sampler.crop_terms(row)

    situation = Situation(
        state,
        derived_seed(engine.seeds[row], number, 0),
        sampler.nfe,
        correction.prediction_nfe,
        rewrite if rewriter else None,
        correction.single_step_level,
        correction.draw_nfe,
        encode if encoder else None,
        mixed_levels=True,
        crop_terms=crop_terms if encoder and isinstance(sampler, CropSampler) else None,
        candidates_nfe=correction.candidates_nfe(sampler),
        crop_side=settings.crop_side,
        edit_nfe=engine.editor.nfe if encoder and engine.editor else None,
        instruct=engine.instructor,
        fill_nfe=engine.filler.nfe if encoder and engine.filler else None,
        keeps_rest=settings.may_change == KEEP_ALL,
        drawn_area=sampler.area(row) if isinstance(sampler, MaskedSampler) else None,
    )
    plan = strategies.plan(situation, within_edit_region)
    if plan is None or (budget is not None and state.nfe + plan.nfe > budget):
        return None
    return plan
