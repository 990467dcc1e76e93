"""One round of a loop whose body somebody else runs: what a batch starts from, and what becomes of what comes back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..claims import Claim
from ..critique import Critique
from ..protocols import Encoder, Rewriter
from .critic_failure import FailedCritique, RoundError
from .edit_by_model import EditByModel
from .edit_region import within_edit_region
from .engine import better, better_and_kept, check_editable, derived_seed
from .painted import Painted
from .plan import Plan, Situation
from .registry import DEFAULT_STRATEGIES
from .router import router
from .settings import AS_NEEDED, KEEP_ALL
from .state import SOURCE, LoopState, Round


@dataclass(frozen=True, eq=False)
class BatchRound:
    """What a round does with the pictures of a batch, which are drawn together.

    ``plans`` holds each picture's plan, None for one that is left alone. One sampler draws them all, with one noise
    level, one seed and one prompt: those of the plan that starts from the highest level. ``first_seed`` is the first
    round's, ``strategies`` are those that later rounds may use, ``rewriter`` finds other wordings of the prompt for
    them, ``encoder`` is for those that paint on pictures. ``may_change`` is one of ``settings.MAY_CHANGE``. ``seconds``
    are those that the plans took.
    """

    states: tuple[LoopState, ...]
    plans: tuple[Plan | None, ...]
    first_seed: int
    strategies: Sequence[str]
    rewriter: Rewriter | None = None
    encoder: Encoder | None = None
    may_change: str = AS_NEEDED
    seconds: float = 0.0

    @property
    def number(self) -> int:
        """How many rounds came before."""
        return max(len(state.rounds) for state in self.states)

    @property
    def leading(self) -> Plan | None:
        """The plan that starts from the highest noise level; None where every picture is left alone."""
        return max((plan for plan in self.plans if plan), key=lambda plan: plan.noise_level, default=None)

    @property
    def noise_level(self) -> float:
        """The noise level in [0, 1] that the batch starts from; 0 where there is nothing to draw."""
        return self.leading.noise_level if self.leading else 0.0

    @property
    def seed(self) -> int:
        """The seed that the batch is drawn with; 0 where there is nothing to draw."""
        return self.leading.seed if self.leading else 0

    @property
    def prompt(self) -> str:
        """The wording that the batch is drawn from, empty for the artist's own."""
        return self.leading.prompt if self.leading else ""

    @property
    def fresh(self) -> tuple[bool, ...]:
        """For each picture whether nothing of its best version stays."""
        return tuple(plan is not None and plan.region is None and self.noise_level >= 1 for plan in self.plans)

    def latents(self, source: Tensor) -> Tensor:
        """What to start from (B, C, h, w): the best latents or what plans made of them, and for fresh pictures
        ``source``.

        A source (B, C, h, w) of another shape than the best latents, as an empty one may have, serves all pictures or
        none.
        """
        if all(self.fresh):
            return source
        best = torch.stack(
            [
                state.best.latent if plan is None or plan.latent is None else plan.latent
                for state, plan in zip(self.states, self.plans)
            ]
        ).to(source)
        if best.shape != source.shape:
            return best
        return torch.where(torch.tensor(self.fresh, device=source.device)[:, None, None, None], source, best)

    def redrawn(self, size: tuple[int, int]) -> Tensor:
        """1 where the pictures are redrawn, (B, h, w); ``size`` is that of the latents that the round starts
        from.
        """
        nothing, everything = torch.zeros(size), torch.ones(size)
        return torch.stack(
            [
                nothing if plan is None else everything if plan.region is None else plan.region.float().cpu()
                for plan in self.plans
            ]
        )

    def finished(
        self, latents: Tensor, images: Tensor, critiques: Sequence[Critique], nfe: int, seconds: float
    ) -> list[LoopState]:
        """The states after the round, from latents (B, C, h, w), images (B, H, W, 3) in [0, 1] and their critiques.

        The states before stay as they are. Pictures that were left alone get no round; the others share ``seconds``,
        and each took part in all ``nfe`` model calls. Raises ValueError for other numbers of pictures than the batch
        has and for critiques of other claims; in a later round RoundError for these, for another size than the first
        round's, and in any where the critic failed.
        """
        try:
            self._check(latents, images, critiques)
        except ValueError as error:
            if not self.number:
                raise
            raise RoundError(str(error), self.number, self.states, latents, "compared with the best so far") from error
        failed = next((critique for critique in critiques if isinstance(critique, FailedCritique)), None)
        if failed is not None:
            raise RoundError(failed.cause, self.number, self.states, latents)
        seconds = (seconds + self.seconds) / (sum(plan is not None for plan in self.plans) or 1)
        accept = better_and_kept if self.may_change == KEEP_ALL else better
        states = []
        for row, (state, plan) in enumerate(zip(self.states, self.plans)):
            rounds = list(state.rounds)
            if plan is not None:
                rounds.append(
                    Round(
                        plan.strategy,
                        self.noise_level,
                        self.seed,
                        nfe,
                        seconds,
                        1 if state.claims else 0,
                        critiques[row],
                        latents[row].detach().cpu(),
                        images[row].detach().cpu(),
                        not rounds or accept(state, critiques[row]),
                        reason=plan.reason,
                        region=plan.region,
                        prompt=self.prompt,
                    )
                )
            states.append(replace(state, rounds=rounds, ended=""))
        return states

    def after(self, states: Sequence[LoopState]) -> BatchRound:
        """The round that follows, from the states after this one: what the router plans for each picture that fails."""
        started = time.perf_counter()
        seed = derived_seed(self.first_seed, max(len(state.rounds) for state in states), 0)
        editing = any(state.from_source for state in states)
        strategies = router(self.strategies, editing=editing, may_change=self.may_change)
        plans = tuple(
            None if state.finished else strategies.plan(self._situation(state, seed), within_edit_region)
            for state in states
        )
        return replace(self, states=tuple(states), plans=plans, seconds=time.perf_counter() - started)

    def _situation(self, state: LoopState, seed: int) -> Situation:
        rewriter, encoder = self.rewriter, self.encoder

        def nfe(noise_level: float) -> int:
            # What the body costs from a noise level on, only its owner knows; the last round is the best guess.
            return state.rounds[-1].nfe

        def rewrite(critique: Critique) -> str | None:
            return rewriter(state.prompt, critique, state.prompts_tried) if rewriter else None

        def encode(image: Tensor) -> Tensor:
            assert encoder is not None
            return encoder.encode(image[None])[0].to(state.best.latent)

        body_edits = EditByModel.name in self.strategies
        # The sampler is the artist's, and starts all of a picture from one level.
        return Situation(
            state,
            seed,
            nfe,
            rewrite=rewrite if rewriter else None,
            encode=encode if encoder else None,
            edit_nfe=(lambda: nfe(1.0)) if body_edits else None,
            edits_only=body_edits,
            keeps_rest=self.may_change == KEEP_ALL,
        )

    def _check(self, latents: Tensor, images: Tensor, critiques: Sequence[Critique]) -> None:
        batch = len(self.states)
        for what, number in (("latents", len(latents)), ("images", len(images)), ("critiques", len(critiques))):
            if number != batch:
                raise ValueError(
                    f"The loop draws a batch of {batch}, but {number} {what} came back from its body. Each "
                    "picture needs one: leave the batch as the loop's start gives it."
                )
        for state, critique in zip(self.states, critiques):
            _check_claims(state.claims, [verdict.claim for verdict in critique.verdicts])
            for what, now, before in (("latents", latents, "latent"), ("images", images, "image")):
                first = getattr(state.first, before).shape if state.rounds else now.shape[1:]
                if now.shape[1:] != first:
                    raise ValueError(
                        f"The body of the loop returned {what} of the size {tuple(now.shape[1:])}; in the "
                        f"first round it was {tuple(first)}. Where it enlarges, have it enlarge to a fixed "
                        "size, not by a factor: each round starts from the best that an earlier one returned."
                    )


def first_round(
    prompt: str,
    claims: Sequence[Claim],
    batch: int,
    seed: int,
    strategies: Sequence[str] = DEFAULT_STRATEGIES,
    sources: Tensor | None = None,
    rewriter: Rewriter | None = None,
    notes: Sequence[str] = (),
    encoder: Encoder | None = None,
    may_change: str = AS_NEEDED,
    painted: Sequence[Painted | None] | None = None,
) -> BatchRound:
    """A fresh draw of ``batch`` pictures with the artist's own seed; with ``sources`` (B, C, h, w), these as they are.
    ``notes`` and ``painted`` are the states'.

    Raises ValueError for sources without claims of an edit, or not one for each picture.
    """
    plans = (Plan("sample", 1.0, seed, 0),) * batch
    if sources is not None:
        check_editable([claims], sources, batch)
        nothing = torch.zeros(sources.shape[-2:], dtype=torch.bool)
        plans = tuple(Plan(SOURCE, 0.0, seed, 0, region=nothing, latent=source) for source in sources)
    states = tuple(
        LoopState(prompt, tuple(claims), notes=tuple(notes), painted=masks) for masks in painted or (None,) * batch
    )
    return BatchRound(states, plans, seed, strategies, rewriter, encoder, may_change)


def resumed_round(
    states: Sequence[LoopState],
    claims: Sequence[Claim],
    batch: int,
    seed: int,
    strategies: Sequence[str] = DEFAULT_STRATEGIES,
    rewriter: Rewriter | None = None,
    encoder: Encoder | None = None,
    may_change: str = AS_NEEDED,
    painted: Sequence[Painted | None] | None = None,
) -> BatchRound:
    """The next round of pictures that a loop has worked on before. ``painted`` replaces the states'.

    Raises ValueError where ``states`` are of another batch size or were judged on other claims, and for unknown
    strategies.
    """
    if len(states) != batch:
        raise ValueError(
            f"The state holds {len(states)} pictures, the latent {batch}. Connect the latent that the state "
            "was made from, or one with as many pictures."
        )
    for state in states:
        _check_claims(claims, state.claims)
    states = [replace(state, painted=masks) for state, masks in zip(states, painted or (None,) * batch)]
    following = BatchRound(tuple(states), (None,) * batch, seed, strategies, rewriter, encoder, may_change)
    return following.after(states)


def _check_claims(expected: Sequence[Claim], judged: Sequence[Claim]) -> None:
    if len(judged) != len(expected):
        raise ValueError(
            f"The pictures were judged on {len(judged)} claims, the loop has {len(expected)}. Have the critic "
            "judge the claims that the loop's start gives."
        )
    unexpected = [claim.text for claim in judged if claim not in expected]
    if unexpected:
        raise ValueError(
            f"The pictures were judged on a claim that is not the loop's: '{unexpected[0]}'. Have the critic judge "
            "the claims that the loop's start gives."
        )
