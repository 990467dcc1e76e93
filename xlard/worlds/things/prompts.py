"""The things world's prompts: GenEval's tasks and wording, places, and a compose tier beyond them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence

from ...english import NUMBER_WORDS, plural
from ..prompts import DIRECTION_WORDS, Prompt, WorldPrompts, phrase, worded
from .vocabulary import CLASSES, COLORED_CLASSES, COLORS, MAX_OBJECTS, PLACES

Kind = tuple[str | None, str]
"""A colour, or None where a prompt names none, and a class."""

_FEW = ("single_object", "colors")
"""Tasks with so few prompts that their splits are by wording."""

SHARES = {
    "single_object": 0.05,
    "colors": 0.1,
    "two_object": 0.12,
    "counting": 0.16,
    "position": 0.16,
    "color_attr": 0.15,
    "scene": 0.08,
    "compose": 0.18,
}
"""Share of each task in training and evaluation."""

_COMPOSED = 900
"""Prompts of each form of the compose tier, drawn once and for all."""

_COLORED: list[Kind] = [(color, name) for name in COLORED_CLASSES for color in COLORS]
_UNCOLORED: list[Kind] = [(None, name) for name in CLASSES]
_KINDS = _UNCOLORED + _COLORED


def one(kind: Kind) -> str:
    """One thing in English: ``a red cup``."""
    return phrase(1, *kind)


def _composed(rng: random.Random, make: Callable[[Sequence[Kind], str, str], str]) -> Iterator[str]:
    """Distinct prompts of a form, from three kinds of different classes, a direction and a place each."""
    seen: set[str] = set()
    while len(seen) < _COMPOSED:
        names = rng.sample(CLASSES, 3)
        kinds = [rng.choice([kind for kind in _KINDS if kind[1] == name]) for name in names]
        text = make(kinds, rng.choice(DIRECTION_WORDS), rng.choice(list(PLACES.values())))
        if text not in seen:
            seen.add(text)
            yield text


def _compose() -> list[str]:
    rng = random.Random(7)

    def counted(kind: Kind, most: int) -> str:
        return phrase(rng.randint(2, most), *kind)

    forms: tuple[Callable[[Sequence[Kind], str, str], str], ...] = (
        lambda kinds, direction, place: f"{one(kinds[0])} and {one(kinds[1])} and {one(kinds[2])}",
        lambda kinds, direction, place: f"{one(kinds[0])} {direction} {one(kinds[1])} and {one(kinds[2])}",
        lambda kinds, direction, place: f"{one(kinds[0])} {direction} {one(kinds[1])} {place}",
        lambda kinds, direction, place: f"{one(kinds[0])} and {one(kinds[1])} {place}",
        lambda kinds, direction, place: f"{counted(kinds[0], MAX_OBJECTS)} {place}",
        lambda kinds, direction, place: f"{counted(kinds[0], 3)} {direction} {one(kinds[1])}",
        lambda kinds, direction, place: f"{counted(kinds[0], MAX_OBJECTS - 1)} and {one(kinds[1])}",
        lambda kinds, direction, place: f"{counted(kinds[0], 3)} and {counted(kinds[1], 2)}",
    )
    return [text for form in forms for text in _composed(rng, form)]


def _bodies(task: str) -> list[str]:
    """Every prompt of a task, without leads."""
    if task == "single_object":
        return [one(kind) for kind in _UNCOLORED]
    if task == "colors":
        return [one(kind) for kind in _COLORED]
    if task == "two_object":
        return [f"{one(a)} and {one(b)}" for a, b in itertools.permutations(_UNCOLORED, 2)]
    if task == "counting":
        return [phrase(number, *kind) for number in range(2, MAX_OBJECTS + 1) for kind in _KINDS]
    if task == "position":
        pairs = itertools.permutations(_UNCOLORED, 2)
        return [f"{one(a)} {direction} {one(b)}" for a, b in pairs for direction in DIRECTION_WORDS]
    if task == "color_attr":
        return [f"{one(a)} and {one(b)}" for a, b in itertools.permutations(_COLORED, 2) if a[1] != b[1]]
    if task == "scene":
        return [f"{one(kind)} {place}" for kind in _KINDS for place in PLACES.values()]
    return _compose()


def _prompts() -> Iterator[Prompt]:
    for task in SHARES:
        for body in _bodies(task):
            yield from worded(body, task, few=task in _FEW)


PROMPTS = WorldPrompts(_prompts, SHARES)
"""Every prompt of the world."""


def vocabulary() -> list[str]:
    """Every word of every prompt, and words that other wordings of them need."""
    words = {word for prompt in PROMPTS.all for word in prompt.text.split()}
    words |= {word for name in CLASSES for word in (*name.split(), *plural(name).split())}
    words |= {NUMBER_WORDS[number] for number in range(1, MAX_OBJECTS + 1)}
    return sorted(words | set("an the there is are to top under over front its next".split()))
