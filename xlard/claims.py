"""Claims: the checkable statements of a prompt, and the one way to word each type."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sized
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from .characters import shown_value
from .detections import Zone
from .edit import Edit
from .english import MASS_NOUNS, NUMBER_WORDS, plural

ClaimType = Literal["object", "count", "color", "position", "attribute", "relation", "text", "custom"]
Direction = Literal["left of", "right of", "above", "below"]


HEAVIEST = 1_000_000
"""The largest weight of a claim: beyond, all others count for nothing, and sums overflow."""

MOST_COUNT, MOST_CLAIMS_IN_ALL, LONGEST_CLAIM = 100, 64, 25_000
"""So many things a claim may count, so many claims a picture may have, and so many characters a claim's text.

No critic counts further, and what plans repairs takes memory for each thing that is missing.
"""


@dataclass(frozen=True)
class Claim:
    """One checkable statement.

    ``noun``, ``number`` and ``color`` say what is counted or coloured. A position has a ``direction``, an ``other`` and
    an ``other_color``, or a ``zone`` in which the middle of the object must be. ``weight`` is its share in the overall
    score. When a picture is edited, claims to ``keep`` say what must not change, all others what the instruction asks
    for; a claim with an ``edit`` is judged by comparison with the source. What the artist has ``accepted`` as it is
    holds in every picture. ``original`` is how it was shown before the artist changed its words.

    Raises ValueError for a number, a weight or a text beyond what can be checked.
    """

    type: ClaimType
    text: str
    noun: str = ""
    number: int = 1
    color: str | None = None
    direction: str | None = None
    other: str | None = None
    other_color: str | None = None
    weight: float = 1.0
    zone: Zone | None = None
    keep: bool = False
    edit: Edit | None = field(default=None, repr=False)
    accepted: bool = False
    original: str = ""

    def __post_init__(self) -> None:
        _check_kinds(self)
        if not 0 <= self.number <= MOST_COUNT:
            raise ValueError(
                f"A claim counts from 0 to {MOST_COUNT} things, not {shown_value(self.number)}: no critic counts "
                "further. Write 'object: at least two ...' for many, or 'custom: a crowd of ...'."
            )
        if not 0 < self.weight <= HEAVIEST:
            raise ValueError(f"The weight of a claim is a number above 0, up to {HEAVIEST:,}, not {self.weight}.")
        if len(self.text) > LONGEST_CLAIM:
            raise ValueError(
                f"A claim has at most {LONGEST_CLAIM} characters; this one has {len(self.text)} and begins with "
                f"{shown_value(self.text[:40])}. Shorten it, or make several of it."
            )

    @property
    def shown(self) -> str:
        """The text for people; it says of a claim to keep that it is one."""
        return f"keep: {self.text}" if self.keep else self.text

    def to_dict(self) -> dict[str, Any]:
        """The claim as JSON-ready values, without the fields that are unset."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "edit"}
        return {key: value for key, value in values.items() if value is not False and value not in (None, "")}


def _check_kinds(claim: Claim) -> None:
    """Raises ValueError for a field of a kind that no claim has: claims may come from other packs."""
    texts = {name: getattr(claim, name) for name in ("text", "noun", "original")}
    texts |= {name: getattr(claim, name) or "" for name in ("color", "other", "other_color")}
    wrong = [name for name, value in texts.items() if not isinstance(value, str)]
    if claim.type not in get_args(ClaimType):
        wrong.append("type")
    if claim.direction not in (None, *get_args(Direction)):
        wrong.append("direction")
    if isinstance(claim.number, bool) or not isinstance(claim.number, int):
        wrong.append("number")
    if isinstance(claim.weight, bool) or not isinstance(claim.weight, (int, float)):
        wrong.append("weight")
    zone = claim.zone
    if zone is not None and not (isinstance(zone, (tuple, list)) and len(zone) == 4 and all(map(_finite, zone))):
        wrong.append("zone")
    if not isinstance(claim.edit, Edit | None):
        wrong.append("edit")
    if wrong:
        value = shown_value(getattr(claim, wrong[0]))
        raise ValueError(f"A claim cannot have {value} as its {wrong[0]}. Make it with the functions of xlard.api.")


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


MOST_CLAIMS = 12
"""So many claims of a prompt are checked unless more are asked for."""

NOTHING_TO_CHECK = "nothing to check"
"""What people read where there is no claim."""


def check_number_of_claims(claims: Sized) -> None:
    """Raises ValueError for more claims than ``MOST_CLAIMS_IN_ALL``."""
    if len(claims) > MOST_CLAIMS_IN_ALL:
        raise ValueError(
            f"A picture is judged on at most {MOST_CLAIMS_IN_ALL} claims; there are {len(claims)}. Keep those that "
            "matter, and put '#' before the other lines."
        )


class NotedClaims(list[Claim]):
    """Claims, with lines for people on what of the prompt became none, and on who read it."""

    def __init__(self, claims: Iterable[Claim] = (), notes: Iterable[str] = ()):
        super().__init__(claims)
        self.notes = tuple(notes)


# The critics of the bundled worlds are trained on these wordings: they must not change.


def object_text(noun: str, color: str | None = None) -> str:
    """An object without its number: ``red circle``."""
    return f"{color} {noun}" if color else noun


def count_text(number: int, noun: str, color: str | None = None) -> str:
    """Objects with their number: ``two red circles``, ``no circles``."""
    return f"{NUMBER_WORDS.get(number, number)} {object_text(noun if number == 1 else plural(noun), color)}"


def count_claim(noun: str, number: int, color: str | None = None) -> Claim:
    """Exactly ``number`` objects; 0 for an object that must not be there."""
    return Claim("count", count_text(number, noun, color), noun, number, color)


def object_claim(noun: str, number: int = 1, color: str | None = None) -> Claim:
    """At least ``number`` objects, or some of what is not counted."""
    is_mass = number == 1 and noun.rpartition(" ")[2] in MASS_NOUNS
    text = object_text(noun, color) if is_mass else f"at least {count_text(number, noun, color)}"
    return Claim("object", text, noun, number, color)


def color_claim(noun: str, number: int, color: str, total: int) -> Claim:
    """Exactly ``number`` of the ``total`` objects have the colour."""
    return Claim("color", f"{_subject(noun, number, total)} {color}", noun, number, color)


def position_claim(
    noun: str, direction: str, other: str, number: int = 1, color: str | None = None, other_color: str | None = None
) -> Claim:
    """All objects of the first kind, ``number`` (at least 1) of them, stand ``left of``, ``right of``, ``above`` or
    ``below`` those of the second.
    """
    return Claim(
        "position",
        f"{object_text(noun, color)} {direction} {object_text(other, other_color)}",
        noun,
        number,
        color,
        direction,
        other,
        other_color,
    )


def zone_claim(noun: str, place: str, zone: Zone, number: int = 1, color: str | None = None) -> Claim:
    """All objects of a kind, ``number`` of them, have their middle inside of ``zone``; ``place`` is its name."""
    return Claim("position", f"{object_text(noun, color)} {place}", noun, number, color, zone=zone)


def attribute_claim(noun: str, number: int, attribute: str, total: int, exact: bool = True) -> Claim:
    """``number`` of the ``total`` objects have the attribute; if not ``exact``, that many or more."""
    exact = exact or number == 1 == total
    subject = _subject(noun, number, total) if exact else f"at least {count_text(number, noun)} are"
    return Claim("attribute", one_line(f"{subject} {attribute}"), noun, number)


def relation_claim(
    noun: str,
    relation: str,
    other: str | None = None,
    color: str | None = None,
    other_color: str | None = None,
    also: str = "",
) -> Claim:
    """A relation that boxes cannot decide: ``man riding horse``, ``cat between dog and bird``, ``cat on the left``.

    ``also`` is the text of a third object.
    """
    ends = " and ".join(end for end in (object_text(other, other_color) if other else "", also) if end)
    return Claim("relation", one_line(f"{object_text(noun, color)} {relation} {ends}"), noun, other=other)


def text_claim(text: str) -> Claim:
    """Written text that can be read in the picture."""
    return Claim("text", one_line(f'the text "{one_line(text)}" can be read'))


def custom_claim(text: str) -> Claim:
    """A criterion in plain words. Raises ValueError if the text is empty."""
    if not text.strip():
        raise ValueError("A claim needs a text, for example 'the hat casts a shadow'.")
    return Claim("custom", one_line(text))


def one_line(text: str) -> str:
    """Text without line breaks and double spaces."""
    return " ".join(text.split())


def _subject(noun: str, number: int, total: int) -> str:
    if number != 1:
        return f"{count_text(number, noun)} are"
    return f"the {noun} is" if total == 1 else f"one {noun} is"
