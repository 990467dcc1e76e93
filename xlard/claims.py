"""Claims: the checkable statements of a prompt, and the one way to word each type."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal

from .english import NUMBER_WORDS, plural

if TYPE_CHECKING:
    from .edit import Edit

ClaimType = Literal["object", "count", "color", "position", "attribute", "relation", "text", "custom"]


@dataclass(frozen=True)
class Claim:
    """One checkable statement.

    ``noun``, ``number`` and ``color`` say what is counted or coloured; ``direction``, ``other`` and ``other_color`` are
    set for positions; one with a ``zone`` (x, y, width, height in pixels of the picture) says in place of an ``other``
    where the middle of the thing stands. ``weight`` is its share in the overall score. Of a picture that is edited,
    ``keep`` claims are what must not change, the others what the instruction asks for; one with an ``edit`` is judged
    by comparison with the source."""

    type: ClaimType
    text: str
    noun: str = ""
    number: int = 1
    color: str | None = None
    direction: str | None = None
    other: str | None = None
    other_color: str | None = None
    weight: float = 1.0
    zone: tuple[float, float, float, float] | None = None
    keep: bool = False
    edit: Edit | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The text as people read it, which says what must not change."""
        return f"keep: {self.text}" if self.keep else self.text

    def to_dict(self) -> dict:
        """The claim as JSON-ready values, without the fields that are unset."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "edit"}
        return {key: value for key, value in values.items() if value is not False and value not in (None, "")}


# The demo world's critic is trained on these wordings: what they say of its shapes must not change.


def thing(noun: str, color: str | None = None) -> str:
    """A thing without its number: ``red circle``."""
    return f"{color} {noun}" if color else noun


def things(number: int, noun: str, color: str | None = None) -> str:
    """So many things in words: ``two red circles``, ``no circles``."""
    return f"{NUMBER_WORDS.get(number, number)} {thing(noun if number == 1 else plural(noun), color)}"


def count_claim(noun: str, number: int, color: str | None = None) -> Claim:
    """Exactly so many; 0 is what must not be there."""
    return Claim("count", things(number, noun, color), noun, number, color)


def object_claim(noun: str, number: int = 1, color: str | None = None) -> Claim:
    """At least so many."""
    return Claim("object", f"at least {things(number, noun, color)}", noun, number, color)


def color_claim(noun: str, number: int, color: str, total: int) -> Claim:
    """Exactly ``number`` of the ``total`` things have the colour."""
    return Claim("color", f"{_subject(noun, number, total)} {color}", noun, number, color)


def position_claim(
    noun: str, direction: str, other: str, number: int = 1, color: str | None = None, other_color: str | None = None
) -> Claim:
    """All things of the first kind, ``number`` (at least 1) of them, stand ``left of``, ``right of``, ``above`` or
    ``below`` those of the second."""
    return Claim(
        "position",
        f"{thing(noun, color)} {direction} {thing(other, other_color)}",
        noun,
        number,
        color,
        direction,
        other,
        other_color,
    )


def zone_claim(
    noun: str, place: str, zone: tuple[float, float, float, float], number: int = 1, color: str | None = None
) -> Claim:
    """All things of a kind, ``number`` of them, have their middle inside of ``zone`` (x, y, width, height in
    pixels)."""
    return Claim("position", f"{thing(noun, color)} {place}", noun, number, color, zone=zone)


def attribute_claim(noun: str, number: int, attribute: str, total: int, exact: bool = True) -> Claim:
    """``number`` of the ``total`` things are as the attribute says; not ``exact``: so many or more."""
    subject = _subject(noun, number, total) if exact or number == 1 == total else f"at least {things(number, noun)} are"
    return Claim("attribute", one_line(f"{subject} {attribute}"), noun, number)


def relation_claim(
    noun: str,
    words: str,
    other: str | None = None,
    color: str | None = None,
    other_color: str | None = None,
    also: str = "",
) -> Claim:
    """A relation that boxes cannot decide: ``man riding horse``, ``cat between dog and bird``, ``cat on the left``."""
    ends = " and ".join(end for end in (thing(other, other_color) if other else "", also) if end)
    return Claim("relation", one_line(f"{thing(noun, color)} {words} {ends}"), noun, other=other)


def text_claim(words: str) -> Claim:
    """Written text that can be read in the picture."""
    return Claim("text", one_line(f'the text "{one_line(words)}" can be read'))


def custom_claim(text: str) -> Claim:
    """A criterion in plain words. Raises ValueError if there are none."""
    if not text.strip():
        raise ValueError("A claim needs a text, for example 'the hat casts a shadow'.")
    return Claim("custom", one_line(text))


def one_line(text: str) -> str:
    """Text without line breaks and double spaces."""
    return " ".join(text.split())


def _subject(noun: str, number: int, total: int) -> str:
    if number != 1:
        return f"{things(number, noun)} are"
    return f"the {noun} is" if total == 1 else f"one {noun} is"
