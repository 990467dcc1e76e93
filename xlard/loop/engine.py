"""What every strategy shares: the models of a loop, and judging an attempt into a round."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from ..aspects import ASPECT_OF
from ..claims import Claim
from ..critics.broken_pictures import broken_critique
from ..critique import Critique
from ..editing.claims import edit_in
from ..protocols import Corrector, Decoder, Editor, Encoder, Filler, Head, Judge, Rewriter, Sampler
from .critic_failure import BrokenPictures, critiques_of, keeping
from .crops import redrawn_in
from .edit_region import check_editable_area
from .painted import Painted
from .state import LoopState, Round, StepReward
from .written_instruction import InstructionWriter

OnRound = Callable[[int, Round], None]
"""Called with a picture's row and its round, when that is judged."""

OnAttempt = Callable[[Sequence[int], str], None]
"""Called before anything is drawn, with the rows that are drawn together and their strategy, empty for first
pictures.
"""


def derived_seed(seed: int, *path: int) -> int:
    """A seed for one attempt of a picture, the same on every machine."""
    return int.from_bytes(hashlib.sha256(repr((seed, *path)).encode()).digest()[:6], "big")


@dataclass
class Attempt:
    """Latents (B, C, h, w) that a strategy made for some rows, with what it did and what each cost.

    ``levels`` (B, h, w) are noise levels that cells start from, None: all from ``noise_level``. With ``claims`` the
    latents show one object of the picture alone, and are judged on no others. ``images`` (B, H, W, 3) are pictures that
    decoding the latents would not give to the last bit; None: they are decoded.
    """

    strategy: str
    noise_level: float
    seeds: Sequence[int]
    nfe: int
    latents: Tensor
    changes: Sequence[float] | None = None
    predicted: Sequence[float] | None = None
    attributions: Tensor | None = None
    reasons: Sequence[str] | None = None
    regions: Tensor | None = None
    prompt: str = ""
    claims: Sequence[Sequence[Claim]] | None = None
    steps: Sequence[tuple[StepReward, ...]] | None = None
    levels: Tensor | None = None
    images: Tensor | None = None


@dataclass
class Engine:
    """The models of a loop and the pictures that go through it. Without a ``rewriter`` prompts stay as they are.

    A picture without claims is drawn once, and no critic is asked about it. ``sources`` (B, C, h, w) are latents of
    pictures that are edited, each by claims with an edit. With ``read_steps``
    the head, if there is one, reads each step of sampling that it can, which changes no picture. Without an ``encoder``
    no strategy paints on pictures, and without an ``editor``, which needs one, none is changed by an instruction. These
    are worded by an ``instructor``, else by the rules. A ``filler``, which needs an encoder, redraws holes in pictures.
    ``painted`` says where each picture may change after the first round. ``on_attempt`` hears of what comes,
    ``on_round`` of what came of it.
    """

    sampler: Sampler
    decoder: Decoder
    judge: Judge
    prompts: Sequence[str]
    claims: Sequence[Sequence[Claim]]
    seeds: Sequence[int]
    head: Head | None = None
    corrector: Corrector | None = None
    on_round: OnRound | None = None
    rewriter: Rewriter | None = None
    sources: Tensor | None = None
    read_steps: bool = False
    encoder: Encoder | None = None
    painted: Sequence[Painted | None] | None = None
    on_attempt: OnAttempt | None = None
    editor: Editor | None = None
    instructor: InstructionWriter | None = None
    filler: Filler | None = None

    def __post_init__(self) -> None:
        if not len(self.prompts) == len(self.claims) == len(self.seeds):
            raise ValueError(
                f"There are {len(self.prompts)} prompts, {len(self.claims)} lists of claims and "
                f"{len(self.seeds)} seeds; each picture needs one of each."
            )
        if self.sources is not None:
            check_editable(self.claims, self.sources, len(self.prompts))
        painted = self.painted or (None,) * len(self.prompts)
        self.states = [
            LoopState(prompt, tuple(claims), painted=masks)
            for prompt, claims, masks in zip(self.prompts, self.claims, painted)
        ]

    @cached_property
    def head_columns(self) -> list[list[int]]:
        """For each picture the columns of the head's rewards for the aspects of its claims; none without a head."""
        aspects = self.head.config.aspects if self.head else ()
        claimed = [{ASPECT_OF[claim.type] for claim in claims} for claims in self.claims]
        return [[column for column, aspect in enumerate(aspects) if aspect in asked] for asked in claimed]

    def with_prompt(self, prompt: str) -> Engine:
        """This engine with the same states, drawing every picture from another prompt; itself where that is empty."""
        if not prompt:
            return self
        engine = copy.copy(self)
        engine.sampler = self.sampler.with_prompt(prompt)
        return engine

    def try_rows(
        self,
        rows: Sequence[int],
        make: Callable[[], Attempt],
        accept: Callable[[LoopState, Critique], bool],
        planned: Sequence[float] | None = None,
        strategy: str = "",
    ) -> None:
        """Make an attempt for rows, judge it and record a round for each; seconds are shared out evenly.

        ``planned`` are the seconds that each row's plan took before, ``strategy`` is theirs. Raises
        RoundError where the decoder or the critic fails, and where none of the first pictures is one.
        """
        if self.on_attempt:
            self.on_attempt(rows, strategy)
        started = time.perf_counter()
        attempt = make()
        claims = attempt.claims or [self.claims[row] for row in rows]
        number = len(self.states[rows[0]].rounds)
        with keeping(self.states, number, attempt.latents, "decoded"):
            images, stitched = self._pictures(rows, attempt)
        with keeping(self.states, number, attempt.latents, "judged"):
            critiques = self._judged(images, claims, attempt.latents)
        seconds = (time.perf_counter() - started) / len(rows)
        for index, row in enumerate(rows):
            state = self.states[row]
            round_ = Round(
                attempt.strategy,
                attempt.noise_level,
                attempt.seeds[index],
                attempt.nfe,
                seconds + (planned[index] if planned else 0.0),
                1 if claims[index] else 0,
                critiques[index],
                attempt.latents[index].detach().cpu(),
                images[index].detach().cpu(),
                not state.rounds or (not attempt.claims and accept(state, critiques[index])),
                attempt.changes[index] if attempt.changes else 0.0,
                attempt.predicted[index] if attempt.predicted else None,
                attempt.attributions[index].detach().cpu() if attempt.attributions is not None else None,
                attempt.reasons[index] if attempt.reasons else "",
                attempt.regions[index].cpu() if attempt.regions is not None else None,
                attempt.prompt,
                bool(attempt.claims),
                attempt.steps[index] if attempt.steps else (),
                stitched[index],
            )
            state.rounds.append(round_)
            if self.on_round:
                self.on_round(row, round_)

    def _pictures(self, rows: Sequence[int], attempt: Attempt) -> tuple[Tensor, list[bool]]:
        """The pictures (B, H, W, 3) of an attempt, and which of them are stitched.

        Where the best picture has pixels of its own, a round that redraws a part of the latent leaves the others.
        """
        if attempt.images is not None:
            return attempt.images, [True] * len(rows)
        images, regions = self.decoder.decode(attempt.latents), attempt.regions
        stitched = [
            regions is not None and not attempt.claims and bool(state.rounds) and state.best.stitched
            for state in (self.states[row] for row in rows)
        ]
        if regions is not None and any(stitched):
            images = images.clone()
            for index, row in enumerate(rows):
                if stitched[index]:
                    images[index] = redrawn_in(self.states[row].best.image.to(images), images[index], regions[index])
        return images, stitched

    def _judged(self, images: Tensor, claims: Sequence[Sequence[Claim]], latents: Tensor) -> list[Critique]:
        try:
            return judged(self.judge, images, claims, latents)
        except BrokenPictures as broken:
            if not any(state.rounds for state in self.states):
                raise
            # What was drawn before is better, and the next round may be.
            return [broken_critique(of_picture, str(broken)) for of_picture in claims]


def judged(
    judge: Judge, images: Tensor, claims: Sequence[Sequence[Claim]], latents: Tensor | None = None
) -> list[Critique]:
    """What a critic says of images (B, H, W, 3) in [0, 1], each against its own claims; one without claims gets a
    critique without verdicts, unseen. Raises CriticError; ``latents`` are as for ``critiques_of``.
    """
    asked = [row for row, claims_of_picture in enumerate(claims) if claims_of_picture]
    if len(asked) == len(claims):
        return list(critiques_of(judge, images, claims, latents))
    critiques = [Critique(())] * len(claims)
    if asked:
        made_of = None if latents is None else latents[asked]
        given = critiques_of(judge, images[asked], [claims[row] for row in asked], made_of)
        for row, critique in zip(asked, given):
            critiques[row] = critique
    return critiques


def check_editable(claims: Sequence[Sequence[Claim]], sources: Tensor, batch: int) -> None:
    """Check that a loop can edit ``sources`` (B, C, h, w).

    Raises ValueError where there is not one for each picture, where no claim says what may change, or where nothing
    may.
    """
    if len(sources) != batch:
        raise ValueError(f"There are {len(sources)} sources for {batch} pictures; each picture needs one.")
    edits = [edit for edit in map(edit_in, claims) if edit is not None]
    if len(edits) < len(claims):
        raise ValueError(
            "A source is edited by claims that say what may change and what must stay, and these are claims of a "
            "prompt. Connect those of xLARD Edit Claims, or disconnect the source."
        )
    for edit in edits:
        check_editable_area(edit, (sources.shape[-2], sources.shape[-1]))


def better(state: LoopState, critique: Critique) -> bool:
    """Accept what the critic finds better than the best so far; ties go to the earlier picture."""
    return critique.better_than(state.best.critique)


def better_and_kept(state: LoopState, critique: Critique) -> bool:
    """Accept what the critic finds better than the best so far if every claim that held on that one still holds."""
    held = [verdict.claim for verdict in state.best.critique.verdicts if verdict.passed]
    lost = (verdict.claim in held and not verdict.passed for verdict in critique.verdicts)
    return better(state, critique) and not any(lost)
