"""The curve of a training as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from ..fonts.text import TextFont

Curve = Sequence[Sequence[float]]
"""Pairs of step and value."""

_PAPER, _INK, _GRID = (252, 252, 250), (28, 30, 34), (214, 216, 214)
_LOSS, _VALIDATION = (30, 90, 160), (178, 74, 10)
_ROBUST = 0.02


def loss_plot(losses: Curve, validation: Curve, title: str, width: int = 720, height: int = 420) -> Image.Image:
    """Draw the training loss as a line and the loss on validation prompts as a line with dots, the lowest ringed.

    Steps run to the right. The few highest losses may lie outside of the picture, which keeps the others readable.
    """
    picture = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(picture)
    font_size = max(11, height // 32)
    font = TextFont(font_size)
    line = round(font_size * 1.5)
    left, top, right, bottom = 4 * line, 3 * line, width - line, height - 2 * line
    font.write(draw, (left, line // 3), title, _INK)
    if not losses and not validation:
        font.write(draw, (left, height // 2), "no steps yet", _INK)
        return picture
    last = max(points[-1][0] for points in (losses, validation) if points)
    low, high = _bounds([value for _, value in losses], [value for _, value in validation])

    def at(point: Sequence[float]) -> tuple[float, float]:
        share = min((point[1] - low) / (high - low), 1.0)
        return left + (right - left) * point[0] / last, bottom - (bottom - top) * share

    for tick in range(5):
        value = low + (high - low) * tick / 4
        y = at((0, value))[1]
        draw.line((left, y, right, y), _GRID)
        label = f"{value:.3g}"
        font.write(draw, (left - font.getlength(label) - line // 3, y - line // 2), label, _INK)
        label = f"{last * tick / 4:.0f}"
        x = left + (right - left) * tick / 4
        font.write(draw, (min(x, right - font.getlength(label)), bottom + line // 4), label, _INK)
    pen = max(2, height // 200)
    _line(draw, [at(point) for point in losses], _LOSS, pen)
    places = [at(point) for point in validation]
    _line(draw, places, _VALIDATION, pen)
    for x, y in places:
        draw.ellipse((x - 2 * pen, y - 2 * pen, x + 2 * pen, y + 2 * pen), _VALIDATION)
    if places:
        # A lower loss is further down, where y is larger.
        x, y = places[min(range(len(validation)), key=lambda index: validation[index][1])]
        draw.ellipse((x - 4 * pen, y - 4 * pen, x + 4 * pen, y + 4 * pen), outline=_VALIDATION, width=pen)
    names = [("training", _LOSS), *([("validation, lowest kept", _VALIDATION)] if places else [])]
    x = left
    for name, color in names:
        draw.line((x, 2 * line, x + line, 2 * line), color, pen)
        font.write(draw, (x + 1.3 * line, 1.4 * line), name, color)
        x += font.getlength(name) + 3 * line
    return picture


def _line(draw: ImageDraw.ImageDraw, places: list[tuple[float, float]], color: tuple[int, int, int], pen: int) -> None:
    if len(places) > 1:
        draw.line(places, color, pen, joint="curve")


def _bounds(losses: list[float], validation: list[float]) -> tuple[float, float]:
    """The lowest value, and the highest without the few largest losses."""
    ordered = sorted(losses)
    shown = [*ordered[: len(ordered) - int(len(ordered) * _ROBUST)], *validation]
    low, high = min(shown), max(shown)
    return (low, high) if high > low else (low - 0.5, low + 0.5)
