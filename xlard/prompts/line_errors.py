"""Why a line is no claim of its type, for the message that asks about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import get_args

from ..claims import ClaimType, Direction
from ..english import COLORS
from .lexicon import Symbol
from .reader import read_literally
from .reading import Reading
from .tokens import symbols

_TITLE = re.compile(r"((?:[-*\u2022]|[0-9]{1,3}[.)])?\s*)([^\W\d_]+)\s*([:\uff1a]|[-=;]\s)")
_TYPES = {**{kind: kind for kind in get_args(ClaimType)}, "colour": "color"}
_NEGATIVE = re.compile(r"(?<![\w.-])[-\u2212]\s?\d+")
_LIKENESS = 0.75
"""From here on a word is taken for a misspelled type (difflib's ratio): ``objekt`` and ``postion`` are, ``note`` is
not.
"""

_LARGE_NUMBERS = frozenset(
    """thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty
    ninety hundred thousand dozen""".split()
)
_DIRECTIONS = ", ".join(get_args(Direction))


def meant_type(line: str) -> str:
    """A sentence about the type that a line without one nearly begins with: misspelled, behind a bullet, or before
    another sign than a colon. Empty if it is near none.
    """
    title = _TITLE.match(line)
    if title is None:
        return ""
    bullet, word, colon = title[1].strip(), title[2].lower(), title[3].strip()
    starts = [kind for kind in _TYPES if len(word) >= 3 and kind.startswith(word)]
    near = starts or get_close_matches(word, _TYPES, n=1, cutoff=_LIKENESS)
    if not near:
        return ""
    kind = _TYPES[near[0]]
    if word not in _TYPES:
        return f"'{word}{colon}' is no type. Did you mean '{kind}:'?"
    return f"A line begins with its type and a colon{f', without {bullet!r} before them' if bullet else ''}: '{kind}:'."


def spelled_number(noun: str) -> str:
    """A number in words that was read as a part of a noun; empty if there is none."""
    return next((word for word in re.split(r"[\s-]", noun) if word in _LARGE_NUMBERS), "")


def negative_number(text: str) -> str:
    """A number below zero in a text, as it is written; empty if there is none."""
    found = _NEGATIVE.search(text)
    return found[0] if found else ""


def reason(kind: str, text: str) -> str:
    """Why a text is no count, object, colour or position, as a sentence."""
    negative = negative_number(text)
    if negative:
        return f"There are never {negative} of anything: write a number from 0 on."
    found = symbols(text, literal=True)
    reading = read_literally(found)
    number = next(filter(None, (spelled_number(phrase.noun) for phrase in reading.phrases)), "")
    if number:
        return f"The number '{number}' is not read: write it in digits."
    if kind == "position":
        return _no_position(text, found, reading)
    return _no_color(text) if kind == "color" else _no_number(kind, found, reading)


def _no_position(text: str, found: Sequence[Symbol], reading: Reading) -> str:
    link = next((symbol.value for symbol in found if symbol.kind in ("link", "verb")), "")
    if link:
        return f"position takes {_DIRECTIONS}; for '{link}' write 'relation: {text}'."
    directions = sum(symbol.kind == "direction" for symbol in found)
    if not directions:
        return f"position takes {_DIRECTIONS}, and none of them is in it; for others write 'relation:'."
    if directions > 1:
        return "It has several directions: write a line for each."
    return "It needs one thing before the direction and one behind it."


def _no_color(text: str) -> str:
    subject, verb, predicate = (*re.split(r"\s(is|are)\s", text, maxsplit=1, flags=re.IGNORECASE), "", "")[:3]
    words = predicate.lower().split()
    if not verb:
        return "It needs 'is' or 'are' before the color."
    if sum(word in COLORS for word in words) != 1:
        return (
            f"color takes one of {', '.join(sorted(COLORS - {'grey'}))}; for '{predicate}' write 'attribute: {text}'."
        )
    return (
        f"'{subject}' does not say how many things have the color, such as 'the cat' or 'two cats'; for all or some"
        f" write 'attribute: {text}'."
    )


def _no_number(kind: str, found: Sequence[Symbol], reading: Reading) -> str:
    kinds = [symbol.kind for symbol in found]
    phrases = reading.phrases + reading.absent
    if "at_most" in kinds or ("no" in kinds and "at_least" in kinds[kinds.index("no") :]):
        return "'No more than' and the like cannot be claimed: a count is exact, and an object is a smallest number."
    if kinds and kinds[-1] == "quantity":
        return "The number at its end belongs to nothing; a weight stands in brackets, for example (1.5)."
    if len(phrases) > 1 or reading.links or reading.relations:
        return f"{kind} takes one thing: write a line for each, and 'position:' or 'relation:' for what joins them."
    if kind == "object" and "no" in kinds:
        return "At least none is true of every picture: for what must not be there write 'count: no cats'."
    if not phrases:
        return f"It names no single thing with one color; for several colors write 'attribute:' too, beside the {kind}."
    if "at_least" in kinds:
        return "A count is exact: for a smallest number write 'object:'."
    if kind == "count" and not phrases[0].exact:
        return "A count needs an exact number: for some or many write 'object:'."
    return f"{kind} takes a number and a thing."
