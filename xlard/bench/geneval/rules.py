"""GenEval's rules: which detections count, and whether they are what the prompt asks for (arXiv 2310.11513, section
3).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from .prompts import GenEvalPrompt, Required

THRESHOLD, COUNTING_THRESHOLD = 0.3, 0.9
"""Scores that a detection must exceed: in all tasks but counting, and in counting."""
MAX_PER_CLASS = 16
MARGIN = 0.1
"""Share of both objects' sides by which their centres must be apart before a direction counts."""


@dataclass(frozen=True, eq=False)
class DetectedObject:
    """An object that a detector sees: box (left, top, right, bottom) in pixels, y down, score, and mask (H, W) if it
    makes masks.
    """

    box: tuple[float, float, float, float]
    score: float
    mask: Tensor | None = None


Objects = dict[str, list[DetectedObject]]
"""By class, highest score first."""

ColorsOf = Callable[[Sequence[DetectedObject], str], list[str]]
"""The colours of objects of one class, given with the class's name."""


def counted_objects(detections: Iterable[tuple[str, DetectedObject]], task: str) -> Objects:
    """The detections that count in a task, by class, highest score first."""
    threshold = COUNTING_THRESHOLD if task == "counting" else THRESHOLD
    objects: Objects = defaultdict(list)
    for name, detected in sorted(detections, key=lambda pair: -pair[1].score):
        if detected.score > threshold and len(objects[name]) < MAX_PER_CLASS:
            objects[name].append(detected)
    return {name: of_class for name, of_class in objects.items() if of_class}


def judge(prompt: GenEvalPrompt, objects: Objects, colors_of: ColorsOf) -> tuple[bool, list[str]]:
    """Whether a picture with these objects is right, and what is wrong.

    Colour and position are checked on as many objects of a class as are required, those with the highest scores. If a
    class has too few objects, all positions that refer to it are wrong.
    """
    problems: list[str] = []
    earlier: list[list[DetectedObject] | None] = []
    for required in prompt.include:
        candidates = objects.get(required.name, [])[: required.count]
        problem = _problem(required, candidates, earlier, colors_of)
        problems += [problem] if problem else []
        earlier.append(None if problem else candidates)
    for excluded in prompt.exclude:
        number = len(objects.get(excluded.name, []))
        if number >= excluded.count:
            problems.append(f"{excluded.name}: {number} found, fewer than {excluded.count} wanted")
    return not problems, problems


def _problem(
    required: Required,
    candidates: Sequence[DetectedObject],
    earlier: Sequence[list[DetectedObject] | None],
    colors_of: ColorsOf,
) -> str:
    """What is wrong with the candidates for a required object, empty if nothing.

    ``earlier`` are the objects for the earlier requirements, None for those that are not met.
    """
    if len(candidates) < required.count:
        return f"{required.name}: {len(candidates)} found, {required.count} wanted"
    if required.color:
        colors = colors_of(candidates, required.name)
        if colors.count(required.color) < required.count:
            return f"{required.name}: {', '.join(colors)}, {required.color} wanted"
    if required.position:
        direction, place = required.position
        references = earlier[place]
        if references is None:
            return f"{required.name}: nothing that it could be {direction}"
        for candidate in candidates:
            for reference in references:
                if direction not in (seen := directions(candidate, reference)):
                    return f"{required.name}: {' and '.join(sorted(seen)) or 'at the same place'}, {direction} wanted"
    return ""


def directions(subject: DetectedObject, reference: DetectedObject) -> set[str]:
    """Where an object is seen from another: ``left of``, ``right of``, ``above``, ``below``, two of them, or none.

    The offset of the centres is shortened by ``MARGIN`` of both objects' width or height and divided by its length
    before that; a component above one half counts.
    """
    offset, shortened = [], []
    for low, high in ((0, 2), (1, 3)):
        distance = (subject.box[low] + subject.box[high] - reference.box[low] - reference.box[high]) / 2
        sides = abs(subject.box[high] - subject.box[low]) + abs(reference.box[high] - reference.box[low])
        offset.append(distance)
        shortened.append(math.copysign(max(abs(distance) - MARGIN * sides, 0.0), distance))
    length = math.hypot(*offset)
    if not length:
        return set()
    right, down = (component / length for component in shortened)
    holds = {"left of": right < -0.5, "right of": right > 0.5, "above": down < -0.5, "below": down > 0.5}
    return {direction for direction, is_true in holds.items() if is_true}
