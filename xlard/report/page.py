"""The report as one HTML page that needs no network, no script and no other file."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import torch
from PIL import Image
from torch import Tensor

from ..critique import Critique, Verdict
from ..draw import to_picture
from ..loop.state import LoopState, Round
from .chart import rewards_chart
from .picture import annotated, fit, outcome, round_number
from .style import CSS

PICTURE_SIDE, THUMBNAIL_SIDE, MAP_SIDE = 384, 72, 256
"""Longer sides in pixels of the pictures in the page; larger ones would make a batch's page heavy to send."""

# Even if an escape were forgotten one day, the browser would load and run nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report_page(states: Sequence[LoopState], title: str) -> str:
    """Render the page. All text from outside (prompts, claims, reasons, answers) is escaped.

    Every state needs at least one accepted round.
    """
    articles = "".join(_article(state, number) for number, state in enumerate(states, 1))
    return ('<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
            f"<title>{escape(title)}</title><style>{CSS}</style></head><body>"
            f"<h1>{escape(title)}</h1>{_totals(states)}"
            '<p class="faint">Boxes: solid with a tick, the claims on this object hold; dashed with a cross, a failed '
            "claim rests on it; thin, nobody asked for it. What is missing has no box.</p>"
            f"<main>{articles}</main></body></html>\n")


def picture_uri(picture: Image.Image) -> str:
    """A picture as a data: URI in PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


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


def _article(state: LoopState, number: int) -> str:
    sentence, passed = outcome(state)
    best = round_number(state, state.best)
    figures = (_figure("Before", state.first, 0) + _figure("After", state.best, best)
               if best else _figure("Before and after", state.first, 0))
    return (f'<article><h2>{number}. {escape(state.prompt or "(empty prompt)")}</h2>'
            f'<p class="{"right" if passed else "wrong"}">{escape(sentence)}</p>'
            f'<p class="faint">{_count(len(state.rounds), "round")}, {state.nfe} NFE, {state.seconds:.1f} s, '
            f'{_count(state.critic_calls, "critic call")}</p>'
            f'<div class="pair">{figures}</div>'
            f"<h3>Rounds</h3>{_rounds(state, best)}{_side(state)}{_answers(state)}</article>")


def _figure(word: str, entry: Round, number: int) -> str:
    return (f'<figure><img src="{picture_uri(annotated(entry, PICTURE_SIDE))}" '
            f'alt="{word}, with the critic\'s boxes"><figcaption>{word}: round {number}, '
            f"{escape(entry.strategy)}, seed {entry.seed}</figcaption>{_claims(entry.critique)}</figure>")


def _claims(critique: Critique) -> str:
    if not critique.verdicts:
        return '<p class="faint">The prompt holds no claim that can be checked.</p>'
    rows = "".join(
        f"<li>{_mark(verdict)} {escape(verdict.claim.text)}"
        f"<small>{_decimal(verdict.score)}{' · ' if verdict.reason else ''}{escape(verdict.reason)}</small></li>"
        for verdict in critique.verdicts)
    notice = '<p class="unknown">The critic abstained: no verdict.</p>' if critique.abstained else ""
    return f'{notice}<ul class="claims">{rows}</ul>'


def _mark(verdict: Verdict) -> str:
    kind, sign, said = (("unknown", "?", "not judged") if verdict.passed is None else
                        ("right", "✓", "holds") if verdict.passed else ("wrong", "✗", "fails"))
    return f'<span class="mark {kind}" aria-hidden="true">{sign}</span><span class="said">{said}:</span>'


def _rounds(state: LoopState, best: int) -> str:
    claims = "".join(f'<th class="claim" scope="col">{escape(claim.text)}</th>' for claim in state.claims)
    head = "".join(f'<th scope="col">{word}</th>' for word in (
        "Round", "Picture", "Strategy", "Kept", "Score", "Sigma", "NFE", "Seconds", "Critic calls", "‖Δ‖/‖z‖",
        "Head expects"))
    body = "".join(_row(entry, index, state, best) for index, entry in enumerate(state.rounds))
    return f'<div class="scroll"><table><thead><tr>{head}{claims}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(entry: Round, index: int, state: LoopState, best: int) -> str:
    thumbnail = picture_uri(fit(to_picture(entry.image), THUMBNAIL_SIDE))
    kept = "best" if index == best else "kept" if entry.accepted else "dropped"
    numbers = (_decimal(entry.critique.score), f"{entry.sigma:.2f}", str(entry.nfe), f"{entry.seconds:.1f}",
               str(entry.critic_calls), f"{entry.change:.3f}" if entry.change else "–",
               "–" if entry.predicted is None else f"{entry.predicted:.2f}")
    by_claim = {verdict.claim: verdict for verdict in entry.critique.verdicts}
    claims = "".join(
        f"<td>{_mark(by_claim[claim])} {_decimal(by_claim[claim].score)}</td>" if claim in by_claim else "<td>–</td>"
        for claim in state.claims)
    return (f'<tr{" class=best" if index == best else ""}><th scope="row">{index}</th>'
            f'<td><img src="{thumbnail}" alt="Round {index}" width="{THUMBNAIL_SIDE}"></td>'
            f"<td>{escape(entry.strategy)}</td><td>{kept}</td>"
            + "".join(f'<td class="number">{number}</td>' for number in numbers) + claims + "</tr>")


def _side(state: LoopState) -> str:
    """Rewards by round, and where the corrector acted, if it did."""
    parts = []
    chart = rewards_chart(state.rounds)
    if chart:
        parts.append(f"<div><h3>Rewards by round</h3>{chart}</div>")
    shown = state.best if state.best.attribution is not None else next(
        (entry for entry in reversed(state.rounds) if entry.attribution is not None), None)
    if shown is not None:
        uri = picture_uri(_heat(shown.attribution, shown.image))
        parts.append(f'<div><h3>Where the correction acted</h3><figure class="map"><img src="{uri}" '
                     f'alt="Attribution map"><figcaption>Round {round_number(state, shown)}: magnitude of the residual, '
                     "summed over channels; bright is most.</figcaption></figure></div>")
    return f'<div class="side">{"".join(parts)}</div>' if parts else ""


def _heat(attribution: Tensor, image: Tensor) -> Image.Image:
    """The map (h, w) in [0, 1] over the greyed picture (H, W, 3), NEAREST so that latent pixels stay visible."""
    picture = fit(to_picture(image), MAP_SIDE).convert("L").convert("RGB")
    levels = torch.nan_to_num(attribution.detach().float().cpu()).clamp(0, 1)
    mask = Image.fromarray((levels * 230).round().to(torch.uint8).numpy())
    glow = Image.new("RGB", picture.size, (255, 214, 64))
    dark = Image.blend(picture, Image.new("RGB", picture.size), 0.45)
    return Image.composite(glow, dark, mask.resize(picture.size, Image.Resampling.NEAREST))


def _answers(state: LoopState) -> str:
    rows = "".join(f"<p>Round {index}</p><pre>{escape(entry.critique.answer)}</pre>"
                   for index, entry in enumerate(state.rounds) if entry.critique.answer)
    return f"<details><summary>The critic's answers, verbatim</summary>{rows}</details>" if rows else ""


def _decimal(value: float | None) -> str:
    return "no score" if value is None else f"{value:.2f}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
