"""Scenes: which objects stand where, and on which place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...prompts import parse_prompt
from .vocabulary import ASPECTS, CLASSES, COLORED_CLASSES, COLORS, MAX_OBJECTS, PLACES, PLAIN_CLASSES

MARGIN = 0.02
"""Least distance of an object from the picture's edge, in shares of the side."""

OVERLAP = 0.05
"""The largest share of the smaller of two boxes that both may cover."""

_TRIES = 60
_REACH = 0.3
"""Smallest distance of the centres of two related objects, in shares of the sum of their sizes."""

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
    return (rng.uniform(MARGIN, 1 - MARGIN - width), rng.uniform(MARGIN, 1 - MARGIN - height), width, height)


def stands(a: Box, direction: str, b: Box) -> bool:
    """Whether a box is clearly in a direction of another one: by more along it than across it."""
    across, down = ((b[axis] + b[axis + 2] / 2) - (a[axis] + a[axis + 2] / 2) for axis in (0, 1))
    reach_across, reach_down = ((a[size] + b[size]) * _REACH for size in (2, 3))
    along, aside, reach = {
        "left of": (across, down, reach_across),
        "right of": (-across, down, reach_across),
        "above": (down, across, reach_down),
        "below": (-down, across, reach_down),
    }[direction]
    return along > max(abs(aside), reach)


def draw_boxes(
    names: Sequence[str], rng: np.random.Generator, related: Mapping[tuple[int, int], str] | None = None
) -> list[Box]:
    """A box for each object; two overlap by at most a twentieth of the smaller one.

    ``related`` gives the direction in which one object stands of another, by their indices.
    """
    directions = related or {}
    while True:
        boxes: list[Box] = []
        for index, name in enumerate(names):
            for _ in range(_TRIES):
                box = draw_box(name, len(names), rng)
                fits = all(
                    shared_area(box, placed) <= OVERLAP
                    and ((index, other) not in directions or stands(box, directions[index, other], placed))
                    and ((other, index) not in directions or stands(placed, directions[other, index], box))
                    for other, placed in enumerate(boxes)
                )
                if fits:
                    boxes.append(box)
                    break
            else:
                break
        if len(boxes) == len(names):
            return boxes


def place_of(prompt: str) -> tuple[str, str | None]:
    """A prompt without the words that name its place, and that place; None if it names none."""
    for place, words in PLACES.items():
        if f" {words}" in f" {prompt}":
            return f" {prompt}".replace(f" {words}", "").strip(), place
    return prompt, None


def scene_of(prompt: str, rng: np.random.Generator) -> Scene:
    """A random scene in which every claim of ``prompt`` holds and nothing else stands.

    What the prompt leaves open, colours or the place, is drawn. Raises ValueError for a prompt that the world cannot
    draw.
    """
    objects, place = place_of(prompt)
    phrases, relations = parse_prompt(objects)
    unknown = [
        phrase.text
        for phrase in phrases
        if phrase.noun not in CLASSES
        or phrase.color not in ((None, *COLORS) if phrase.noun in COLORED_CLASSES else (None,))
    ]
    number = sum(phrase.number for phrase in phrases)
    if unknown or not 0 < number <= MAX_OBJECTS:
        raise ValueError(
            f"The things world cannot draw '{prompt}': it knows one to five of {', '.join(PLAIN_CLASSES)}, and of "
            f"{', '.join(COLORED_CLASSES)} in {', '.join(COLORS)}."
        )
    groups = [index for index, phrase in enumerate(phrases) for _ in range(phrase.number)]
    names = [phrases[group].noun for group in groups]
    related = {
        (first, second): relation.direction
        for relation in relations
        for first, a in enumerate(groups)
        for second, b in enumerate(groups)
        if (a, b) == (relation.a, relation.b)
    }
    boxes = draw_boxes(names, rng, related)
    things = tuple(
        Thing(
            name,
            phrases[group].color or (COLORS[rng.integers(len(COLORS))] if name in COLORED_CLASSES else None),
            box,
            bool(rng.random() < 0.5),
        )
        for group, name, box in zip(groups, names, boxes)
    )
    return Scene(place or tuple(PLACES)[rng.integers(0, len(PLACES))], things)


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
