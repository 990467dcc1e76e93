"""The before/after picture of a report."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from ..fonts.text import TextFont
from ..loop.state import LoopState
from .drawing import RIGHT, STATE_COLORS, UNASKED, WRONG, card, shortened, wrap
from .outcome import origin, outcome, round_number
from .pictures import annotated

SIDE = 320
"""Longer side in pixels of a picture in the grid."""

_STATE_OF = {True: RIGHT, False: WRONG, None: UNASKED}
_MARGIN, _FONT, _LINE = 16, 15, 21
_PAPER, _INK, _FAINT = (240, 240, 236), (28, 30, 34), (100, 104, 112)


def before_after(states: Sequence[LoopState]) -> Image.Image:
    """Every picture before and after, each with the critic's boxes and its claims ticked or crossed.

    Each state has a cell. There are at most three columns, to stay near a screen's shape.
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


def _cell(state: LoopState) -> Image.Image:
    font, title_font = TextFont(_FONT), TextFont(_FONT + 3)
    width = 2 * SIDE + 3 * _MARGIN
    title = wrap(state.title, title_font, width - 2 * _MARGIN)
    sentence, passed = outcome(state)
    status = wrap(sentence, font, width - 2 * _MARGIN)
    notes = [line for note in state.notes for line in wrap(shortened(note), font, width - 2 * _MARGIN)]
    columns = [("Before", state.first), ("After", state.best)]
    pictures = [annotated(loop_round, SIDE) for _, loop_round in columns]
    cards = [card(loop_round.critique, SIDE) for _, loop_round in columns]
    top = _MARGIN + (len(title) + len(status) + len(notes)) * _LINE + _LINE // 2
    picture_height = max(picture.height for picture in pictures)
    height = top + _LINE + picture_height + max(claims_card.height for claims_card in cards) + _MARGIN
    cell = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(cell)
    y = _MARGIN
    for line in title:
        title_font.write(draw, (_MARGIN, y), line, _INK)
        y += _LINE
    for line in status:
        font.write(draw, (_MARGIN, y), line, STATE_COLORS[_STATE_OF[passed]])
        y += _LINE
    for line in notes:
        font.write(draw, (_MARGIN, y), line, _FAINT)
        y += _LINE
    for column, ((heading, loop_round), picture, claims_card) in enumerate(zip(columns, pictures, cards, strict=True)):
        x = _MARGIN + column * (SIDE + _MARGIN)
        font.write(draw, (x, top), f"{heading}: {origin(loop_round, round_number(state, loop_round))}", _FAINT)
        cell.paste(picture, (x, top + _LINE))
        cell.paste(claims_card, (x, top + _LINE + picture_height))
    return cell
