"""The demo world's prompts: GenEval's tasks, a compose tier beyond them, and splits by prompt."""

from __future__ import annotations

import hashlib
import itertools
import random
from dataclasses import dataclass
from functools import lru_cache

from ...english import NUMBER_WORDS
from .vocabulary import COLOR_NAMES, SHAPES

SPLITS = {"generator": 0.55, "critic": 0.12, "corrector": 0.15, "validation": 0.06, "test": 0.12}
"""Share of the prompts in each split. Validation is for all tuning; test is for the figures."""

TASKS = ("single_object", "colors", "two_object", "counting", "position", "color_attr", "compose")

DIRECTION_WORDS = ("left of", "right of", "above", "below")

LEADS = (
    "",
    "a photo of ",
    "a picture of ",
    "an image of ",
    "a drawing of ",
    "a painting of ",
    "an illustration of ",
    "a photo showing ",
    "a picture showing ",
    "an image showing ",
    "a drawing showing ",
    "a painting showing ",
)
"""Wordings that do not change what a prompt asks for."""

_FEW = ("single_object", "colors", "two_object")
"""Tasks with so few prompts that their splits are by wording; elsewhere a prompt keeps its split in any wording."""

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


@dataclass(frozen=True)
class Prompt:
    """A prompt, its task and its split; ``key`` is what decides the split."""

    text: str
    task: str
    key: str

    @property
    def split(self) -> str:
        """The split that the prompt falls into, the same on every machine."""
        position = int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:8], "big") / 2**64
        for name, share in SPLITS.items():
            if position < share:
                return name
            position -= share
        return name


def phrase(number: int, color: str | None, shape: str) -> str:
    """So many things in words: ``two red circles``."""
    words = [NUMBER_WORDS[number] if number > 1 else "a", color, shape + ("s" if number > 1 else "")]
    return " ".join(word for word in words if word)


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
        f"{phrase(number, color, shape)} and {phrase(other, *thing)}"
        for number, other in ((2, 1), (3, 1), (4, 1), (2, 2), (2, 3), (3, 2), (1, 2), (1, 3))
        for color, shape in _colored()
        for thing in _colored()
        if thing != (color, shape)
    ]
    return chosen.sample(triples, 1600) + chosen.sample(related, 1600) + chosen.sample(counted, 1600)


@lru_cache(maxsize=1)
def all_prompts() -> tuple[Prompt, ...]:
    """Every prompt of the world, in a fixed order."""
    return tuple(
        Prompt(lead + body, task, lead + body if task in _FEW else body)
        for task in TASKS
        for body in _bodies(task)
        for lead in (LEADS if task in _FEW else LEADS[:2])
    )


def prompts(split: str, task: str | None = None) -> list[Prompt]:
    """The prompts of a split (and of one task). Raises ValueError for an unknown split or task."""
    if split not in SPLITS:
        raise ValueError(f"There is no split '{split}'; there are {', '.join(SPLITS)}.")
    if task is not None and task not in TASKS:
        raise ValueError(f"There is no task '{task}'; there are {', '.join(TASKS)}.")
    return [prompt for prompt in all_prompts() if prompt.split == split and task in (None, prompt.task)]


def evaluation_prompts(split: str, number: int = 300, seed: int = 0) -> list[Prompt]:
    """About ``number`` prompts of a split, a fixed share per task, drawn without repetition."""
    chosen = []
    for task, share in SHARES.items():
        pool = prompts(split, task)
        chosen += random.Random(f"{seed} {task}").sample(pool, min(len(pool), round(number * share)))
    return chosen


def sample_prompts(split: str, number: int, rng: random.Random) -> list[Prompt]:
    """``number`` prompts of a split with repetition, tasks drawn by their share in the evaluation."""
    tasks = rng.choices(list(SHARES), weights=list(SHARES.values()), k=number)
    pools = {task: prompts(split, task) for task in set(tasks)}
    return [rng.choice(pools[task]) for task in tasks]


def task_of(text: str) -> str:
    """The task of a prompt's text; ``other`` for one that is not of this world."""
    return _tasks().get(text, "other")


@lru_cache(maxsize=1)
def _tasks() -> dict[str, str]:
    return {prompt.text: prompt.task for prompt in all_prompts()}


def vocabulary() -> list[str]:
    """Every word of every prompt."""
    words = {word for prompt in all_prompts() for word in prompt.text.split()}
    return sorted(words | {"an", "the", "is", "one", "to", "of", "on", "top", "under", "over", "drawing"})
