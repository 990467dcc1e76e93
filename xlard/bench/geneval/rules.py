"""GenEval's rules: which detections count, and whether they are what the prompt asks for (arXiv 2310.11513, section
3)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from .prompts import GenEvalPrompt, Required

THRESHOLD, COUNTING_THRESHOLD = 0.3, 0.9
"""Detections must be surer than this; where things are counted, surer than the second."""
MOST_OF_A_CLASS = 16
MARGIN = 0.1
"""Share of both objects' sides by which their centres must be apart before a direction counts."""


@dataclass(frozen=True, eq=False)
class Found:
    """An object that a detector sees: box (left, top, right, bottom) in pixels, y down, score, and mask (H, W) if it
    makes masks."""

    box: tuple[float, float, float, float]
    score: float
    mask: Tensor | None = None


Objects = dict[str, list[Found]]
"""By class, surest first."""

ColorsOf = Callable[[Sequence[Found], str], list[str]]
"""The colour of each of some objects of a class."""


def counted(found: Iterable[tuple[str, Found]], tag: str) -> Objects:
    """The detections that count in a task, by class, surest first."""
    threshold = COUNTING_THRESHOLD if tag == "counting" else THRESHOLD
    objects: Objects = defaultdict(list)
    for name, each in sorted(found, key=lambda pair: -pair[1].score):
        if each.score > threshold and len(objects[name]) < MOST_OF_A_CLASS:
            objects[name].append(each)
    return {name: own for name, own in objects.items() if own}


def judge(prompt: GenEvalPrompt, objects: Objects, colors_of: ColorsOf) -> tuple[bool, list[str]]:
    """Whether a picture with these objects is right, and what is wrong.

    Colour and position are asked of the surest objects of a class only, as many as are required. One class without
    enough objects makes all positions that refer to it wrong.
    """
    wrong: list[str] = []
    held: list[list[Found] | None] = []
    for required in prompt.include:
        own = objects.get(required.name, [])[: required.count]
        problem = _problem(required, own, held, colors_of)
        wrong += [problem] if problem else []
        held.append(None if problem else own)
    for excluded in prompt.exclude:
        number = len(objects.get(excluded.name, []))
        if number >= excluded.count:
            wrong.append(f"{excluded.name}: {number} found, fewer than {excluded.count} wanted")
    return not wrong, wrong


def _problem(required: Required, own: Sequence[Found], held: Sequence[list[Found] | None], colors_of: ColorsOf) -> str:
    if len(own) < required.count:
        return f"{required.name}: {len(own)} found, {required.count} wanted"
    if required.color:
        colors = colors_of(own, required.name)
        if colors.count(required.color) < required.count:
            return f"{required.name}: {', '.join(colors)}, {required.color} wanted"
    if required.position:
        direction, place = required.position
        others = held[place]
        if others is None:
            return f"{required.name}: nothing that it could be {direction}"
        for one in own:
            for other in others:
                if direction not in (seen := directions(one, other)):
                    return f"{required.name}: {' and '.join(sorted(seen)) or 'at the same place'}, {direction} wanted"
    return ""


def directions(one: Found, other: Found) -> set[str]:
    """Where an object is seen from another: ``left of``, ``right of``, ``above``, ``below``, two of them, or none.

    The offset of the centres is shortened by ``MARGIN`` of both objects' width or height, and divided by its own length
    from before; a component beyond a half counts."""
    offset, shortened = [], []
    for low, high in ((0, 2), (1, 3)):
        apart = (one.box[low] + one.box[high] - other.box[low] - other.box[high]) / 2
        sides = abs(one.box[high] - one.box[low]) + abs(other.box[high] - other.box[low])
        offset.append(apart)
        shortened.append(math.copysign(max(abs(apart) - MARGIN * sides, 0.0), apart))
    length = math.hypot(*offset)
    if not length:
        return set()
    right, down = (part / length for part in shortened)
    sides = {"left of": right < -0.5, "right of": right > 0.5, "above": down < -0.5, "below": down > 0.5}
    return {name for name, holds in sides.items() if holds}
