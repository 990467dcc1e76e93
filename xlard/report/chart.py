"""A small line chart of rewards per aspect over the rounds, as SVG text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..critique import REPORTED
from ..loop.state import Round

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 360, 150, 30, 104, 10, 24
_DASHES = {
    "count": "none",
    "color": "6 3",
    "position": "2 3",
    "object": "9 3 2 3",
    "attribute": "1 4",
    "quality": "12 4",
    "preservation": "14 3 2 3",
}

_MARKERS = {
    "count": ((-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)),
    "position": ((0, -4.5), (4.5, 3.5), (-4.5, 3.5)),
    "object": ((0, -5), (5, 0), (0, 5), (-5, 0)),
    "attribute": ((0, 4.5), (4.5, -3.5), (-4.5, -3.5)),
    "quality": (
        (-1.4, -4.5),
        (1.4, -4.5),
        (1.4, -1.4),
        (4.5, -1.4),
        (4.5, 1.4),
        (1.4, 1.4),
        (1.4, 4.5),
        (-1.4, 4.5),
        (-1.4, 1.4),
        (-4.5, 1.4),
        (-4.5, -1.4),
        (-1.4, -1.4),
    ),
    "preservation": ((-4.5, -2.5), (4.5, -2.5), (4.5, 2.5), (-4.5, 2.5)),
}
"""Corners of each aspect's marker around its point; colours are marked by a circle."""


def rewards_chart(rounds: Sequence[Round]) -> str:
    """Draw the reward in [0, 1] of each aspect by round; empty text if no round has a reward.

    Aspects differ in colour, dash and marker. A round in which the critic abstained leaves a gap, and so does one that
    shows an object alone."""
    series = {
        aspect: [
            (index, entry.critique.rewards[aspect])
            for index, entry in enumerate(rounds)
            if aspect in entry.critique.rewards and not entry.alone
        ]
        for aspect in REPORTED
    }
    series = {aspect: points for aspect, points in series.items() if points}
    if not series:
        return ""
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(_in_words(series))}">'
    ]
    for value in (0.0, 0.5, 1.0):
        y = _y(value)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{value:g}</text>'
        )
    # More than a dozen numbers under the axis would run into each other.
    step = max(1, -(-len(rounds) // 12))
    for index in range(0, len(rounds), step):
        parts.append(f'<text x="{_x(index, len(rounds)):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{index}</text>')
    label_rows = _label_rows([points[-1][1] for points in series.values()])
    for (aspect, points), label_y in zip(series.items(), label_rows, strict=True):
        places = [(_x(index, len(rounds)), _y(value)) for index, value in points]
        for run in _runs(points):
            line = " ".join(f"{_x(index, len(rounds)):.1f},{_y(value):.1f}" for index, value in run)
            parts.append(f'<polyline class="{aspect}" stroke-dasharray="{_DASHES[aspect]}" points="{line}"/>')
        parts.extend(_marker(aspect, x, y) for x, y in places)
        parts.append(_marker(aspect, _WIDTH - _RIGHT + 16, label_y))
        parts.append(f'<text x="{_WIDTH - _RIGHT + 25}" y="{label_y + 3.5:.1f}">{aspect}</text>')
    return "".join([*parts, "</svg>"])


def _x(index: int, count: int) -> float:
    span = _WIDTH - _LEFT - _RIGHT
    return _LEFT + (span * index / (count - 1) if count > 1 else span / 2)


def _y(value: float) -> float:
    return _TOP + (1 - value) * (_HEIGHT - _TOP - _BOTTOM)


def _label_rows(values: Sequence[float]) -> list[float]:
    """Heights for the names beside the lines' ends: near them, and 14 apart."""
    order = sorted(range(len(values)), key=lambda index: -values[index])
    heights = [0.0] * len(values)
    lowest = _TOP - 14.0
    for rank, index in enumerate(order):
        room = _HEIGHT - _BOTTOM - 14 * (len(values) - 1 - rank)
        lowest = max(lowest + 14, min(_y(values[index]), room))
        heights[index] = lowest
    return heights


def _runs(points: Sequence[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    """Split points where a round is missing, so that no line is drawn over an abstention."""
    runs: list[list[tuple[int, float]]] = []
    for point in points:
        if runs and point[0] == runs[-1][-1][0] + 1:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _marker(aspect: str, x: float, y: float) -> str:
    if aspect == "color":
        return f'<circle class="{aspect}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    corners = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in _MARKERS[aspect])
    return f'<polygon class="{aspect}" points="{corners}"/>'


def _in_words(series: dict[str, list[tuple[int, float]]]) -> str:
    return "Rewards by round. " + " ".join(
        f"{aspect}: {', '.join(f'{value:.2f}' for _, value in points)}." for aspect, points in series.items()
    )
