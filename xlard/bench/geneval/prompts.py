"""GenEval's prompts: read from the benchmark's own file, or made up after its six tasks."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from ...claims import count_text
from ...training.prompt_lists import COLORS
from ..errors import BenchError
from .classes import CLASSES

DIRECTIONS = ("left of", "right of", "above", "below")
PER_TASK = 100

_TRIES = 1000


def _one_of(names: Sequence[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return value

    return AfterValidator(check)


class Required(BaseModel):
    """At least ``count`` objects of a class, of a colour, and in a direction seen from an earlier required object."""

    name: str = Field(alias="class")
    count: int = Field(ge=1)
    color: Annotated[str, _one_of(COLORS)] | None = None
    position: tuple[Annotated[str, _one_of(DIRECTIONS)], int] | None = None


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
        return {required.name for required in self.include} | {excluded.name for excluded in self.exclude}

    @property
    def needs_colors(self) -> bool:
        """Whether a colour is asked for."""
        return any(required.color for required in self.include)


def read_prompts(path: Path) -> list[GenEvalPrompt]:
    """The prompts of a file with a JSON object a line; of equal texts the first counts. Raises BenchError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BenchError(
            f"The prompts {path} cannot be read ({error}). Give the path of GenEval's evaluation_metadata.jsonl, or "
            "leave out --prompts to have prompts made up."
        ) from error
    prompts: dict[str, GenEvalPrompt] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                prompt = GenEvalPrompt.model_validate_json(line)
            except ValidationError as error:
                first = error.errors()[0]
                place = ".".join(map(str, first["loc"])) or "the line"
                raise BenchError(
                    f"Line {number} of {path} is no prompt of GenEval: {place}: {first['msg']}. A line looks like"
                    ' {"tag": "counting", "include": [{"class": "bus", "count": 3}], "prompt":'
                    ' "three buses"}.'
                ) from error
            prompts.setdefault(prompt.prompt, prompt)
    if not prompts:
        raise BenchError(f"There is no prompt in {path}. Give the path of GenEval's evaluation_metadata.jsonl.")
    return list(prompts.values())


def made_up_prompts(number: int = PER_TASK, seed: int = 0) -> list[GenEvalPrompt]:
    """``number`` different prompts of each of the six tasks, of single objects at most one for each class.

    The same seed gives the same prompts.
    """
    prompts: dict[str, GenEvalPrompt] = {}
    for task, make in _TASKS.items():
        # One generator for each task: a larger number then only adds prompts.
        rng, made = random.Random(f"{seed} {task}"), 0
        for _ in range(_TRIES * number):
            text, include, exclude = make(rng)
            if made == number or (task == "single_object" and made == len(CLASSES)):
                break
            if text not in prompts:
                prompts[text] = GenEvalPrompt.model_validate(
                    {"tag": task, "prompt": f"a photo of {text}", "include": include, "exclude": exclude}
                )
                made += 1
    return list(prompts.values())


def first_of_each_task(prompts: Sequence[GenEvalPrompt], number: int) -> list[GenEvalPrompt]:
    """The first prompts of each task, at most ``number``, in their order."""
    counts: dict[str, int] = defaultdict(int)
    first_prompts = []
    for prompt in prompts:
        counts[prompt.tag] += 1
        if counts[prompt.tag] <= number:
            first_prompts.append(prompt)
    return first_prompts


PromptParts = tuple[str, list[dict], list[dict]]
"""What a photo shows in words, the required objects, and the excluded ones."""


def _with_article(name: str, color: str | None = None) -> str:
    words = f"{color} {name}" if color else name
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _requirement(name: str, count: int = 1, **conditions: object) -> dict:
    return {"class": name, "count": count, **conditions}


def _single(rng: random.Random) -> PromptParts:
    name = rng.choice(CLASSES)
    return _with_article(name), [_requirement(name)], []


def _two(rng: random.Random) -> PromptParts:
    first, second = rng.sample(CLASSES, 2)
    return f"{_with_article(first)} and {_with_article(second)}", [_requirement(first), _requirement(second)], []


def _counting(rng: random.Random) -> PromptParts:
    name, number = rng.choice(CLASSES), rng.randint(2, 4)
    return count_text(number, name), [_requirement(name, number)], [_requirement(name, number + 1)]


# As in the benchmark, persons have no colour.
_COLORABLE = [name for name in CLASSES if name != "person"]


def _colors(rng: random.Random) -> PromptParts:
    name, color = rng.choice(_COLORABLE), rng.choice(COLORS)
    return _with_article(name, color), [_requirement(name, color=color)], []


def _position(rng: random.Random) -> PromptParts:
    (first, second), direction = rng.sample(CLASSES, 2), rng.choice(DIRECTIONS)
    return (
        f"{_with_article(first)} {direction} {_with_article(second)}",
        [_requirement(second), _requirement(first, position=(direction, 0))],
        [],
    )


def _color_attr(rng: random.Random) -> PromptParts:
    (first, second), colors = rng.sample(_COLORABLE, 2), rng.sample(COLORS, 2)
    return (
        f"{_with_article(first, colors[0])} and {_with_article(second, colors[1])}",
        [_requirement(first, color=colors[0]), _requirement(second, color=colors[1])],
        [],
    )


_TASKS: dict[str, Callable[[random.Random], PromptParts]] = {
    "single_object": _single,
    "two_object": _two,
    "counting": _counting,
    "colors": _colors,
    "position": _position,
    "color_attr": _color_attr,
}
