"""The shapes world's prompts: GenEval's tasks, and a compose tier beyond them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from ..prompts import DIRECTION_WORDS, Prompt, WorldPrompts, phrase, worded
from .vocabulary import COLOR_NAMES, SHAPES

_FEW = ("single_object", "colors", "two_object")
"""Tasks with so few prompts that their splits are by wording."""

SHARES = {
    "single_object": 0.06,
    "colors": 0.14,
    "two_object": 0.1,
    "counting": 0.17,
    "position": 0.18,
    "color_attr": 0.18,
    "compose": 0.17,
}
"""Share of each task in training and evaluation: about GenEval's own, and as much for the compose tier."""

TASKS = tuple(SHARES)


def _colored() -> list[tuple[str, str]]:
    return list(itertools.product(COLOR_NAMES, SHAPES))


def _bodies(task: str) -> list[str]:
    """Every prompt of a task, without leads."""
    things = [phrase(1, color, shape) for color, shape in _colored()]
    pairs = [(a, b) for a in things for b in things if a != b]
    if task == "single_object":
        return [phrase(1, None, shape) for shape in SHAPES]
    if task == "colors":
        return things
    if task == "two_object":
        return [f"a {a} and a {b}" for a, b in itertools.permutations(SHAPES, 2)]
    if task == "counting":
        return [
            phrase(number, color, shape)
            for number in (2, 3, 4, 5)
            for color in (None, *COLOR_NAMES)
            for shape in SHAPES
        ]
    if task == "position":
        return [f"{a} {direction} {b}" for a, b in pairs for direction in DIRECTION_WORDS] + [
            f"{phrase(2, color, shape)} are {direction} {b}"
            for color, shape in _colored()
            for b in things
            for direction in DIRECTION_WORDS
            if not b.endswith(shape)
        ]
    if task == "color_attr":
        return [f"{a} and {b}" for a, b in pairs]
    chosen = random.Random(7)
    triples = [f"{a} and {b} and {c}" for a, b, c in itertools.permutations(things, 3)]
    related = [
        f"{a} {direction} {b} and {c}" for a, b, c in itertools.permutations(things, 3) for direction in DIRECTION_WORDS
    ]
    counted = [
        f"{phrase(number, color, shape)} and {phrase(second_number, *thing)}"
        for number, second_number in ((2, 1), (3, 1), (4, 1), (2, 2), (2, 3), (3, 2), (1, 2), (1, 3))
        for color, shape in _colored()
        for thing in _colored()
        if thing != (color, shape)
    ]
    return chosen.sample(triples, 1600) + chosen.sample(related, 1600) + chosen.sample(counted, 1600)


def _prompts() -> Iterator[Prompt]:
    for task in TASKS:
        for body in _bodies(task):
            yield from worded(body, task, few=task in _FEW)


PROMPTS = WorldPrompts(_prompts, SHARES)
"""Every prompt of the world."""


def vocabulary() -> list[str]:
    """Every word of every prompt."""
    words = {word for prompt in PROMPTS.all for word in prompt.text.split()}
    return sorted(words | {"an", "the", "is", "one", "to", "of", "on", "top", "under", "over", "drawing"})
