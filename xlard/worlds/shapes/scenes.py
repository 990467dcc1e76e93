"""Scenes: objects that stand where every claim of a prompt holds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ...detections import Detection
from ...prompts import parse_prompt
from .vocabulary import COLOR_JITTER, COLOR_NAMES, COLORS, MAX_OBJECTS, MAX_RADIUS, MIN_RADIUS, SHAPES, SIDE

_GAP = 0.03
_TRIES = 40


@dataclass(frozen=True)
class Thing:
    """One flat shape: centre and radius as shares of the side (y down), and its RGB colour in [0, 255]."""

    shape: str
    color: str
    x: float
    y: float
    radius: float
    rgb: tuple[int, int, int]

    def detection(self) -> Detection:
        """The thing as a critic sees it: its tight box in pixels."""
        left, top, right, bottom = extent(self.shape)
        return Detection(
            (self.x + left * self.radius) * SIDE,
            (self.y + top * self.radius) * SIDE,
            (right - left) * self.radius * SIDE,
            (bottom - top) * self.radius * SIDE,
            self.shape,
            self.color,
        )


def extent(shape: str) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a shape of radius 1 around its centre, y down."""
    return {
        "circle": (-1.0, -1.0, 1.0, 1.0),
        "square": (-0.85, -0.85, 0.85, 0.85),
        "triangle": (-1.0, -1.0, 1.0, 0.75),
    }[shape]


def _stands(direction: str, a: tuple[float, float], b: tuple[float, float], reach: float) -> bool:
    dx, dy = b[0] - a[0], b[1] - a[1]
    along, across = {"left of": (dx, dy), "right of": (-dx, dy), "above": (dy, dx), "below": (-dy, dx)}[direction]
    return along > reach and along > abs(across)


def _place(
    things: Sequence[tuple[int, str, str]], relations: Sequence[tuple[int, str, int]], rng: random.Random
) -> list[tuple[float, float, float]] | None:
    largest = MAX_RADIUS if len(things) <= 2 else 0.17 if len(things) == 3 else 0.145
    placed: list[tuple[float, float, float]] = []
    for index, (group, _, _) in enumerate(things):
        for _ in range(_TRIES):
            radius = rng.uniform(MIN_RADIUS, largest)
            x, y = rng.uniform(radius + 0.02, 0.98 - radius), rng.uniform(radius + 0.02, 0.98 - radius)
            if any((x - px) ** 2 + (y - py) ** 2 < (1.1 * (radius + pr) + _GAP) ** 2 for px, py, pr in placed):
                continue
            if all(
                _stands(
                    direction,
                    (x, y) if group == a else placed[j][:2],
                    placed[j][:2] if group == a else (x, y),
                    (radius + placed[j][2]) * 0.9,
                )
                for a, direction, b in relations
                for j in range(index)
                if {group, things[j][0]} == {a, b} and group != things[j][0]
            ):
                placed.append((x, y, radius))
                break
        else:
            return None
    return placed


def scene_of(prompt: str, rng: random.Random) -> list[Thing]:
    """A random scene in which every claim of ``prompt`` holds and nothing else stands.

    Raises ValueError for a prompt that the world cannot draw.
    """
    phrases, relations = parse_prompt(prompt)
    unknown = [
        phrase.text for phrase in phrases if phrase.noun not in SHAPES or phrase.color not in (None, *COLOR_NAMES)
    ]
    if not phrases or unknown or sum(phrase.number for phrase in phrases) > MAX_OBJECTS:
        raise ValueError(
            f"The shapes world cannot draw '{prompt}': it knows one to five objects of the shapes "
            f"{', '.join(SHAPES)} in {', '.join(COLOR_NAMES)}."
        )
    things = [
        (index, phrase.noun, phrase.color or rng.choice(COLOR_NAMES))
        for index, phrase in enumerate(phrases)
        for _ in range(phrase.number)
    ]
    directions = [(relation.a, relation.direction, relation.b) for relation in relations]
    placed = None
    while placed is None:
        placed = _place(things, directions, rng)
    return [
        Thing(shape, color, x, y, radius, jitter(color, rng))
        for (_, shape, color), (x, y, radius) in zip(things, placed)
    ]


def random_scene(rng: random.Random) -> list[Thing]:
    """One to five objects of any shape and colour anywhere."""
    placed, things = None, []
    while placed is None:
        things = [(index, rng.choice(SHAPES), rng.choice(COLOR_NAMES)) for index in range(rng.randint(1, MAX_OBJECTS))]
        placed = _place(things, [], rng)
    return [
        Thing(shape, color, x, y, radius, jitter(color, rng))
        for (_, shape, color), (x, y, radius) in zip(things, placed)
    ]


def jitter(color: str, rng: random.Random) -> tuple[int, int, int]:
    """The RGB values of a colour, each moved by up to ``COLOR_JITTER``."""
    red, green, blue = (value + rng.randint(-COLOR_JITTER, COLOR_JITTER) for value in COLORS[color])
    return red, green, blue
