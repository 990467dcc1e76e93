"""GenEval's prompts: read from the benchmark's own file, or made up after its six tasks."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from ...claims import things
from ...comfy_server.errors import BenchError
from ...training.prompt_lists import COLORS
from .classes import CLASSES

DIRECTIONS = ("left of", "right of", "above", "below")
PER_TASK = 100

_TRIES = 1000


class Required(BaseModel):
    """At least ``count`` objects of a class, of a colour, and in a direction seen from an earlier required object."""

    name: str = Field(alias="class")
    count: int = Field(ge=1)
    color: Literal[COLORS] | None = None
    position: tuple[Literal[DIRECTIONS], int] | None = None


class Excluded(BaseModel):
    """Fewer than ``count`` objects of a class."""

    name: str = Field(alias="class")
    count: int = Field(ge=1)


class GenEvalPrompt(BaseModel):
    """A line of the benchmark's ``evaluation_metadata.jsonl``; ``tag`` is its task."""

    prompt: str = Field(min_length=1)
    tag: str
    include: list[Required] = Field(min_length=1)
    exclude: list[Excluded] = []

    @model_validator(mode="after")
    def _positions_refer_back(self) -> GenEvalPrompt:
        for place, required in enumerate(self.include):
            if required.position and not 0 <= required.position[1] < place:
                raise ValueError(f"position refers to object {required.position[1]}, which is not listed before it")
        return self

    @property
    def classes(self) -> set[str]:
        """The classes that a detector must know."""
        return {each.name for each in (*self.include, *self.exclude)}

    @property
    def needs_colors(self) -> bool:
        """Whether a colour is asked for."""
        return any(each.color for each in self.include)


def read_prompts(path: Path) -> list[GenEvalPrompt]:
    """The prompts of a file with a JSON object a line; a text that comes again is left out. Raises BenchError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BenchError(
            f"The prompts {path} cannot be read ({error}). Give the path of GenEval's evaluation_metadata.jsonl, or "
            "leave --prompts away to have prompts made up."
        ) from error
    found: dict[str, GenEvalPrompt] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                prompt = GenEvalPrompt.model_validate_json(line)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"])) or "the line"
                raise BenchError(
                    f"Line {number} of {path} is no prompt of GenEval: {where}: {first['msg']}. A line looks like"
                    ' {"tag": "counting", "include": [{"class": "bus", "count": 3}], "prompt":'
                    ' "three buses"}.'
                ) from error
            found.setdefault(prompt.prompt, prompt)
    if not found:
        raise BenchError(f"There is no prompt in {path}. Give the path of GenEval's evaluation_metadata.jsonl.")
    return list(found.values())


def made_up(number: int = PER_TASK, seed: int = 0) -> list[GenEvalPrompt]:
    """So many different prompts of each of the six tasks, of single objects at most one for each class; the same for
    the same seed."""
    prompts: dict[str, GenEvalPrompt] = {}
    for task, make in _TASKS.items():
        # For each task its own, so that a larger number only adds prompts.
        rng, own = random.Random(f"{seed} {task}"), 0
        for _ in range(_TRIES * number):
            text, include, exclude = make(rng)
            if own == number or (task == "single_object" and own == len(CLASSES)):
                break
            if text not in prompts:
                prompts[text] = GenEvalPrompt.model_validate(
                    {"tag": task, "prompt": f"a photo of {text}", "include": include, "exclude": exclude}
                )
                own += 1
    return list(prompts.values())


def first_of_each_task(prompts: Sequence[GenEvalPrompt], number: int) -> list[GenEvalPrompt]:
    """At most so many prompts of each task, the first ones, in their order."""
    seen: dict[str, int] = defaultdict(int)
    kept = []
    for prompt in prompts:
        seen[prompt.tag] += 1
        if seen[prompt.tag] <= number:
            kept.append(prompt)
    return kept


Made = tuple[str, list[dict], list[dict]]
"""What a photo shows in words, what must be there, what must not."""


def _one(name: str, color: str | None = None) -> str:
    words = f"{color} {name}" if color else name
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _need(name: str, count: int = 1, **more) -> dict:
    return {"class": name, "count": count, **more}


def _single(rng: random.Random) -> Made:
    name = rng.choice(CLASSES)
    return _one(name), [_need(name)], []


def _two(rng: random.Random) -> Made:
    first, second = rng.sample(CLASSES, 2)
    return f"{_one(first)} and {_one(second)}", [_need(first), _need(second)], []


def _counting(rng: random.Random) -> Made:
    name, number = rng.choice(CLASSES), rng.randint(2, 4)
    return things(number, name), [_need(name, number)], [_need(name, number + 1)]


# Nobody is asked to be purple, as in the benchmark.
_COLORED = [name for name in CLASSES if name != "person"]


def _colors(rng: random.Random) -> Made:
    name, color = rng.choice(_COLORED), rng.choice(COLORS)
    return _one(name, color), [_need(name, color=color)], []


def _position(rng: random.Random) -> Made:
    (first, second), direction = rng.sample(CLASSES, 2), rng.choice(DIRECTIONS)
    return f"{_one(first)} {direction} {_one(second)}", [_need(second), _need(first, position=(direction, 0))], []


def _color_attr(rng: random.Random) -> Made:
    (first, second), (one, other) = rng.sample(_COLORED, 2), rng.sample(COLORS, 2)
    return f"{_one(first, one)} and {_one(second, other)}", [_need(first, color=one), _need(second, color=other)], []


_TASKS: dict[str, Callable[[random.Random], Made]] = {
    "single_object": _single,
    "two_object": _two,
    "counting": _counting,
    "colors": _colors,
    "position": _position,
    "color_attr": _color_attr,
}
