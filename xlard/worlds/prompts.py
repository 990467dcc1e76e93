"""A world's prompts: their tasks, their splits, and samples of them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..english import NUMBER_WORDS, plural

SPLITS = {"generator": 0.55, "critic": 0.12, "corrector": 0.15, "validation": 0.06, "test": 0.12}
"""Share of the prompts in each split. Validation is for all tuning; test is for the figures."""

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


@dataclass(frozen=True)
class Prompt:
    """A prompt, its task and the ``key`` that decides its split."""

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


def phrase(number: int, color: str | None, noun: str) -> str:
    """A number of things in English: ``two red circles``, ``an orange cup``."""
    words = " ".join(word for word in (color, noun if number == 1 else plural(noun)) if word)
    return f"{NUMBER_WORDS[number] if number > 1 else 'an' if words[0] in 'aeiou' else 'a'} {words}"


def worded(body: str, task: str, few: bool) -> Iterator[Prompt]:
    """A prompt without and with ``a photo of``, both of one split.

    For a task with ``few`` prompts: in every wording, each with a split of its own.
    """
    for lead in LEADS if few else LEADS[:2]:
        yield Prompt(lead + body, task, lead + body if few else body)


class WorldPrompts:
    """Every prompt of a world, in a fixed order; ``shares`` are those of the tasks in training and evaluation."""

    def __init__(self, make: Callable[[], Iterable[Prompt]], shares: Mapping[str, float]):
        self._make, self._shares = make, shares

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks."""
        return tuple(self._shares)

    @cached_property
    def all(self) -> tuple[Prompt, ...]:
        """Every prompt."""
        return tuple(self._make())

    def of_split(self, split: str, task: str | None = None) -> list[Prompt]:
        """The prompts of a split (and of one task). Raises ValueError for an unknown split or task."""
        if split not in SPLITS:
            raise ValueError(f"There is no split '{split}'; there are {', '.join(SPLITS)}.")
        if task is not None and task not in self.tasks:
            raise ValueError(f"There is no task '{task}'; there are {', '.join(self.tasks)}.")
        return [prompt for prompt in self.all if prompt.split == split and task in (None, prompt.task)]

    def evaluation_prompts(self, split: str, number: int = 300, seed: int = 0) -> list[Prompt]:
        """About ``number`` prompts of a split, a fixed share per task, drawn without repetition."""
        chosen = []
        for task, share in self._shares.items():
            candidates = self.of_split(split, task)
            size = min(len(candidates), round(number * share))
            chosen += random.Random(f"{seed} {task}").sample(candidates, size)
        return chosen

    def sample_prompts(self, split: str, number: int, rng: random.Random) -> list[Prompt]:
        """``number`` prompts of a split with repetition, tasks drawn by their share in the evaluation."""
        tasks = rng.choices(list(self._shares), weights=list(self._shares.values()), k=number)
        candidates = {task: self.of_split(split, task) for task in set(tasks)}
        return [rng.choice(candidates[task]) for task in tasks]

    def task_of(self, text: str) -> str:
        """The task of a prompt's text; ``other`` for one that is not of this world."""
        return self._tasks.get(text, "other")

    @cached_property
    def _tasks(self) -> dict[str, str]:
        return {prompt.text: prompt.task for prompt in self.all}
