"""What an instruction asks for: ``make the red square blue``, ``remove the circle``, ``move the dog to the left``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..english import COLORS, NUMBERS, normal_color
from ..prompts.noun_phrases import Phrase
from ..prompts.parser import parse_prompt
from ..prompts.vocabulary import DIRECTION_SPELLINGS, SHADES

Action = Literal["recolor", "remove", "replace", "add", "move", "other"]

PLACES = {
    "on the left": (0.0, 0.0, 0.4, 1.0),
    "on the right": (0.6, 0.0, 0.4, 1.0),
    "at the top": (0.0, 0.0, 1.0, 0.4),
    "at the bottom": (0.0, 0.6, 1.0, 0.4),
    "in the middle": (0.3, 0.3, 0.4, 0.4),
    "at the top left": (0.0, 0.0, 0.4, 0.4),
    "at the top right": (0.6, 0.0, 0.4, 0.4),
    "at the bottom left": (0.0, 0.6, 0.4, 0.4),
    "at the bottom right": (0.6, 0.6, 0.4, 0.4),
}
"""Where in the picture the middle of a thing stands: x, y, width and height as shares of the picture's sides, y
down."""

EXAMPLES = (
    "make the red square blue",
    "remove the green circle",
    "replace the dog with a cat",
    "add a tree left of the house",
    "move the square to the left of the circle",
    "move the dog to the top left",
)
"""Instructions that can be read, one of each kind."""


@dataclass(frozen=True)
class Step:
    """One thing to do with the things that ``thing`` names, or (``add``) with such new ones.

    ``definite`` is False where any of them will do (``a red circle``), and a number in ``thing`` that is not exact
    means all. ``color`` is the new colour, ``into`` what takes their place; they stand in ``direction`` of ``other``,
    or in ``place``, a key of ``PLACES``. ``statement`` is what must be true in the end, for steps that say nothing
    else."""

    action: Action
    thing: Phrase | None = None
    definite: bool = True
    color: str | None = None
    into: Phrase | None = None
    direction: str | None = None
    other: Phrase | None = None
    place: str | None = None
    statement: str = ""


class UnreadableInstruction(ValueError):
    """An instruction that the grammar does not know."""


def read_instruction(text: str) -> list[Step]:
    """The steps of an instruction in English, in their order.

    Several are joined by ``and``, ``then``, commas or full stops. Raises ValueError where it is empty, and
    UnreadableInstruction where a part of it cannot be read.
    """
    if not text.strip():
        raise ValueError(f"The instruction is empty. Write what should change, for example '{EXAMPLES[0]}'.")
    parts = [part for part in _JOINT.split(" ".join(text.lower().split()).rstrip(" .!")) if part]
    return [_step(part) for part in parts]


def phrase_of(text: str) -> Phrase | None:
    """The one noun phrase that a text consists of, or None."""
    phrases, relations = parse_prompt(_ONE_OF.sub("one ", text))
    return phrases[0] if len(phrases) == 1 and not relations else None


_VERBS = {
    "recolor": "make|turn|paint|repaint|color|colour|recolor|recolour|dye|change|let",
    "remove": "remove|delete|erase|clear|take away|take out|get rid of",
    "replace": "replace|swap|exchange|turn|change|make",
    "add": "add|insert|draw|put|place",
    "move": "move|shift|bring|put|place",
}
_JOINT = re.compile(rf"\s*(?:[,;.]|\band\b|\bthen\b)[\s,]*(?:and\s+)?(?:then\s+)?(?=(?:{'|'.join(_VERBS.values())})\b)")
_ONE_OF = re.compile(r"^(?:any )?one of (?:the )?")
_INDEFINITE = re.compile(rf"^(?:any|some|another|{'|'.join(NUMBERS)}|\d+)\b")
_SAID_COLOR = re.compile(rf"(?:(?:{'|'.join(SHADES)}) )?(?P<color>{'|'.join(sorted(COLORS))})")
_DIRECTION = re.compile(
    rf"\s+(?:to )?(?:be )?(?P<direction>{'|'.join(sorted(DIRECTION_SPELLINGS, key=len, reverse=True))})\s+"
)
_PLACE = re.compile(
    r"\s+(?:in|into|to|on|at|over to|towards?)\s+(?:the\s+)?(?P<far>far\s+|very\s+)?"
    r"(?P<row>top|upper|bottom|lower)?[\s-]*(?P<column>left|right)?[\s-]*(?P<middle>middle|center|centre)?"
    r"(?:[\s-]+(?:hand\s+)?(?:side|corner|edge|half|part))?$"
)
_OF_PICTURE = re.compile(r"\s+(?:of|from)\s+the\s+(?:picture|image|photo|frame|scene)$")


def _step(text: str) -> Step:
    for read in _READERS:
        found = read(text)
        if found is not None:
            return found
    examples = ", ".join(f"'{example}'" for example in EXAMPLES)
    raise UnreadableInstruction(f"The instruction cannot be read: '{text}'. Write it like {examples}.")


def _after(verbs: str, text: str) -> str | None:
    found = re.fullmatch(rf"(?:please )?(?:{_VERBS[verbs]})\s+(.+)", text)
    return found[1] if found else None


def _definite(text: str) -> bool:
    return not _INDEFINITE.match(text)


def _recolor(text: str) -> Step | None:
    rest = _after("recolor", text)
    # "Change the colour of the car to blue" names the colour twice.
    rest = rest and re.sub(r"^the colou?r of ", "", rest)
    found = re.fullmatch(rf"(?P<thing>.+?)\s+(?:to\s+|into\s+|in\s+|be\s+|become\s+)?{_SAID_COLOR.pattern}", rest or "")
    thing = found and phrase_of(found["thing"])
    return Step("recolor", thing, _definite(found["thing"]), normal_color(found["color"])) if thing else None


def _remove(text: str) -> Step | None:
    rest = _after("remove", text)
    thing = rest and phrase_of(_OF_PICTURE.sub("", rest))
    return Step("remove", thing, _definite(rest)) if thing else None


def _replace(text: str) -> Step | None:
    found = re.fullmatch(r"(?P<thing>.+?)\s+(?:with|by|for|to|into)\s+(?P<into>.+)", _after("replace", text) or "")
    thing, into = (phrase_of(found["thing"]), phrase_of(found["into"])) if found else (None, None)
    return Step("replace", thing, _definite(found["thing"]), into=into) if thing and into else None


def _add(text: str) -> Step | None:
    rest = _after("add", text)
    if rest is None or (text.startswith(("put", "place")) and not _INDEFINITE.match(rest)):
        return None
    return _placed("add", rest) or _whole("add", rest)


def _move(text: str) -> Step | None:
    rest = _after("move", text)
    return _placed("move", rest) if rest else None


def _placed(action: Action, text: str) -> Step | None:
    """Something, and where it shall stand."""
    text = _OF_PICTURE.sub("", text)
    found = _DIRECTION.search(text)
    if found:
        thing, other = phrase_of(text[: found.start()]), phrase_of(text[found.end() :])
        # Nothing stands left of the left: that is a place.
        if thing and other:
            return Step(action, thing, _definite(text), direction=DIRECTION_SPELLINGS[found["direction"]], other=other)
    found = _PLACE.search(text)
    place = found and _place(found)
    thing = place and phrase_of(text[: found.start()])
    return Step(action, thing, _definite(text), place=place) if thing else None


def _whole(action: Action, text: str) -> Step | None:
    thing = phrase_of(text)
    return Step(action, thing, False) if thing else None


def _place(found: re.Match[str]) -> str | None:
    row = {"upper": "top", "lower": "bottom"}.get(found["row"], found["row"])
    column = found["column"]
    if row:
        return f"at the {row} {column}" if column else f"at the {row}"
    return f"on the {column}" if column else "in the middle" if found["middle"] else None


_READERS: tuple[Callable[[str], Step | None], ...] = (_recolor, _remove, _add, _move, _replace)
