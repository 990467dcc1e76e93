"""The JSON values that stand in a model's text, whole or repaired, and where they stand."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..characters import in_whole_characters

_OPENING = re.compile(r"[\[{]")
_LIKELY = re.compile(r"\[\s*[\[{]|\{\s*[\"']")
"""How a list of objects, or an object, begins, as opposed to a bracket in prose."""

_LIMIT = re.compile(r"```|</\w|\u25c1/\w|\[/\w")
"""What no broken value reaches beyond: the end of a block of code, or of a tag."""

_LACKS_ONLY_BRACKETS = re.compile(r"\}\s*\Z")
"""The end of a value whose items are whole. After a comma, or inside of an item, more was meant to follow."""


MOST_OPENINGS = 2000

_SHORTEST_ECHO = 12
"""Characters of a value from which it is no coincidence that the question has it too."""


@dataclass(frozen=True)
class Found:
    """A value and its place in the text; without a value, ``cause`` says what hinders reading it."""

    value: Any
    start: int
    end: int
    cause: str = ""


def found_values(text: str) -> Iterator[Found]:
    """The outermost JSON values of a text, in order: lists and objects only.

    A broken one is repaired if it is whole, or lacks nothing but its last brackets. A text with more than
    ``MOST_OPENINGS`` brackets that begin no value, or values in it, ends with one that says so: each costs time that
    grows with the text.
    """
    decoder, place, limits = json.JSONDecoder(), 0, _Limits(text)
    for opened in itertools.count():
        opening = _OPENING.search(text, place)
        if opening is None:
            return
        start = opening.start()
        if opened == MOST_OPENINGS:
            yield Found(None, start, len(text), f"has more than {MOST_OPENINGS} beginnings")
            return
        try:
            value, place = decoder.raw_decode(text, start)
            yield Found(in_whole_characters(value), start, place)
        except RecursionError:
            yield Found(None, start, len(text), "is nested too deeply")
            return
        except ValueError:
            if _LIKELY.match(text, start):
                found = _repaired(text, start, limits.after(start))
                place = found.end
                yield found
            else:
                place = start + 1


def without_echoes(text: str, question: str) -> str:
    """A text without the values that stand in the question word for word: the form of the answer, said again."""
    place, parts = 0, []
    for found in found_values(text):
        if found.end - found.start >= _SHORTEST_ECHO and text[found.start : found.end] in question:
            parts.append(text[place : found.start])
            place = found.end
    return "".join([*parts, text[place:]])


class _Limits:
    """Where broken values of a text end at the latest; asked in the order of the text, it is searched once."""

    def __init__(self, text: str):
        self._text, self._next = text, -1

    def after(self, start: int) -> int:
        """The first limit from ``start`` on, or the end of the text."""
        if self._next < start:
            limit = _LIMIT.search(self._text, start)
            self._next = limit.start() if limit else len(self._text)
        return self._next


def _repaired(text: str, start: int, stop: int) -> Found:
    """The broken value that begins at ``start`` and ends before ``stop``."""
    import json_repair

    # Quotes inside of a text may be what is broken: then they say nothing about brackets.
    end = _end(text, start, stop, quotes=True) or _end(text, start, stop, quotes=False)
    if end is None:
        if not _LACKS_ONLY_BRACKETS.search(text[start:stop]):
            return Found(None, start, stop, "is cut short")
        end = stop
    try:
        value = in_whole_characters(json_repair.loads(text[start:end]))
    except (ValueError, RecursionError) as error:
        return Found(None, start, end, f"cannot be read ({type(error).__name__})")
    if not isinstance(value, (list, dict)):
        return Found(None, start, end, "cannot be read")
    return Found(value, start, end)


def _end(text: str, start: int, stop: int, quotes: bool) -> int | None:
    """Where the bracket at ``start`` is closed; None if it is not."""
    depth, inside = 0, False
    place = start
    while place < stop:
        sign = text[place]
        if quotes and sign == "\\":
            place += 1
        elif quotes and sign == '"':
            inside = not inside
        elif not inside and sign in "[{":
            depth += 1
        elif not inside and sign in "]}":
            depth -= 1
            if depth == 0:
                return place + 1
        place += 1
    return None
