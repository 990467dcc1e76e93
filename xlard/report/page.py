"""The report as one HTML page that needs no network, no script and no other file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..critique import Critique
from ..loop.state import SOURCE, LoopState, Round
from .chart import rewards_chart
from .markup import count, decimal, heat, mark, picture_uri
from .picture import annotated, origin, outcome, round_number
from .rounds import rounds_table, strategies_table
from .style import CSS

PICTURE_SIDE, MAP_SIDE = 384, 192
"""Longer sides in pixels of the pictures in the page; larger ones would make a batch's page heavy to send."""

# Even if an escape were forgotten one day, the browser would load and run nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report_page(states: Sequence[LoopState], title: str) -> str:
    """Render the page. All text from outside (prompts, claims, reasons, answers) is escaped.

    Every state needs at least one accepted round.
    """
    articles = "".join(_article(state, number) for number, state in enumerate(states, 1))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body>"
        f"<h1>{escape(title)}</h1>{_totals(states)}{_strategies(states)}"
        '<p class="faint">Boxes: solid with a tick, the claims on this object hold; dashed with a cross, a failed '
        "claim rests on it; thin, nobody asked for it. What is missing has no box.</p>"
        f"<main>{articles}</main></body></html>\n"
    )


def _totals(states: Sequence[LoopState]) -> str:
    figures = {
        "Pictures": str(len(states)),
        "All claims hold, before": str(sum(state.first.critique.passed for state in states)),
        "All claims hold, after": str(sum(state.passed for state in states)),
        "Rounds": str(sum(len(state.rounds) for state in states)),
        "Model calls (NFE)": str(sum(state.nfe for state in states)),
        "Seconds": f"{sum(state.seconds for state in states):.1f}",
        "Critic calls": str(sum(state.critic_calls for state in states)),
    }
    rows = "".join(f"<div><dt>{word}</dt><dd>{figure}</dd></div>" for word, figure in figures.items())
    return f'<dl class="totals">{rows}</dl>'


def _strategies(states: Sequence[LoopState]) -> str:
    table = strategies_table(states)
    if not table:
        return ""
    return (
        f'<section><h2>What each strategy did</h2>{table}<p class="faint">Fixed and broken are claims that turned right'
        " and wrong against the best picture before each round, dropped rounds included.</p></section>"
    )


def _article(state: LoopState, number: int) -> str:
    sentence, passed = outcome(state)
    best = round_number(state, state.best)
    figures = (
        _figure("Before", state.first, 0) + _figure("After", state.best, best)
        if best
        else _figure("Before and after", state.first, 0)
    )
    return (
        f"<article><h2>{number}. {escape(state.title)}</h2>"
        f'<p class="{"right" if passed else "wrong"}">{escape(sentence)}</p>'
        f'<p class="faint">{count(len(state.rounds), "round")}, {state.nfe} NFE, {state.seconds:.1f} s, '
        f"{count(state.critic_calls, 'critic call')}</p>"
        f'<div class="pair">{figures}</div>'
        f"<h3>Rounds</h3>{rounds_table(state)}{_side(state)}{_answers(state)}</article>"
    )


def _figure(word: str, entry: Round, number: int) -> str:
    # A source was drawn with no seed.
    seed = "" if entry.strategy == SOURCE else f", seed {entry.seed}"
    return (
        f'<figure><img src="{picture_uri(annotated(entry, PICTURE_SIDE))}" '
        f'alt="{word}, with the critic\'s boxes"><figcaption>{word}: {escape(origin(entry, number))}{seed}</figcaption>'
        f"{_claims(entry.critique)}</figure>"
    )


def _claims(critique: Critique) -> str:
    if not critique.verdicts:
        return '<p class="faint">The prompt holds no claim that can be checked.</p>'
    rows = "".join(
        f"<li>{mark(verdict)} {escape(verdict.claim.shown)}"
        f"<small>{decimal(verdict.score)}{' · ' if verdict.reason else ''}{escape(verdict.reason)}</small></li>"
        for verdict in critique.verdicts
    )
    notice = '<p class="unknown">The critic abstained: no verdict.</p>' if critique.abstained else ""
    return f'{notice}<ul class="claims">{rows}</ul>'


def _side(state: LoopState) -> str:
    """Rewards by round, and where the corrector acted in the rounds in which it did."""
    parts = []
    chart = rewards_chart(state.rounds)
    if chart:
        parts.append(f"<div><h3>Rewards by round</h3>{chart}</div>")
    maps = "".join(
        f'<figure><img src="{picture_uri(heat(entry.attribution, entry.image, MAP_SIDE))}" '
        f'alt="Attribution map of round {number}"><figcaption>Round {number}</figcaption></figure>'
        for number, entry in enumerate(state.rounds)
        if entry.attribution is not None
    )
    if maps:
        parts.append(
            '<div><h3>Where the correction acted</h3><p class="faint">Magnitude of the residual, summed over channels; '
            f'bright is most.</p><div class="maps">{maps}</div></div>'
        )
    return f'<div class="side">{"".join(parts)}</div>' if parts else ""


def _answers(state: LoopState) -> str:
    rows = "".join(
        f"<p>Round {index}</p><pre>{escape(entry.critique.answer)}</pre>"
        for index, entry in enumerate(state.rounds)
        if entry.critique.answer
    )
    return f"<details><summary>The critic's answers, verbatim</summary>{rows}</details>" if rows else ""
