"""Scenes: which objects stand where, and on which place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .world import ASPECTS, CLASSES, COLORED_CLASSES, COLORS, MAX_OBJECTS, PLACES

_MARGIN = 0.02
_OVERLAP = 0.05
_TRIES = 60

Box = tuple[float, float, float, float]
"""Left, top, width and height, y down."""


@dataclass(frozen=True)
class Thing:
    """One object: its class, its colour (None for a class without colours), and its tight box in shares of the side."""

    name: str
    color: str | None
    box: Box
    mirrored: bool = False


@dataclass(frozen=True)
class Scene:
    """A place of ``PLACES`` and the objects on it."""

    place: str
    things: tuple[Thing, ...]


def shared_area(a: Box, b: Box) -> float:
    """The area of the two boxes' intersection, as a share of the smaller box."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0) / min(a[2] * a[3], b[2] * b[3])


def sizes_for(number: int) -> tuple[float, float]:
    """Bounds of the longer side of each of ``number`` objects, in shares of the picture's side."""
    return (0.24, 0.42) if number <= 2 else (0.2, 0.3)


def draw_box(name: str, number: int, rng: np.random.Generator) -> Box:
    """A box for an object of a class among ``number`` objects, anywhere in the picture."""
    size = rng.uniform(*sizes_for(number))
    width, height = size * min(1.0, ASPECTS[name]), size / max(1.0, ASPECTS[name])
    return (rng.uniform(_MARGIN, 1 - _MARGIN - width), rng.uniform(_MARGIN, 1 - _MARGIN - height), width, height)


def draw_boxes(names: Sequence[str], rng: np.random.Generator) -> list[Box]:
    """A box for each object; two overlap by at most a twentieth of the smaller one."""
    while True:
        boxes: list[Box] = []
        for name in names:
            for _ in range(_TRIES):
                box = draw_box(name, len(names), rng)
                if all(shared_area(box, placed) <= _OVERLAP for placed in boxes):
                    boxes.append(box)
                    break
        if len(boxes) == len(names):
            return boxes


def random_scene(rng: np.random.Generator) -> Scene:
    """One to five objects of any class and colour, anywhere on any place; in a third of the scenes all of one class."""
    number = int(rng.integers(1, MAX_OBJECTS + 1))
    names = [CLASSES[index] for index in rng.integers(0, len(CLASSES), number)]
    if rng.random() < 1 / 3:
        names = names[:1] * number
    colors = [COLORS[rng.integers(0, len(COLORS))] if name in COLORED_CLASSES else None for name in names]
    things = tuple(
        Thing(name, color, box, bool(rng.random() < 0.5))
        for name, color, box in zip(names, colors, draw_boxes(names, rng))
    )
    return Scene(tuple(PLACES)[rng.integers(0, len(PLACES))], things)
