"""Reading what a model wrote: JSON out of prose, scores of any scale, boxes of any order. The rest is refused.

The texts of the errors are shown to the model when it is asked again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..detections import Detection
from ..english import parse_label
from .answer_lists import Offer, joined
from .backend import UnreadableAnswer
from .boxes import BoxConvention
from .json_values import Found, found_values
from .thinking import BLANK, inside, label_of, merged, thoughts

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from .schemas import ListedObject

T = TypeVar("T")

_TAKEN_BACK = re.compile(
    r"(?:^|[.!?\n])[ \t]*(?:but )?(?:wait|hmm|actually|on second thought|correction|no,|i (?:missed|forgot|overlooked)"
    r"|let me (?:re-?)?(?:check|count|look|think)"
    r"|(?:and |then |also )?(?:there(?:'s| is| are| may be| might be) )?(?:also|another|one more|a second|more)\b)",
    re.IGNORECASE,
)
"""Words after the last value with which a model takes it back."""
_NUMBER = re.compile(r"\s*([-+]?\d+(?:[.,]\d+)?)\s*(?:/\s*(\d+(?:\.\d+)?)|(%))?\s*\Z")
_SHOWN = 160
LONGEST_ANSWER, MOST_OBJECTS = 1_000_000, 500
"""Characters of an answer, and different objects in a list: far more than any model sees in a picture."""


def excerpt(answer: str) -> str:
    """The beginning of an answer, for an error message."""
    text = " ".join(answer.split())
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + " ...")


def read_json(answer: str, opening: str) -> Any:
    """The JSON value of an answer that begins with ``opening`` (``[``, ``{`` or both), repaired where it is broken.

    What the model thought first is no answer. Of several objects the last one counts; several lists are joined if they
    list different kinds of things, and otherwise the last one must repeat or replace the others. Raises
    UnreadableAnswer if there is none, if it is cut short, if the model takes it back, and for lists that do not fit
    together, or more than anybody writes: ``LONGEST_ANSWER`` characters.
    """
    if len(answer) > LONGEST_ANSWER:
        raise UnreadableAnswer(f"It has {len(answer)} characters; at most {LONGEST_ANSWER} are read.")
    found = list(found_values(answer))
    blanked = _blanked(answer, found)
    thought = merged(thoughts(blanked, [(value.start, value.end) for value in found]))
    spoken = [value for value in found if not inside((value.start, value.end), thought)]
    offers, place = [], 0
    for value in spoken:
        before = blanked[: value.start]
        offers.append((value, Offer(value.value, label_of(before), before[place:])))
        place = value.end
    if spoken and spoken[-1].cause:
        raise UnreadableAnswer(f"Its JSON {spoken[-1].cause}: {excerpt(answer)}.")
    fitting = [
        offer
        for value, offer in offers
        if not (value.cause or offer.is_draft or offer.is_form or _in_prose(blanked, value))
        and _fits(offer.value, opening)
    ]
    if not fitting:
        kind = "object" if "{" in opening else "list"
        thoughts_only = " outside of its thoughts" if len(spoken) < len(found) else ""
        raise UnreadableAnswer(f"It holds no JSON {kind}{thoughts_only}: {excerpt(answer)}.")
    if _TAKEN_BACK.search(blanked[place:]):
        raise UnreadableAnswer(f"It takes back what it holds: {excerpt(answer[place:])}.")
    last = fitting[-1].value
    if isinstance(last, dict):
        return last
    if opening == "{":
        # A list around the object, or what a repair makes of the prose after it.
        return next(item for item in last if isinstance(item, dict))
    lists = [offer for offer in fitting if isinstance(offer.value, list)]
    return joined([offer for offer in lists if _of_objects(offer.value)] or lists[-1:])


def _blanked(text: str, found: Sequence[Found]) -> str:
    """A text whose values are blanked: what is written in them is data."""
    parts, place = [], 0
    for value in found:
        parts += [text[place : value.start], BLANK * (value.end - value.start)]
        place = value.end
    return "".join([*parts, text[place:]])


def _in_prose(blanked: str, value: Found) -> bool:
    """Whether a value is empty and words follow it on its line: they speak of an empty list, and are none."""
    return not value.value and bool(re.match(r"[ \t]*\w", blanked[value.end :]))


def _fits(value: Any, opening: str) -> bool:
    if isinstance(value, dict):
        return "{" in opening
    return "[" in opening or sum(isinstance(item, dict) for item in value) == 1


def _of_objects(values: list[Any]) -> bool:
    return all(isinstance(item, dict) for item in values)


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

    ``seen`` is the width and height at which the model saw the image. Boxes are read by the convention that their key
    and their numbers mean, see ``BoxConvention.under`` and ``meant``. They are clipped, and swapped corners swapped
    back; a box that was written without area is dropped, and so is one that repeats another with its label. Raises
    UnreadableAnswer for numbers that are not finite or lie beyond the picture, and for more than ``MOST_OBJECTS``.
    """
    meant = {}
    for key in {listed.key for listed in objects}:
        try:
            meant[key] = boxes.under(key).meant([listed.box for listed in objects if listed.key == key], *seen)
        except ValueError as error:
            raise UnreadableAnswer(f"It holds {error}.") from error
    detections = []
    for listed in objects:
        left, top, right, bottom = meant[listed.key].read(listed.box, *seen)
        color, noun = parse_label(listed.label)
        if right > left and bottom > top:
            if noun:
                box = left * width, top * height, (right - left) * width, (bottom - top) * height
                detections.append(Detection(*box, noun, color, score))
        elif listed.box[0] != listed.box[2] and listed.box[1] != listed.box[3]:
            # It is a thing all the same: without it, the count would be wrong.
            raise UnreadableAnswer(f"It holds a box outside of the picture: {listed.box}.")
    # Two things in the very same place are one thing, listed twice; a model that falls into a loop lists it often.
    different = list(dict.fromkeys(detections))
    if len(different) > MOST_OBJECTS:
        raise UnreadableAnswer(f"It lists {len(different)} objects; at most {MOST_OBJECTS} are read.")
    return different
