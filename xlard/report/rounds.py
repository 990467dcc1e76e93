"""The report's tables: every round of a picture against every claim, and what each strategy did over all pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from ..claims import Claim
from ..loop.state import SOURCE, LoopState, Round
from .changes import Change, best_before, change, tallies
from .curve import steps_curve
from .drawing import to_picture
from .markup import decimal, mark, picture_uri, redrawn
from .picture import fit, round_number
from .wording import wording

THUMBNAIL_SIDE = 72
"""Longer side in pixels of the pictures in the table."""


def rounds_table(state: LoopState) -> str:
    """A row a round and a column a claim; columns that no round has anything for are left out."""
    located = any(entry.region is not None for entry in state.rounds)
    words = ("Round", "Picture", *(["Drawn anew"] if located else []), "Strategy", "Kept")
    further = {heading: value for heading, value in _FURTHER.items() if any(value(entry) for entry in state.rounds)}
    head = "".join(
        [
            *(f'<th scope="col">{word}</th>' for word in words),
            *(f'<th class="number" scope="col">{word}</th>' for word in _FIGURES),
            *(f'<th class="claim" scope="col">{escape(claim.shown)}</th>' for claim in state.claims),
            *(f'<th class="number" scope="col">{word}</th>' for word in further),
        ]
    )
    best = round_number(state, state.best)
    rows = "".join(
        _row(state, number, number == best, located, further.values()) for number in range(len(state.rounds))
    )
    return _table(head, rows)


def strategies_table(states: Sequence[LoopState]) -> str:
    """A row a strategy; empty text if there are no rounds but the first."""
    if all(len(state.rounds) == 1 for state in states):
        return ""
    words = ("Rounds", "Kept", "Claims fixed", "Claims broken", "NFE", "Seconds")
    head = '<th scope="col">Strategy</th>' + "".join(f'<th class="number" scope="col">{word}</th>' for word in words)
    rows = ""
    for tally in tallies(states):
        numbers = (tally.rounds, tally.kept, tally.fixed, tally.broken, tally.nfe, f"{tally.seconds:.1f}")
        cells = "".join(f'<td class="number">{"–" if number is None else number}</td>' for number in numbers)
        rows += f'<tr><th scope="row">{escape(tally.strategy)}</th>{cells}</tr>'
    return _table(head, rows)


Figure = Callable[[Round], str]

_FIGURES: dict[str, Figure] = {
    "Score": lambda entry: decimal(entry.critique.score),
    "NFE": lambda entry: str(entry.nfe),
    "Seconds": lambda entry: f"{entry.seconds:.1f}",
}

_FURTHER: dict[str, Figure] = {
    "Sigma": lambda entry: f"{entry.noise_level:.2f}",
    "Critic calls": lambda entry: str(entry.critic_calls),
    "‖Δ‖/‖z‖": lambda entry: f"{entry.change:.3f}" if entry.change else "",
    "Head expects": lambda entry: "" if entry.predicted is None else f"{entry.predicted:.2f}",
    "Head by step": steps_curve,
}
"""What stands behind the claims; empty text where a round has nothing to say."""


def _table(head: str, rows: str) -> str:
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(state: LoopState, number: int, best: bool, located: bool, further: Iterable[Figure]) -> str:
    entry, found = state.rounds[number], change(state, number)
    thumbnail = picture_uri(fit(to_picture(entry.image), THUMBNAIL_SIDE))
    reason = f"<small>{escape(entry.reason)}</small>" if entry.reason else ""
    words = wording(state.prompt, entry.prompt)
    reason += f"<small>{words}</small>" if words else ""
    kept = "best" if best else "kept" if entry.accepted else "alone" if entry.alone else "dropped"
    return (
        f'<tr{" class=best" if best else ""}><th scope="row">{number}</th>'
        f'<td><img src="{thumbnail}" alt="Round {number}" width="{THUMBNAIL_SIDE}"></td>'
        f'{_region(state, number) if located else ""}<td class="what">{escape(entry.strategy)}{reason}</td>'
        f"<td>{kept}{_summary(entry, found)}</td>{_numbers(entry, _FIGURES.values())}"
        + "".join(_claim(entry, claim, found) for claim in state.claims)
        + _numbers(entry, further)
        + "</tr>"
    )


def _numbers(entry: Round, figures: Iterable[Figure]) -> str:
    return "".join(f'<td class="number">{figure(entry) or "–"}</td>' for figure in figures)


def _region(state: LoopState, number: int) -> str:
    """What was to be drawn anew, on the picture that the round began with."""
    entry, before = state.rounds[number], best_before(state, number)
    if entry.strategy == SOURCE:
        return "<td>nothing</td>"
    if entry.region is None or before is None:
        return "<td>all</td>"
    uri = picture_uri(redrawn(entry.region, before.image, THUMBNAIL_SIDE))
    return (
        f'<td><img src="{uri}" alt="Bright is drawn anew, dark stays" width="{THUMBNAIL_SIDE}">'
        f"<small>{entry.region.float().mean().item():.0%}</small></td>"
    )


def _summary(entry: Round, found: Change | None) -> str:
    if found is None or entry.critique.abstained:
        return "<small>no verdict</small>" if entry.critique.abstained else ""
    words = [f"{len(claims)} {word}" for word, claims in (("fixed", found.fixed), ("broken", found.broken)) if claims]
    return f"<small>{', '.join(words) or 'no claim changed'}</small>"


def _claim(entry: Round, claim: Claim, found: Change | None) -> str:
    verdict = next((verdict for verdict in entry.critique.verdicts if verdict.claim == claim), None)
    if verdict is None:
        return "<td>–</td>"
    turned = (
        ""
        if found is None
        else (
            '<small class="right">fixed</small>'
            if claim in found.fixed
            else '<small class="wrong">broken</small>'
            if claim in found.broken
            else ""
        )
    )
    return f"<td>{mark(verdict)} {decimal(verdict.score)}{turned}</td>"
