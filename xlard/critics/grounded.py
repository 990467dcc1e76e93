"""Grounded judging: the critic lists objects with boxes as JSON, the arithmetic on them is ours.

Boxes are ``bbox_2d`` corners [x1, y1, x2, y2] in thousandths of the picture's width and height, as Qwen3-VL writes them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Annotated

from ..claims import Claim, parse_label
from ..critique import Detection

_SCALE = 1000.0
_THINKING = re.compile(r"<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)


class UnreadableAnswer(ValueError):
    """The critic's answer is not a list of boxes with labels."""


INSTRUCTION = ("List every object in the picture, among them any ", ". Answer only with JSON: "
               '[{"bbox_2d": [x1, y1, x2, y2], "label": "color object"}], coordinates from 0 to 1000, [] if there is none.')


def question(claims: Sequence[Claim]) -> str:
    """What the critic is asked: to list the objects, naming the nouns of the claims. It never sees the prompt."""
    nouns = dict.fromkeys(noun for claim in claims for noun in (claim.noun, claim.other) if noun)
    return ", ".join(nouns).join(INSTRUCTION)


def format_answer(detections: Sequence[Detection], width: float, height: float, step: int = 1) -> str:
    """The answer that lists these detections; coordinates are rounded to multiples of ``step``."""
    def thousandths(value: float, size: float) -> int:
        return min(max(round(value * _SCALE / size / step) * step, 0), int(_SCALE))

    objects = []
    for found in detections:
        corners = (thousandths(found.x, width), thousandths(found.y, height),
                   thousandths(found.x + found.width, width), thousandths(found.y + found.height, height))
        objects.append('{"bbox_2d": [%d, %d, %d, %d], "label": "%s"}' % (*corners, found.label))
    return "[" + ", ".join(objects) + "]"


def _schema():
    # pydantic takes longer to import than the pack may add to ComfyUI's start.
    from pydantic import BaseModel, Field, TypeAdapter

    class Grounded(BaseModel):
        bbox_2d: Annotated[list[float], Field(min_length=4, max_length=4)]
        label: str

    return TypeAdapter(list[Grounded])


def parse_answer(answer: str, width: float, height: float, score: float = 1.0) -> list[Detection]:
    """Read detections in image pixels out of a critic's answer.

    Thinking blocks and fences are removed, broken JSON is repaired, boxes are clipped and swapped corners mended; a box
    with no area is dropped. Raises UnreadableAnswer for anything that is still no list of boxes with labels.
    """
    import json_repair
    from pydantic import ValidationError

    text = _THINKING.sub("", answer)
    fenced = _FENCE.search(text)
    text = fenced.group(1) if fenced else text
    start = text.find("[")
    if start < 0:
        raise UnreadableAnswer(f"The critic's answer holds no JSON list: {answer[:200]!r}")
    try:
        objects = _schema().validate_python(json_repair.loads(text[start:]))
    except ValidationError as error:
        raise UnreadableAnswer(f"The critic's answer is no list of boxes with labels "
                               f"({error.errors()[0]['msg']}): {answer[:200]!r}") from error
    detections = []
    for found in objects:
        if not all(math.isfinite(value) for value in found.bbox_2d):
            raise UnreadableAnswer(f"The critic's answer holds a box that is no number: {answer[:200]!r}")
        x1, y1, x2, y2 = (min(max(value, 0.0), _SCALE) / _SCALE for value in found.bbox_2d)
        left, right, top, bottom = min(x1, x2) * width, max(x1, x2) * width, min(y1, y2) * height, max(y1, y2) * height
        color, noun = parse_label(found.label)
        if right > left and bottom > top and noun:
            detections.append(Detection(left, top, right - left, bottom - top, noun, color, score))
    return detections
