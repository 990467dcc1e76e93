"""Reads instructions: ``make the red square blue``, ``remove the circle``, ``move the dog to the left``."""

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
"""Where in the picture the middle of an object is: x, y, width and height as shares of the picture's sides, y down."""

EXAMPLES = (
    "make the red square blue",
    "remove the green circle",
    "replace the dog with a cat",
    "add a tree left of the house",
    "move the square to the left of the circle",
    "move the dog to the top left",
)
"""Instructions that can be read, at least one for each action."""


@dataclass(frozen=True)
class Step:
    """One change of the objects that ``thing`` names; for ``add``, of new ones like it.

    ``definite`` is False if any of them will do (``a red circle``). A number in ``thing`` that is not exact means all
    of them. ``color`` is their new colour, ``into`` what replaces them; they should stand in ``direction`` of
    ``other``, or in ``place``, a key of ``PLACES``. A step with the action ``other`` has only a ``statement``, which
    must be true of the result.
    """

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

    Steps are joined by ``and``, ``then``, commas or full stops. Raises ValueError for an empty instruction, and
    UnreadableInstruction if a step cannot be read.
    """
    if not text.strip():
        raise ValueError(f"The instruction is empty. Write what should change, for example '{EXAMPLES[0]}'.")
    steps = _JOINT.split(" ".join(text.lower().split()).rstrip(" .!"))
    return [_step(step) for step in steps if step]


def phrase_of(text: str) -> Phrase | None:
    """The one noun phrase that a text consists of, or None."""
    phrases, relations = parse_prompt(_ONE_OF.sub("one ", text))
    return phrases[0] if len(phrases) == 1 and not relations else None


_VERBS: dict[Action, str] = {
    "recolor": "make|turn|paint|repaint|color|colour|recolor|recolour|dye|change|let",
    "remove": "remove|delete|erase|clear|take away|take out|get rid of",
    "replace": "replace|swap|exchange|turn|change|make",
    "add": "add|insert|draw|put|place",
    "move": "move|shift|bring|put|place",
}
_JOINT = re.compile(rf"\s*(?:[,;.]|\band\b|\bthen\b)[\s,]*(?:and\s+)?(?:then\s+)?(?=(?:{'|'.join(_VERBS.values())})\b)")
_ONE_OF = re.compile(r"^(?:any )?one of (?:the )?")
_INDEFINITE = re.compile(rf"^(?:any|some|another|{'|'.join(NUMBERS)}|\d+)\b")
_COLOR = re.compile(rf"(?:(?:{'|'.join(SHADES)}) )?(?P<color>{'|'.join(sorted(COLORS))})")
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
        step = read(text)
        if step is not None:
            return step
    examples = ", ".join(f"'{example}'" for example in EXAMPLES)
    raise UnreadableInstruction(f"The instruction cannot be read: '{text}'. Write it like {examples}.")


def _after_verb(action: Action, text: str) -> str | None:
    """What follows a verb of the action; None if the text does not begin with one."""
    match = re.fullmatch(rf"(?:please )?(?:{_VERBS[action]})\s+(.+)", text)
    return match[1] if match else None


def _definite(text: str) -> bool:
    return not _INDEFINITE.match(text)


def _recolor(text: str) -> Step | None:
    rest = _after_verb("recolor", text) or ""
    # "Change the colour of the car to blue" names the colour twice.
    rest = re.sub(r"^the colou?r of ", "", rest)
    match = re.fullmatch(rf"(?P<thing>.+?)\s+(?:to\s+|into\s+|in\s+|be\s+|become\s+)?{_COLOR.pattern}", rest)
    thing = phrase_of(match["thing"]) if match else None
    if match is None or thing is None:
        return None
    return Step("recolor", thing, _definite(match["thing"]), normal_color(match["color"]))


def _remove(text: str) -> Step | None:
    rest = _after_verb("remove", text) or ""
    thing = phrase_of(_OF_PICTURE.sub("", rest))
    return Step("remove", thing, _definite(rest)) if thing else None


def _replace(text: str) -> Step | None:
    rest = _after_verb("replace", text) or ""
    match = re.fullmatch(r"(?P<thing>.+?)\s+(?:with|by|for|to|into)\s+(?P<into>.+)", rest)
    if match is None:
        return None
    thing, into = phrase_of(match["thing"]), phrase_of(match["into"])
    return Step("replace", thing, _definite(match["thing"]), into=into) if thing and into else None


def _add(text: str) -> Step | None:
    rest = _after_verb("add", text)
    # "Put the lamp on the left" moves it.
    if rest is None or (text.startswith(("put", "place")) and not _INDEFINITE.match(rest)):
        return None
    return _with_target("add", rest) or _without_target("add", rest)


def _move(text: str) -> Step | None:
    rest = _after_verb("move", text)
    return _with_target("move", rest) if rest else None


def _with_target(action: Action, text: str) -> Step | None:
    """An object, and where it should stand."""
    text = _OF_PICTURE.sub("", text)
    direction = _DIRECTION.search(text)
    if direction:
        thing, other = phrase_of(text[: direction.start()]), phrase_of(text[direction.end() :])
        # Nothing stands left of the left: that is a place.
        if thing and other:
            spelling = direction["direction"]
            return Step(action, thing, _definite(text), direction=DIRECTION_SPELLINGS[spelling], other=other)
    match = _PLACE.search(text)
    place = _place(match) if match else None
    thing = phrase_of(text[: match.start()]) if match and place else None
    return Step(action, thing, _definite(text), place=place) if thing else None


def _without_target(action: Action, text: str) -> Step | None:
    thing = phrase_of(text)
    return Step(action, thing, False) if thing else None


def _place(match: re.Match[str]) -> str | None:
    row = {"upper": "top", "lower": "bottom"}.get(match["row"], match["row"])
    column = match["column"]
    if row:
        return f"at the {row} {column}" if column else f"at the {row}"
    return f"on the {column}" if column else "in the middle" if match["middle"] else None


_READERS: tuple[Callable[[str], Step | None], ...] = (_recolor, _remove, _add, _move, _replace)
