"""The report's tables: every round of a picture against every claim, and what each strategy did over all pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..claims import Claim
from ..loop.edit_by_model import EditByModel
from ..loop.state import SOURCE, LoopState, Round
from .changes import ClaimChanges, best_before, claim_changes, tallies
from .curve import steps_curve
from .drawing import to_picture
from .outcome import round_number
from .pictures import data_uri, fit, redrawn
from .rendering import render
from .wording import wording

if TYPE_CHECKING:
    from markupsafe import Markup

THUMBNAIL_SIDE = 72
"""Longer side in pixels of the pictures in the table."""

Detail = Callable[[Round], "Markup | str"]
"""Text or markup about a round; empty if there is nothing to say."""

_DETAILS: dict[str, Detail] = {
    "Noise level": lambda loop_round: f"{loop_round.noise_level:.2f}",
    "Critic calls": lambda loop_round: str(loop_round.critic_calls),
    "\u2016\u0394\u2016/\u2016z\u2016": lambda loop_round: f"{loop_round.change:.3f}" if loop_round.change else "",
    "Head expects": lambda loop_round: "" if loop_round.predicted is None else f"{loop_round.predicted:.2f}",
    "Head by step": steps_curve,
}
"""The columns behind the claims; those that are empty in every round are left out."""


@dataclass(frozen=True)
class ClaimCell:
    """A claim in a round; ``turned`` is ``fixed``, ``broken`` or empty."""

    is_judged: bool
    passed: bool | None = None
    score: float | None = None
    turned: str = ""


@dataclass(frozen=True)
class RoundRow:
    """A round as its row shows it.

    Pictures are data: URIs. ``redrawn`` says how much was redrawn; ``redrawn_picture`` is empty if that was all or
    nothing.
    """

    number: int
    is_best: bool
    picture: str
    redrawn: str
    redrawn_picture: str
    strategy: str
    reason: str
    wording: Markup | str
    kept: str
    summary: str
    preserved: str
    score: float | None
    nfe: int
    seconds: float
    claims: list[ClaimCell]
    details: list[Markup | str]


def rounds_table(state: LoopState) -> Markup:
    """Each round as a row, each claim as a column."""
    details = {
        heading: detail
        for heading, detail in _DETAILS.items()
        if any(detail(loop_round) for loop_round in state.rounds)
    }
    return render(
        "rounds.html.jinja",
        side=THUMBNAIL_SIDE,
        shows_redrawn=any(loop_round.region is not None for loop_round in state.rounds),
        claims=state.claims,
        detail_headings=list(details),
        rows=[_row(state, number, list(details.values())) for number in range(len(state.rounds))],
    )


def strategies_table(states: Sequence[LoopState]) -> Markup | str:
    """Each strategy as a row; empty text if no picture has more than its first round."""
    if all(len(state.rounds) == 1 for state in states):
        return ""
    return render("strategies.html.jinja", tallies=tallies(states))


def _row(state: LoopState, number: int, details: Sequence[Detail]) -> RoundRow:
    loop_round, changes = state.rounds[number], claim_changes(state, number)
    is_best = number == round_number(state, state.best)
    redrawn_share, redrawn_picture = _redrawn(state, number)
    return RoundRow(
        number=number,
        is_best=is_best,
        picture=data_uri(fit(to_picture(loop_round.image), THUMBNAIL_SIDE)),
        redrawn=redrawn_share,
        redrawn_picture=redrawn_picture,
        strategy=loop_round.strategy,
        reason=loop_round.reason,
        wording=wording(state.prompt, loop_round.prompt),
        kept="best" if is_best else "kept" if loop_round.accepted else "alone" if loop_round.alone else "dropped",
        summary=_summary(loop_round, changes),
        preserved=_preserved(state, number),
        score=loop_round.critique.score,
        nfe=loop_round.nfe,
        seconds=loop_round.seconds,
        claims=[_claim_cell(loop_round, claim, changes) for claim in state.claims],
        details=[detail(loop_round) for detail in details],
    )


def _redrawn(state: LoopState, number: int) -> tuple[str, str]:
    """How much of the picture that the round began with was redrawn, and which part of it."""
    loop_round, before = state.rounds[number], best_before(state, number)
    if loop_round.strategy == SOURCE:
        return "nothing", ""
    if loop_round.region is None or before is None:
        return "all", ""
    share = f"{loop_round.region.float().mean().item():.0%}"
    return share, data_uri(redrawn(loop_round.region, before.image, THUMBNAIL_SIDE))


def _preserved(state: LoopState, number: int) -> str:
    """What the round kept of the picture that it began with; empty where it drew another one altogether."""
    loop_round = state.rounds[number]
    if loop_round.region is None and loop_round.noise_level >= 1 and loop_round.strategy != EditByModel.name:
        return ""
    kept = state.preserved(number)
    return kept.text if kept else ""


def _summary(loop_round: Round, changes: ClaimChanges | None) -> str:
    if loop_round.critique.abstained:
        return "no verdict"
    if changes is None:
        return ""
    counts = {"fixed": len(changes.fixed), "broken": len(changes.broken)}
    return ", ".join(f"{count} {verb}" for verb, count in counts.items() if count) or "no claim changed"


def _claim_cell(loop_round: Round, claim: Claim, changes: ClaimChanges | None) -> ClaimCell:
    verdict = next((verdict for verdict in loop_round.critique.verdicts if verdict.claim == claim), None)
    if verdict is None:
        return ClaimCell(is_judged=False)
    turned = ""
    if changes is not None:
        turned = "fixed" if claim in changes.fixed else "broken" if claim in changes.broken else ""
    return ClaimCell(True, verdict.passed, verdict.score, turned)
