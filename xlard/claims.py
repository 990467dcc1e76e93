"""Claims: the checkable statements of a prompt, and a parser for GenEval-like wording."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Literal

ClaimType = Literal["object", "count", "color", "position", "attribute", "relation", "text", "custom"]

NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5,
           "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
NUMBER_WORDS = {value: word for word, value in NUMBERS.items() if word not in ("a", "an")}

COLORS = frozenset({"red", "green", "blue", "yellow", "purple", "cyan", "orange", "pink", "brown",
                    "black", "white", "gray", "grey"})

RELATIONS = {
    "left of": "left of", "to the left of": "left of", "on the left of": "left of",
    "right of": "right of", "to the right of": "right of", "on the right of": "right of",
    "above": "above", "on top of": "above", "over": "above",
    "below": "below", "under": "below", "beneath": "below", "underneath": "below",
}
_RELATION = re.compile(r"\b(?:(?:is|are)\s+)?(" + "|".join(
    sorted((re.escape(words) for words in RELATIONS), key=len, reverse=True)) + r")\b")
_SEPARATOR = re.compile(r"\s*(?:,|\band\b|\bwith\b|\bplus\b)\s*")
_LEAD = re.compile(r"^(?:a|an|the)?\s*(?:photo|picture|image|drawing|painting|illustration)\s+(?:of|showing)\s+")
_IRREGULAR = {"people": "person", "men": "man", "women": "woman", "children": "child", "mice": "mouse",
              "geese": "goose", "feet": "foot", "teeth": "tooth", "wolves": "wolf", "knives": "knife",
              "leaves": "leaf", "buses": "bus"}


@dataclass(frozen=True)
class Phrase:
    """One noun phrase of a prompt: how many of what, in which colour (None: any)."""

    number: int
    noun: str
    color: str | None = None

    @property
    def text(self) -> str:
        """The thing without its number, e.g. ``red circle``."""
        return f"{self.color} {self.noun}" if self.color else self.noun


@dataclass(frozen=True)
class Relation:
    """Phrase ``a`` stands in ``direction`` of phrase ``b`` (indices into the prompt's phrases)."""

    a: int
    direction: str
    b: int


@dataclass(frozen=True)
class Claim:
    """One checkable statement.

    ``noun``, ``number`` and ``color`` say what is counted or coloured; ``direction``, ``other`` and
    ``other_color`` are set for positions. ``weight`` is its share in the overall score.
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

    def to_dict(self) -> dict:
        """The claim as JSON-ready values, without the fields that are unset."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}


def singular(noun: str) -> str:
    """The singular of an English noun, by rule and a short list of irregular ones."""
    head, _, last = noun.rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif last.endswith("ies") and len(last) > 4:
        last = last[:-3] + "y"
    elif last.endswith(("ches", "shes", "xes", "sses", "zes")):
        last = last[:-2]
    elif last.endswith("s") and not last.endswith(("ss", "us", "is")):
        last = last[:-1]
    return f"{head} {last}" if head else last


def parse_label(label: str) -> tuple[str | None, str]:
    """Split ``red circles`` into its colour (or None) and its singular noun."""
    words = label.lower().split()
    color = next((word for word in words if word in COLORS), None)
    noun = " ".join(word for word in words if word not in COLORS and word not in NUMBERS)
    return ("gray" if color == "grey" else color), singular(noun)


def _phrase(text: str) -> Phrase | None:
    words = text.strip(" .").split()
    if words and words[0] == "the":
        words = words[1:]
    number = 1
    if words and words[0] in NUMBERS:
        number, words = NUMBERS[words[0]], words[1:]
    elif words and words[0].isdigit():
        number, words = int(words[0]), words[1:]
    color, noun = parse_label(" ".join(words))
    return Phrase(number, noun, color) if noun and number > 0 else None


def parse_prompt(prompt: str) -> tuple[list[Phrase], list[Relation]]:
    """Read noun phrases and spatial relations out of a GenEval-like prompt.

    ``a red circle left of a blue square and two green triangles`` gives three phrases and one relation
    between the first two. Text that is no noun phrase is left out; an empty prompt gives two empty lists.
    """
    text = _LEAD.sub("", re.sub(r"\s+", " ", prompt.lower()).strip())
    phrases: list[Phrase] = []
    relations: list[Relation] = []
    for part in _SEPARATOR.split(text):
        pieces = _RELATION.split(part)
        previous = None
        for index in range(0, len(pieces), 2):
            phrase = _phrase(pieces[index])
            if phrase is None:
                previous = None
                continue
            phrases.append(phrase)
            current = len(phrases) - 1
            if previous is not None:
                relations.append(Relation(previous, RELATIONS[pieces[index - 1]], current))
            previous = current
    return phrases, relations


def claims_from_prompt(prompt: str) -> list[Claim]:
    """Turn a prompt into typed claims: one count per noun, one colour per coloured noun, its positions.

    Counts are exact and by noun: ``two red circles and a blue circle`` claims three circles, two of them red
    and one blue, so that a wrong colour fails the colour and not the count.
    """
    phrases, relations = parse_prompt(prompt)
    totals: dict[str, int] = {}
    colored: dict[tuple[str, str], int] = {}
    for phrase in phrases:
        totals[phrase.noun] = totals.get(phrase.noun, 0) + phrase.number
        if phrase.color:
            colored[phrase.noun, phrase.color] = colored.get((phrase.noun, phrase.color), 0) + phrase.number
    claims = [Claim("count", f"{NUMBER_WORDS.get(number, number)} {noun}{'s' if number > 1 else ''}", noun, number)
              for noun, number in totals.items()]
    for (noun, color), number in colored.items():
        which = f"{NUMBER_WORDS.get(number, number)} {noun}s are" if number > 1 \
            else f"the {noun} is" if totals[noun] == 1 else f"one {noun} is"
        claims.append(Claim("color", f"{which} {color}", noun, number, color))
    for relation in relations:
        a, b = phrases[relation.a], phrases[relation.b]
        claims.append(Claim("position", f"{a.text} {relation.direction} {b.text}", a.noun, a.number, a.color,
                            relation.direction, b.noun, b.color))
    return claims
