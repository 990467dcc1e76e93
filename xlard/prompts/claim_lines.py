"""Claims as text that an artist can edit: one on each line, ``count: two red circles (2)``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

from ..claims import Claim, ClaimType, color_claim, count_claim, custom_claim, object_claim, one_line, position_claim
from ..english import NUMBER_WORDS
from .noun_phrases import Phrase
from .reader import read_literally
from .reading import Link, Relation
from .tokens import symbols

FROM_PROMPT = "..."
"""A line that stands for the claims of the prompt."""

EXAMPLES = {
    "object": "object: at least two dogs",
    "count": "count: two red circles",
    "color": "color: the square is blue",
    "position": "position: red circle left of blue square",
    "attribute": "attribute: the cat is fluffy",
    "relation": "relation: man riding horse",
    "text": 'text: the text "OPEN" can be read',
    "custom": "custom: the hat casts a shadow",
}
"""A correct line of each type."""

_TYPED = re.compile(rf"({'|'.join(get_args(ClaimType))}|colour)\s*:(.*)", re.IGNORECASE)
_WEIGHT = re.compile(
    r"\( ?([-+]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:e[-+]?[0-9]{1,4})?"
    r"|[-+]?(?:nan|inf(?:inity)?)) ?\)\Z",
    re.IGNORECASE,
)
_PHRASE_PARTS = frozenset({"quantity", "at_least", "no", "word", "of", "verb", "action", "filler"})


def format_lines(claims: Sequence[Claim]) -> str:
    """The claims as text, one on each line; ``parse_lines`` gives them back."""
    return "\n".join(_format(claim) for claim in claims)


def parse_lines(text: str, from_prompt: Sequence[Claim] = ()) -> list[Claim]:
    """The claims of a text with a claim on each line.

    A line is ``type: text``; without a known type it is a ``custom`` claim. ``#`` before a line disables it, a number
    in brackets after it is its weight, and a line ``...`` stands for the claims ``from_prompt``. Counts, objects,
    colours and positions get their fields from their text. Raises ValueError for a weight that is not above 0 and
    finite, and for a line of these four types that cannot be understood; the message names the line and shows a correct
    one.
    """
    claims: list[Claim] = []
    for number, line in _enabled(text):
        if line in (FROM_PROMPT, "\u2026"):
            claims += from_prompt
            continue
        try:
            claims.append(_claim(line))
        except ValueError as error:
            raise ValueError(f"Line {number} cannot be understood: '{line}'. {error}") from None
    return claims


def wants_prompt(text: str) -> bool:
    """Whether a text includes the claims of the prompt: it has a line ``...``, or is empty."""
    return not text.strip() or any(line in (FROM_PROMPT, "\u2026") for _, line in _enabled(text))


def _enabled(text: str) -> list[tuple[int, str]]:
    lines = [(number, one_line(line)) for number, line in enumerate(text.splitlines(), 1)]
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _format(claim: Claim) -> str:
    text = one_line(claim.text)
    if claim.type == "position" and claim.number != 1:
        # The text of a position leaves out the number.
        text = f"{NUMBER_WORDS.get(claim.number, claim.number)} {text}"
    if claim.weight == 1 and not _WEIGHT.search(text):
        return f"{claim.type}: {text}"
    weight = f"{claim.weight:g}"
    return f"{claim.type}: {text} ({weight if float(weight) == claim.weight else repr(claim.weight)})"


def _claim(line: str) -> Claim:
    typed = _TYPED.match(line)
    kind, text = (typed[1].lower(), typed[2].strip()) if typed else ("custom", line)
    kind = "color" if kind == "colour" else kind
    text, weight = _weighed(text)
    claim = _READERS[kind](text) if text else None
    if claim is None:
        raise ValueError(f"A {kind} line looks like '{EXAMPLES[kind]}'; 'custom:' takes any text.")
    return replace(claim, weight=weight)


def _weighed(text: str) -> tuple[str, float]:
    match = _WEIGHT.search(text)
    if not match:
        return text, 1.0
    weight = float(match[1])
    if weight == 0:
        raise ValueError("A weight of 0 has no meaning: write # before the line to disable it.")
    if not 0 < weight < math.inf:
        raise ValueError("A weight must be a finite number above 0, for example (1.5).")
    return text[: match.start()].strip(), weight


def _phrase(text: str) -> Phrase | None:
    """The phrase that a text consists of, number 0 for ``no dogs``; None if it is not exactly one."""
    text_symbols = symbols(text, literal=True)
    if any(symbol.kind not in _PHRASE_PARTS for symbol in text_symbols):
        return None
    reading = read_literally(text_symbols)
    phrases = reading.phrases + reading.absent
    return phrases[0] if len(phrases) == 1 and not phrases[0].attributes and not reading.links else None


def _count(text: str) -> Claim | None:
    phrase = _phrase(text)
    return count_claim(phrase.noun, phrase.number, phrase.color) if phrase and phrase.exact else None


def _object(text: str) -> Claim | None:
    phrase = _phrase(text)
    return object_claim(phrase.noun, phrase.number, phrase.color) if phrase else None


def _subject_and_predicate(text: str) -> tuple[Phrase | None, str]:
    """The cat and ``fluffy`` of ``the cat is fluffy``."""
    subject, _, predicate = re.sub(r"\s(?:is|are)\s", "\n", text, count=1, flags=re.IGNORECASE).partition("\n")
    return _phrase(subject), predicate


def _color(text: str) -> Claim | None:
    phrase, predicate = _subject_and_predicate(text)
    color = _phrase(f"{predicate} thing")
    if phrase is None or phrase.color or color is None or color.noun != "thing" or color.color is None:
        return None
    # "The circle" is the only one; "one circle" is one of several.
    total = 1 if text.lower().startswith("the ") else 2
    return color_claim(phrase.noun, phrase.number, color.color, total)


def _position(text: str) -> Claim | None:
    text_symbols = symbols(text, literal=True)
    if any(symbol.kind not in _PHRASE_PARTS | {"direction", "is"} for symbol in text_symbols):
        return None
    reading = read_literally(text_symbols)
    if len(reading.phrases) != 2 or len(reading.relations) != 1 or any(phrase.attributes for phrase in reading.phrases):
        return None
    relation = reading.relations[0]
    a, b = reading.phrases[relation.a], reading.phrases[relation.b]
    return position_claim(a.noun, relation.direction, b.noun, a.number, a.color, b.color)


def _attribute(text: str) -> Claim:
    phrase, _ = _subject_and_predicate(text)
    return Claim("attribute", text, phrase.noun, phrase.number) if phrase else Claim("attribute", text)


def _relation(text: str) -> Claim:
    reading = read_literally(symbols(text, literal=True))
    relations: list[Link | Relation] = [*reading.links, *reading.relations]
    if not relations:
        return Claim("relation", text)
    a, b = relations[0].a, relations[0].b
    return Claim("relation", text, reading.phrases[a].noun, other=None if b is None else reading.phrases[b].noun)


_READERS: dict[str, Callable[[str], Claim | None]] = {
    "object": _object,
    "count": _count,
    "color": _color,
    "position": _position,
    "attribute": _attribute,
    "relation": _relation,
    "text": lambda text: Claim("text", text),
    "custom": custom_claim,
}
