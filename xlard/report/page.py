"""The report as one HTML page that needs no network, no script and no other file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..critique import Critique
from ..loop.state import SOURCE, LoopState, Round
from .aspect_styles import STYLE_OF
from .chart import rewards_chart
from .outcome import origin, outcome, round_number
from .pictures import annotated, data_uri, heat
from .rendering import render, style_sheet
from .rounds import rounds_table, strategies_table

if TYPE_CHECKING:
    from markupsafe import Markup

PICTURE_SIDE, MAP_SIDE = 384, 192
"""Longer sides in pixels of the pictures in the page; larger ones would make a batch's page heavy to send."""

# Even if an escape were forgotten one day, the browser would load and run nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class PictureFigure:
    """A picture with its claims; ``picture`` is a data: URI, ``seed`` is None for a picture that was not drawn."""

    name: str
    picture: str
    origin: str
    seed: int | None
    critique: Critique


def report_page(states: Sequence[LoopState], title: str) -> str:
    """Render the page. All text from outside (prompts, claims, reasons, answers) is escaped.

    Every state needs at least one accepted round.
    """
    page = render(
        "page.html.jinja",
        policy=_POLICY,
        style_sheet=style_sheet(),
        aspects=STYLE_OF,
        title=title,
        totals=_totals(states),
        strategies=strategies_table(states),
        articles=[_article(state, number) for number, state in enumerate(states, 1)],
    )
    return str(page)


def _totals(states: Sequence[LoopState]) -> dict[str, int | str]:
    return {
        "Pictures": len(states),
        "All claims hold, before": sum(state.first.critique.passed for state in states),
        "All claims hold, after": sum(state.passed for state in states),
        "Rounds": sum(len(state.rounds) for state in states),
        "Model calls (NFE)": sum(state.nfe for state in states),
        "Seconds": f"{sum(state.seconds for state in states):.1f}",
        "Critic calls": sum(state.critic_calls for state in states),
    }


def _article(state: LoopState, number: int) -> Markup:
    sentence, passed = outcome(state)
    best = round_number(state, state.best)
    if best:
        figures = [_figure("Before", state.first, 0), _figure("After", state.best, best)]
    else:
        figures = [_figure("Before and after", state.first, 0)]
    return render(
        "article.html.jinja",
        number=number,
        state=state,
        outcome=sentence,
        passed=passed,
        figures=figures,
        rounds=rounds_table(state),
        chart=rewards_chart(state.rounds),
        maps={
            round_index: data_uri(heat(loop_round.attribution, loop_round.image, MAP_SIDE))
            for round_index, loop_round in enumerate(state.rounds)
            if loop_round.attribution is not None
        },
        answers={
            round_index: loop_round.critique.answer
            for round_index, loop_round in enumerate(state.rounds)
            if loop_round.critique.answer
        },
    )


def _figure(name: str, loop_round: Round, number: int) -> PictureFigure:
    # A source was drawn with no seed.
    seed = None if loop_round.strategy == SOURCE else loop_round.seed
    picture = data_uri(annotated(loop_round, PICTURE_SIDE))
    return PictureFigure(name, picture, origin(loop_round, number), seed, loop_round.critique)
