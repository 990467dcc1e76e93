"""Reading what a model wrote: JSON out of prose, scores of any scale, boxes of any order. The rest is refused.

The texts of the errors are shown to the model when it is asked again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..detections import Detection
from ..english import parse_label
from .backend import UnreadableAnswer
from .boxes import FRACTIONS, BoxConvention

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from .schemas import ListedObject

T = TypeVar("T")

_THINKING = re.compile(r"<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_ONLY = re.compile(r"\A.*?</(?:think|thinking|thought|reasoning)>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[\w-]*\s*(.*?)(?:```|\Z)", re.DOTALL)
_NUMBER = re.compile(r"\s*([-+]?\d+(?:[.,]\d+)?)\s*(?:/\s*(\d+(?:\.\d+)?)|(%))?\s*\Z")
_SHOWN = 160


def excerpt(answer: str) -> str:
    """The beginning of an answer, for an error message."""
    text = " ".join(answer.split())
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + " ...")


def bare(answer: str) -> str:
    """An answer without thinking blocks and fences."""
    # Some chat templates open the block themselves: the answer then holds only its end.
    text = _THOUGHT_ONLY.sub("", _THINKING.sub("", answer))
    fenced = _FENCE.search(text)
    return (fenced.group(1) if fenced else text).strip()


def read_json(answer: str, opening: str) -> Any:
    """The JSON value that begins with ``opening`` (``[`` or ``{``) in an answer, repaired where it is broken.

    Raises UnreadableAnswer if there is none.
    """
    import json_repair

    text = bare(answer)
    start = next((index for index, sign in enumerate(text) if sign in "[{"), -1)
    # A list inside an object is not the list of the question, even if it is empty.
    if start < 0 or (opening == "[" and text[start] == "{"):
        kind = "list" if opening == "[" else "object"
        raise UnreadableAnswer(f"It holds no JSON {kind}: {excerpt(answer)}.")
    try:
        # Prose after a whole value: a repair would add it to the value.
        return json.JSONDecoder().raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        pass
    try:
        value = json_repair.loads(text[start:])
    except (ValueError, RecursionError) as error:
        raise UnreadableAnswer(f"Its JSON cannot be read ({type(error).__name__}): {excerpt(answer)}.") from error
    if value == [] and "]" not in text[start:]:
        raise UnreadableAnswer(f"Its JSON is cut short: {excerpt(answer)}.")
    # A repair makes a list of an object and the prose after it.
    if opening == "{" and isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict)), value)
    return value


def validated(form: TypeAdapter[T], value: Any, answer: str) -> T:
    """A value read as one of the forms in ``schemas``; raises UnreadableAnswer for a value of another form."""
    from pydantic import ValidationError

    try:
        return form.validate_python(value)
    except (ValidationError, RecursionError) as error:
        raise UnreadableAnswer(
            f"It does not have the form that was asked for ({_problem(error)}): {excerpt(answer)}."
        ) from error


def _problem(error: Exception) -> str:
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return type(error).__name__
    first = error.errors()[0]
    place = ".".join(str(key) for key in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def read_score(value: Any, top: float = 10.0) -> float:
    """A score in [0, 1] from a model's value on a scale from 0 to ``top``.

    Reads ``7``, ``"7/10"``, ``"70 %"`` and ``0.7``. A number well above the scale counts as one of 100, one a little
    above it as the top, a fraction below 1 as one of 1. Raises UnreadableAnswer for anything else, NaN included.
    """
    if isinstance(value, str):
        match = _NUMBER.match(value)
        if not match:
            raise UnreadableAnswer(f"{excerpt(value)} is no score.")
        number, out_of, percent = match.groups()
        scale = float(out_of) if out_of else 100.0 if percent else None
        return _scaled(float(number.replace(",", ".")), scale, top)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UnreadableAnswer(f"{excerpt(str(value))} is no score.")
    # Whole numbers in JSON have no limit, floats have.
    return _scaled(float(value) if abs(value) < 1e300 or math.isnan(value) else math.inf, None, top)


def _scaled(number: float, scale: float | None, top: float) -> float:
    if not math.isfinite(number) or scale == 0:
        raise UnreadableAnswer(f"{number} is no score.")
    if scale is None:
        scale = 100.0 if 1.2 * top < number <= 100.0 else 1.0 if 0 < number < 1 else top
    return min(max(number / scale, 0.0), 1.0)


def read_verdict(value: Any) -> bool:
    """A verdict from ``yes``, ``no``, ``true``, ``false`` in any case; raises UnreadableAnswer for anything else."""
    if isinstance(value, bool):
        return value
    word = value.strip().strip(".!\"'*").lower() if isinstance(value, str) else ""
    if word not in ("yes", "true", "no", "false"):
        raise UnreadableAnswer(f"{excerpt(str(value))} is neither yes nor no.")
    return word in ("yes", "true")


def read_detections(
    objects: Sequence[ListedObject],
    boxes: BoxConvention,
    seen: tuple[float, float],
    width: float,
    height: float,
    score: float = 1.0,
) -> list[Detection]:
    """Detections in pixels of an image of ``width`` and ``height`` from boxes that a model wrote.

    ``seen`` is the width and height at which the model saw the image. Boxes are clipped, and swapped corners swapped
    back; a box without area is dropped, and so is one that repeats another with its label. Raises UnreadableAnswer for
    numbers that are not finite.
    """
    numbers = [number for listed in objects for number in listed.box]
    # Some models write fractions whatever their convention.
    if (
        boxes.scale > 1
        and any(number % 1 for number in numbers if math.isfinite(number))
        and max(map(abs, numbers)) <= 1
    ):
        boxes = BoxConvention(FRACTIONS.name, FRACTIONS.scale, boxes.order, boxes.key)
    detections = []
    for listed in objects:
        try:
            left, top, right, bottom = boxes.read(listed.box, *seen)
        except ValueError as error:
            raise UnreadableAnswer(f"It holds {error}.") from error
        color, noun = parse_label(listed.label)
        if right > left and bottom > top and noun:
            detections.append(
                Detection(
                    left * width, top * height, (right - left) * width, (bottom - top) * height, noun, color, score
                )
            )
    # Two things in the very same place are one thing, listed twice; a model that falls into a loop lists it often.
    return list(dict.fromkeys(detections))
