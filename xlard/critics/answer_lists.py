"""Several JSON values in one answer: drafts before the last one, a list for each kind of thing, or a contradiction."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ..english import parse_label
from .backend import UnreadableAnswer
from .boxes import KEYS
from .thinking import DRAFT

_FINAL = re.compile(
    r"\b(?:final|corrected|correction|revised|updated|instead|answer|result|output|wait|hmm|actually|rather)\b", re.I
)
"""Words before a value that takes the place of those before it."""

MOST_LISTS, MOST_LISTED = 64, 1000
"""Lists in one answer, and things in those before the last: each thing is compared with each other one."""

_SAME, _CONGRUENT = 0.5, 0.85
"""Overlap (intersection over union) of two boxes from which two things of a kind are one; and from which two things
of different kinds may be one that was called otherwise at first.
"""


@dataclass(frozen=True)
class Offer:
    """A value that may be the answer, the line of prose before it and all prose since the value before."""

    value: Any
    label: str
    prose: str

    @property
    def is_draft(self) -> bool:
        """Whether the model calls it a draft."""
        return bool(DRAFT.search(self.label))

    @property
    def is_form(self) -> bool:
        """Whether it shows the form of a list: names stand where a box has numbers."""
        items = self.value if isinstance(self.value, list) else []
        numbers = [
            number for item in items if isinstance(item, dict) for key in KEYS for number in _listed(item.get(key))
        ]
        return any(isinstance(number, str) and number.strip()[:1].isalpha() for number in numbers)


def joined(offers: Sequence[Offer]) -> list[Any]:
    """The one list that the lists of an answer make: the last one if it repeats or replaces the others, or all.

    Lists are joined if they share no kind of thing. Raises UnreadableAnswer where neither is clear: half of an answer
    would be a wrong count.
    """
    if len(offers) > MOST_LISTS or sum(len(offer.value) for offer in offers[:-1]) > MOST_LISTED:
        raise UnreadableAnswer(f"It holds {len(offers)} lists, more than can be compared. Give one list.")
    *earlier, last = offers
    if not earlier or (_FINAL.search(last.prose) and not any(_FINAL.search(offer.prose) for offer in earlier)):
        return last.value
    lists = [[_Thing.of(item) for item in offer.value] for offer in offers]
    congruent = any(a.renames(b) for first, second in combinations(lists, 2) for a in first for b in second)
    if not congruent and all(_repeated(things, lists[-1]) for things in lists[:-1]):
        return last.value
    apart = not any(a.is_like(b) for first, second in combinations(lists, 2) for a in first for b in second)
    # An empty list says "none of this kind", or "no, none at all": only a heading of its own tells which.
    empty = [offer for offer in offers[1:] if not offer.value]
    silent = any(not offer.label.rstrip("* \t").endswith(":") or _FINAL.search(offer.prose) for offer in empty)
    if congruent or silent or not apart:
        raise UnreadableAnswer(f"It holds {len(offers)} lists, and it is not clear which of them count. Give one list.")
    return [item for offer in offers for item in offer.value]


@dataclass(frozen=True)
class _Thing:
    """An item of a list, by its label and its box in whatever convention, low corner first."""

    text: str
    noun: str
    color: str | None
    box: tuple[float, ...]

    @classmethod
    def of(cls, item: Any) -> _Thing:
        text = json.dumps(item, sort_keys=True, ensure_ascii=False, default=str)
        label = item.get("label") if isinstance(item, dict) else None
        color, noun = parse_label(label) if isinstance(label, str) else (None, text)
        return cls(text, noun, color, next(_boxes(item), ()))

    def repeats(self, other: _Thing) -> bool:
        """Whether this is another's thing once more."""
        return self.text == other.text or (self.noun == other.noun and _overlap(self.box, other.box) >= _SAME)

    def renames(self, other: _Thing) -> bool:
        """Whether this is another's place with another name."""
        return self.noun != other.noun and _overlap(self.box, other.box) >= _CONGRUENT

    def is_like(self, other: _Thing) -> bool:
        """Whether this is of another's kind, as far as both say."""
        return self.noun == other.noun and (self.color == other.color or None in (self.color, other.color))


def _repeated(things: Sequence[_Thing], last: Sequence[_Thing]) -> bool:
    """Whether each of the things has one of the last list for itself that repeats it."""
    left = list(last)
    for thing in things:
        again = next((other for other in left if other.repeats(thing)), None)
        if again is None:
            return False
        left.remove(again)
    return True


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _boxes(item: Any) -> Iterator[tuple[float, ...]]:
    for key in KEYS if isinstance(item, dict) else ():
        box = item.get(key)
        if isinstance(box, list) and len(box) == 4 and all(type(number) in (int, float) for number in box):
            yield (*map(min, box[:2], box[2:]), *map(max, box[:2], box[2:]))


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union; 0 where one of the boxes is missing or empty."""
    if not (a and b):
        return 0.0
    sides = [min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis]) for axis in (0, 1)]
    common = max(sides[0], 0) * max(sides[1], 0)
    both = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - common
    return common / both if both > 0 else 0.0
