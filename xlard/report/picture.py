"""The before/after picture of a report: one row a prompt, drawn with Pillow's own font."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from ..loop.state import SOURCE, LoopState, Round
from .drawing import COLORS, RIGHT, WRONG, annotate, card, wrap

SIDE = 320
"""Longer side in pixels of a picture in the grid."""

_MARGIN, _FONT, _LINE = 16, 15, 21
_PAPER, _INK, _FAINT = (240, 240, 236), (28, 30, 34), (100, 104, 112)


def before_after(states: Sequence[LoopState]) -> Image.Image:
    """Every picture before and after, each with the critic's boxes and its claims ticked or crossed.

    One cell a state, in at most three columns, so that the picture stays near a screen's shape.
    """
    cells = [_cell(state) for state in states]
    columns = min(3, math.ceil(math.sqrt(len(cells) / 2)))
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    width = columns * max(cell.width for cell in cells)
    picture = Image.new("RGB", (width, sum(max(cell.height for cell in row) for row in rows)), _PAPER)
    y = 0
    for row in rows:
        for column, cell in enumerate(row):
            picture.paste(cell, (column * (width // columns), y))
        y += max(cell.height for cell in row)
    return picture


def fit(picture: Image.Image, side: int) -> Image.Image:
    """Resize a picture so that its longer side has ``side`` pixels."""
    factor = side / max(picture.size)
    size = tuple(max(1, round(length * factor)) for length in picture.size)
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)


def annotated(entry: Round, side: int) -> Image.Image:
    """A round's picture with the critic's boxes, ``side`` pixels on its longer side.

    A larger picture is drawn on at full size and then reduced; a smaller one is enlarged first.
    """
    scale = max(1, math.ceil(side / max(entry.image.shape[:2])))
    return fit(annotate(entry.image, entry.critique, scale), side)


def round_number(state: LoopState, entry: Round) -> int:
    """The index of a round of this state, by identity: equal rounds would compare their tensors."""
    return next(index for index, other in enumerate(state.rounds) if other is entry)


def origin(entry: Round, number: int) -> str:
    """Which round a picture is of; the source of an edit is of none."""
    return "the source" if entry.strategy == SOURCE else f"round {number}, {entry.strategy}"


def outcome(state: LoopState) -> tuple[str, bool]:
    """What became of a picture, in a sentence or two, and whether all its claims hold."""
    sentence, passed = _outcome(state)
    return f"{sentence} {state.ended}".strip(), passed


def _outcome(state: LoopState) -> tuple[str, bool]:
    first, best = state.first, state.best
    if best.critique.abstained:
        return "The critic abstained: nothing is known of this picture.", False
    held = sum(bool(verdict.passed) for verdict in best.critique.verdicts)
    total = len(best.critique.verdicts)
    if best is first and state.passed:
        return "The first picture holds every claim.", True
    if best is first:
        tried = "No round was better than the first picture" if len(state.rounds) > 1 else "No correction was tried"
        return f"{tried}; {held} of {total} claims hold.", False
    if state.passed:
        return f"Corrected: all {total} claims hold.", True
    return f"Better, not finished: {held} of {total} claims hold.", False


def _cell(state: LoopState) -> Image.Image:
    font = ImageFont.load_default(_FONT)
    width = 2 * SIDE + 3 * _MARGIN
    title = wrap(state.title, ImageFont.load_default(_FONT + 3), width - 2 * _MARGIN)
    sentence, passed = outcome(state)
    status = wrap(sentence, font, width - 2 * _MARGIN)
    pairs = [("Before", state.first), ("After", state.best)]
    pictures = [annotated(entry, SIDE) for _, entry in pairs]
    cards = [card(entry.critique, SIDE) for _, entry in pairs]
    top = _MARGIN + (len(title) + len(status)) * _LINE + _LINE // 2
    tall = max(picture.height for picture in pictures)
    height = top + _LINE + tall + max(part.height for part in cards) + _MARGIN
    cell = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(cell)
    y = _MARGIN
    for line in title:
        draw.text((_MARGIN, y), line, _INK, ImageFont.load_default(_FONT + 3))
        y += _LINE
    for line in status:
        draw.text((_MARGIN, y), line, COLORS[RIGHT if passed else WRONG], font)
        y += _LINE
    for column, ((word, entry), picture, part) in enumerate(zip(pairs, pictures, cards, strict=True)):
        x = _MARGIN + column * (SIDE + _MARGIN)
        draw.text((x, top), f"{word}: {origin(entry, round_number(state, entry))}", _FAINT, font)
        cell.paste(picture, (x, top + _LINE))
        cell.paste(part, (x, top + _LINE + tall))
    return cell
