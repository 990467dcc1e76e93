"""A small line chart of rewards per aspect over the rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..aspects import REPORTED
from ..loop.state import Round
from .aspect_styles import STYLE_OF
from .rendering import render

if TYPE_CHECKING:
    from markupsafe import Markup

Reading = tuple[int, float]
"""A round's number and its reward in [0, 1]."""

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 360, 150, 30, 104, 10, 24
_LABEL_HEIGHT = 14
_MOST_NUMBERS = 12
"""More numbers under the axis would run into each other."""


@dataclass(frozen=True)
class _Marker:
    """The middle of a marker, and its corners as SVG states them; a circle has none."""

    x: float
    y: float
    corners: str


@dataclass(frozen=True)
class _Line:
    """An aspect's line in stretches without a gap, as SVG states their points, and its markers; the last one stands
    before the aspect's name.
    """

    aspect: str
    dash: str
    stretches: list[str]
    markers: list[_Marker]
    label_y: float


def rewards_chart(rounds: Sequence[Round]) -> Markup | str:
    """Draw the reward in [0, 1] of each aspect by round as SVG; empty text if no round has a reward.

    A round in which the critic abstained leaves a gap, and so does one that shows an object alone.
    """
    readings = {
        aspect: [
            (number, loop_round.critique.rewards[aspect])
            for number, loop_round in enumerate(rounds)
            if aspect in loop_round.critique.rewards and not loop_round.alone
        ]
        for aspect in REPORTED
    }
    readings = {aspect: aspect_readings for aspect, aspect_readings in readings.items() if aspect_readings}
    if not readings:
        return ""
    label_heights = _label_heights([aspect_readings[-1][1] for aspect_readings in readings.values()])
    lines = [
        _line(aspect, aspect_readings, label_y, len(rounds))
        for (aspect, aspect_readings), label_y in zip(readings.items(), label_heights, strict=True)
    ]
    numbers = range(0, len(rounds), max(1, -(-len(rounds) // _MOST_NUMBERS)))
    return render(
        "chart.svg.jinja",
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        right=_WIDTH - _RIGHT,
        description=_description(readings),
        grid=[(f"{reward:g}", _y(reward)) for reward in (0.0, 0.5, 1.0)],
        round_numbers=[(number, _x(number, len(rounds))) for number in numbers],
        lines=lines,
    )


def _line(aspect: str, readings: Sequence[Reading], label_y: float, number_of_rounds: int) -> _Line:
    places = [(_x(number, number_of_rounds), _y(reward)) for number, reward in readings]
    stretches = [
        " ".join(f"{_x(number, number_of_rounds):.1f},{_y(reward):.1f}" for number, reward in stretch)
        for stretch in _stretches(readings)
    ]
    markers = [_marker(aspect, x, y) for x, y in (*places, (_WIDTH - _RIGHT + 16, label_y))]
    return _Line(aspect, STYLE_OF[aspect].dash, stretches, markers, label_y)


def _marker(aspect: str, x: float, y: float) -> _Marker:
    corners = STYLE_OF[aspect].corners
    return _Marker(x, y, " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners))


def _x(number: int, number_of_rounds: int) -> float:
    span = _WIDTH - _LEFT - _RIGHT
    return _LEFT + (span * number / (number_of_rounds - 1) if number_of_rounds > 1 else span / 2)


def _y(reward: float) -> float:
    return _TOP + (1 - reward) * (_HEIGHT - _TOP - _BOTTOM)


def _label_heights(rewards: Sequence[float]) -> list[float]:
    """Heights for the names beside the lines' ends: near them, and never on each other."""
    order = sorted(range(len(rewards)), key=lambda index: -rewards[index])
    heights = [0.0] * len(rewards)
    height = float(_TOP - _LABEL_HEIGHT)
    for rank, index in enumerate(order):
        lowest = _HEIGHT - _BOTTOM - _LABEL_HEIGHT * (len(rewards) - 1 - rank)
        height = max(height + _LABEL_HEIGHT, min(_y(rewards[index]), lowest))
        heights[index] = height
    return heights


def _stretches(readings: Sequence[Reading]) -> list[list[Reading]]:
    """Split readings where a round is missing, so no line is drawn over an abstention."""
    stretches: list[list[Reading]] = []
    for reading in readings:
        if stretches and reading[0] == stretches[-1][-1][0] + 1:
            stretches[-1].append(reading)
        else:
            stretches.append([reading])
    return stretches


def _description(readings: dict[str, list[Reading]]) -> str:
    """The chart in words, for those who cannot see it."""
    return "Rewards by round. " + " ".join(
        f"{aspect}: {', '.join(f'{reward:.2f}' for _, reward in aspect_readings)}."
        for aspect, aspect_readings in readings.items()
    )
