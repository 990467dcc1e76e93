"""Noun phrases: how many of what, in which colour, with which other attributes."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..claims import MOST_COUNT, object_text
from ..english import COLOR_NOUNS, COLORS, MASS_NOUNS, PAIR_NOUNS, normal_color, plural, singular
from .lexicon import Quantity
from .tokens import reads_back
from .vocabulary import (
    ATTRIBUTES,
    COMPOUNDS,
    INTRANSITIVE,
    MATERIALS,
    MEANS,
    MEDIA,
    NOISE_NOUNS,
    OPINIONS,
    PLACED,
    SHADES,
    TRANSITIVE,
)
from .words import SURE, noun_kind

ADJECTIVES = ATTRIBUTES | frozenset({*TRANSITIVE.values(), *INTRANSITIVE.values(), *PLACED})
"""Adjectives, and participles used as such."""


@dataclass(frozen=True)
class Phrase:
    """One noun phrase of a prompt: how many of what, in which colour (None: any), with which other attributes.

    ``exact`` is False if the prompt asks for at least that many, as ``some dogs`` does. ``kind`` is the noun's letter
    in
    ``xlard.prompts.words``.
    """

    number: int
    noun: str
    color: str | None = None
    exact: bool = True
    attributes: tuple[str, ...] = ()
    kind: str = field(default="t", compare=False)

    @property
    def boxed(self) -> bool:
        """Whether boxes can show it, so that it may be counted."""
        return self.kind in SURE

    @property
    def text(self) -> str:
        """The object without its number, e.g. ``red circle``."""
        return object_text(self.noun, self.color)


MODIFIERS = ADJECTIVES | COLORS | SHADES | OPINIONS | {"and"}
"""Words that describe things, and name none."""

_QUALITIES = (ATTRIBUTES | OPINIONS) - MATERIALS - COLORS
"""Adjectives that end no name of a thing: ``the lights dark``."""

_ADVERBS = frozenset("apart together close far further alone upright sideways outdoors indoors".split())
"""What may stand behind a noun that it says nothing of: ``legs apart``."""

_UNTOLD = frozenset("looking wearing holding made".split())
"""Participles that say nothing alone, as in ``a cute looking cat``."""

_MOST_NOUNS = 3
"""More nouns than these in a row, without an article, are a list of tags."""

SETTINGS = frozenset("environment setting surroundings area place world interior exterior terrain location".split())
"""Nouns for what is around things: what is said of them can be asked, and no box holds them."""


def is_modifier(word: str) -> bool:
    """Whether a word of a noun phrase describes, and names nothing."""
    tag = getattr(word, "tag", "")
    return tag == "A" or (word in MODIFIERS and not (tag == "N" and word in SHADES))


def split_colors(words: list[str]) -> tuple[list[str], list[str]]:
    """The words without colours and their shades, and the colours; ``red and white`` is one colour."""
    rest: list[str] = []
    colors: list[str] = []
    before = ""
    for word, after in zip(words, [*words[1:], ""]):
        if word in SHADES and after in COLORS and word not in COLORS:
            continue
        if word in COLORS:
            if before == "and" and colors:
                colors[-1] += f" and {normal_color(word)}"
            elif not (word in SHADES and after in COLORS):
                colors.append(normal_color(word))
        elif word != "and":
            rest.append(word)
        before = word
    return rest, colors


def make_phrase(words: list[str], quantity: Quantity | None, literal: bool) -> Phrase | None:
    """A phrase from its quantity and the words after it; None if they name no object.

    ``literal`` is for texts of claims, where adjectives belong to the noun and nothing is left out.
    """
    while not literal and len(words) > 1 and words[-1] in _ADVERBS:
        words = words[:-1]
    if not literal and quantity is None and len(words) > 1 and words[-1] in _QUALITIES:
        return None
    cut = words.index("of") if "of" in words else len(words)
    color_noun = words[cut - 1 : cut] if cut and words[cut - 1] in COLOR_NOUNS and (literal or quantity) else []
    rest, colors = split_colors(words[: cut - len(color_noun)])
    rest += color_noun
    attributes: tuple[str, ...] = ()
    if not literal:
        rest, attributes = _split_adjectives(rest)
    mixed = tuple(color for color in colors if " " in color)
    if mixed and not literal:
        mixed = (", ".join(colors),)
    if not rest or (literal and (mixed or len(colors) > 1)):
        return None
    if not literal and quantity is None and any(getattr(word, "tag", "") == "F" for word in rest):
        return None
    if not literal:
        # Of "a qwertish fox" there is a fox, whatever the other word means.
        rest = [word for word in rest[:-1] if getattr(word, "tag", "") not in ("?", "F")] + rest[-1:]
    if not literal and getattr(rest[-1], "tag", "") == "F":
        return None
    if not literal and len(rest) > _MOST_NOUNS + (quantity is not None):
        return None
    if not literal and len(rest) > 1 and noun_kind(rest[-1]) == "p" and noun_kind(rest[-2]) == "b":
        # "A red hair girl": it is the hair that is red.
        rest, colors, attributes = rest[-1:], [], ()
    rest = " ".join(rest).split()
    number, exact, last = _number(rest[-1], quantity, cut < len(words), literal)
    noun = singular(" ".join([*rest[:-1], last, *words[cut:]]))
    if (not literal and _is_noise(noun, quantity)) or not reads_back(noun):
        return None
    kind = "t" if literal else _kind(noun, bool(attributes or colors))
    if not kind:
        return None
    if not literal and number > 1 and exact and len(rest) > 1 and last == singular(last) != plural(last):
        # "A two door garage" is one.
        number, exact = 1, False
    if kind == "m" and number == 2 and (quantity is None or quantity.number is None):
        # "Dark waters" are not two.
        number = 1
    if not literal and kind == "b" and number == 1 and (quantity is None or quantity.number is None):
        # "His hand" is one of two.
        exact = False
    if (kind == "s" and number == 1) or (kind == "m" and (quantity is None or quantity.number is None)):
        exact = False
    if number > MOST_COUNT and not literal:
        # Nobody counts them: they are many.
        number, exact = 2, False
    # Boxes have one colour; several colours of one object are an attribute.
    color = colors[0] if colors and not mixed else None
    return Phrase(number, noun, color, exact, (*mixed, *attributes), kind)


def _kind(noun: str, described: bool) -> str:
    """The letter of a noun that a picture can show; empty if it shows none, or nobody knows."""
    letter = noun_kind(noun)
    if letter in SURE:
        return letter
    if letter == "g":
        return letter
    return "x" if described and noun in SETTINGS else ""


def _split_adjectives(words: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """The words without adjectives and praise, and the adjectives; the last word always stays."""
    rest, adjectives = [], []
    for before, word, after in zip(["", *words], words, [*words[1:], ""]):
        if not after or f"{word} {singular(after)}" in COMPOUNDS or f"{before} {singular(word)}" in COMPOUNDS:
            rest.append(word)
        elif word in _UNTOLD:
            continue
        elif word in ADJECTIVES or getattr(word, "tag", "") == "A" or ("-" in word and word.endswith("ed")):
            adjectives.append(word)
        elif word not in OPINIONS and not word[0].isdigit():
            rest.append(word)
    return rest, tuple(adjectives)


def _is_noise(noun: str, quantity: Quantity | None) -> bool:
    last = noun.partition(" of ")[0].rpartition(" ")[2]
    if noun in ADJECTIVES - MATERIALS:
        return True
    return last in NOISE_NOUNS or last in OPINIONS or last[0].isdigit() or (last in MEDIA | MEANS and quantity is None)


def _number(last: str, quantity: Quantity | None, of: bool, literal: bool) -> tuple[int, bool, str]:
    """The number of objects that the last word of a noun stands for, whether it is exact, and that word.

    ``of``: an ``of`` follows the word.
    """
    quantity = quantity or Quantity(None)
    number, kind = quantity.number, quantity.kind
    worn = number is None or kind == "pair" or (number == 0 and not literal)
    if last == "glasses" and worn and not of:
        last = "eyeglasses"
    if last in PAIR_NOUNS and (number is None or kind in ("pair", "vague")):
        return max(1, (number or 0) // 2), kind == "pair", last
    is_plural = singular(last) != last
    if number is None:
        # "Dogs" are two or more; "grass" and "sheep" can be any number.
        return (2, False, last) if is_plural else (1, last not in MASS_NOUNS and plural(last) != last, last)
    # "Some water" is not two of it.
    return (1 if kind == "vague" and not is_plural and last != plural(last) else number), quantity.exact, last
