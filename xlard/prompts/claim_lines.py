"""Claims as text that an artist can edit: one on each line, ``count: two red circles (2)``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

from ..characters import whole_characters
from ..claims import (
    MOST_COUNT,
    NOTHING_TO_CHECK,
    Claim,
    ClaimType,
    NotedClaims,
    check_number_of_claims,
    color_claim,
    count_claim,
    custom_claim,
    object_claim,
    one_line,
    position_claim,
)
from ..english import NUMBER_WORDS, NUMBERS, PAIR_NOUNS
from .lexicon import Symbol
from .line_errors import meant_type, negative_number, reason, spelled_number
from .line_weights import weighed, with_weight
from .noun_phrases import Phrase
from .reader import read_literally
from .reading import Link, Reading, Relation
from .tokens import symbols
from .unclaimed import is_note

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

_EXACT = ("count", "color", "position", "object")
"""Types whose text has to be understood, in the order in which changed words are read as one."""

_KEEP = re.compile(r"\Akeep\s*:\s*", re.IGNORECASE)
_TYPED = re.compile(rf"({'|'.join(get_args(ClaimType))}|colour)\s*[:\uff1a](.*)", re.IGNORECASE)
_SHOWN_LINE = 300
_PART_OF = re.compile(r"(\w+) of (?:all )?(?:the|these|those) (?:(\w+) )?", re.IGNORECASE)
_EVERY = ("all", "any", "each", "every")
_PHRASE_PARTS = frozenset({"quantity", "at_least", "no", "word", "of", "verb", "action", "filler"})


def format_lines(claims: Sequence[Claim]) -> str:
    """The claims as text, one on each line; ``parse_lines`` gives them back."""
    return "\n".join(_format(claim) for claim in claims)


def shown_lines(claims: NotedClaims) -> str:
    """The claims as text, and below them their notes; ``parse_lines`` gives the claims back."""
    lines = [*map(_format, claims)] or [f"# {NOTHING_TO_CHECK}"]
    return "\n".join([*lines, *(note if is_note(note) else f"# {one_line(note)}" for note in claims.notes)])


def parse_lines(text: str, from_prompt: Sequence[Claim] = ()) -> list[Claim]:
    """The claims of a text with a claim on each line.

    A line is ``type: text``; without a type it is a ``custom`` claim. ``#`` before a line disables it, a number in
    brackets after it is its weight, and a line ``...`` stands for the claims ``from_prompt``. Lines of
    ``unclaimed.note_lines`` claim nothing. Counts, objects, colours and positions get their fields from their text.
    Raises ValueError for a weight that is not above 0 or too large, for a type that is misspelled, and for a line of
    these four types that cannot be understood; the message names the line, says why, and shows a correct one.
    Raises ValueError too for more claims than a picture can have.
    """
    claims: list[Claim] = []
    for number, line in _enabled(text):
        if line in (FROM_PROMPT, "\u2026"):
            claims += from_prompt
            continue
        try:
            claims.append(_claim(line))
        except ValueError as error:
            shown = line if len(line) <= _SHOWN_LINE else f"{line[:_SHOWN_LINE]} ..."
            raise ValueError(f"Line {number} cannot be understood: '{whole_characters(shown)}'. {error}") from None
    check_number_of_claims(claims)
    return claims


def with_words(claim: Claim, words: str) -> Claim:
    """The claim with other words; its weight stays, and whether it is accepted or one to keep.

    A custom claim or a text stays one. Others become a count, colour, position or object where the words can be read
    as one, else what they were if that takes any text, else custom. Words of a claim to keep may begin with ``keep:``,
    as it is shown. Raises ValueError for what no claim may say.
    """
    text = _KEEP.sub("", one_line(words), count=1) if claim.keep else one_line(words)
    kind = "custom" if claim.type in _EXACT else claim.type
    readings = () if claim.type in ("custom", "text") else (_READERS[exact](text) for exact in _EXACT)
    new = next(filter(None, readings), None) or _READERS[kind](text)
    assert new is not None, f"A claim of the type {kind} takes any text."
    if new.type == claim.type == "position" and new.number == 1:
        # As in lines, the text of a position leaves out the number.
        new = replace(new, number=claim.number)
    original = claim.original or claim.shown
    return replace(new, weight=claim.weight, accepted=claim.accepted, keep=claim.keep, original=original)


def wants_prompt(text: str) -> bool:
    """Whether a text includes the claims of the prompt: it has a line ``...``, or is empty."""
    return not text.strip() or any(line in (FROM_PROMPT, "\u2026") for _, line in _enabled(text))


def _enabled(text: str) -> list[tuple[int, str]]:
    lines = [(number, one_line(line)) for number, line in enumerate(text.splitlines(), 1)]
    return [(number, line) for number, line in lines if line and not line.startswith("#") and not is_note(line)]


def _format(claim: Claim) -> str:
    text = one_line(claim.text)
    if claim.type == "position" and claim.number != 1:
        # The text of a position leaves out the number.
        text = f"{NUMBER_WORDS.get(claim.number, claim.number)} {text}"
    return with_weight(f"{claim.type}: {text}", claim.weight)


def _claim(line: str) -> Claim:
    typed = _TYPED.match(line)
    if typed is None:
        meant = meant_type(line)
        if meant:
            raise ValueError(f"{meant} A criterion of your own may begin so behind 'custom:'.")
    kind, text = (typed[1].lower(), typed[2].strip()) if typed else ("custom", line)
    kind = "color" if kind == "colour" else kind
    text, weight = weighed(text, any_text=typed is not None and kind in ("custom", "text"))
    claim = _READERS[kind](text) if text else None
    if claim is None:
        why = reason(kind, text) if text else "It has no text."
        article = "An" if kind[0] in "ao" else "A"
        raise ValueError(f"{why} {article} {kind} line looks like '{EXAMPLES[kind]}'; 'custom:' takes any text.")
    return replace(claim, weight=weight)


def _read(text: str, *more_parts: str) -> Reading | None:
    """What a text of noun phrases says; None if there is more in it than such phrases and ``more_parts``."""
    if negative_number(text):
        return None
    text_symbols = symbols(text, literal=True)
    kinds = {symbol.kind for symbol in text_symbols}
    # "No more than two" is no negation, and a number at the end belongs to nothing.
    if not kinds <= _PHRASE_PARTS | {*more_parts} or {"no", "at_least"} <= kinds or _ends_with_number(text_symbols):
        return None
    reading = read_literally(text_symbols)
    phrases = reading.phrases + reading.absent
    return None if any(phrase.attributes or spelled_number(phrase.noun) for phrase in phrases) else reading


def _ends_with_number(text_symbols: Sequence[Symbol]) -> bool:
    return bool(text_symbols) and text_symbols[-1].kind == "quantity"


def _phrase(text: str) -> Phrase | None:
    """The phrase that a text consists of, number 0 for ``no dogs``; None if it is not exactly one."""
    reading = _read(text)
    phrases = reading.phrases + reading.absent if reading else []
    return phrases[0] if reading and len(phrases) == 1 and not reading.links else None


def _count(text: str) -> Claim | None:
    phrase = _phrase(text)
    return count_claim(phrase.noun, phrase.number, phrase.color) if phrase and phrase.exact else None


def _object(text: str) -> Claim | None:
    phrase = _phrase(text)
    return object_claim(phrase.noun, phrase.number, phrase.color) if phrase and phrase.number else None


def _subject_and_predicate(text: str) -> tuple[str, str, str]:
    """``the cat``, ``is`` and ``fluffy`` of ``the cat is fluffy``; of ``one of the two cats is fluffy`` the ``one
    cats``.
    """
    subject, verb, predicate = (*re.split(r"\s(is|are)\s", text, maxsplit=1, flags=re.IGNORECASE), "", "")[:3]
    part = _PART_OF.match(subject)
    if part and (part[1].lower() in (*NUMBERS, "none") or part[1].isdecimal()):
        total = part[2] or ""
        rest = subject[part.end() :] if _is_number(total) else f"{total} {subject[part.end() :]}"
        subject = f"{'no' if part[1].lower() == 'none' else part[1]} {rest.strip()}"
    return subject, verb.lower(), predicate


def _is_number(word: str) -> bool:
    return word.lower() in NUMBERS or word.isdecimal()


def _color(text: str) -> Claim | None:
    subject, verb, predicate = _subject_and_predicate(text)
    phrase, color = _phrase(subject), _phrase(f"{predicate} thing")
    if phrase is None or phrase.color or color is None or color.noun != "thing" or color.color is None:
        return None
    is_one = phrase.number == 1 and (verb == "is" or phrase.noun in PAIR_NOUNS)
    every = subject.lower().split()[0] in _EVERY and phrase.number < 2
    if every or not (phrase.exact or is_one):
        return None
    # "The circle" is the only one; "one circle" is one of several.
    total = 1 if subject.lower().startswith("the ") else 2
    return color_claim(phrase.noun, phrase.number, color.color, total)


def _position(text: str) -> Claim | None:
    reading = _read(text, "direction", "is")
    if reading is None or len(reading.phrases) != 2 or len(reading.relations) != 1:
        return None
    relation = reading.relations[0]
    a, b = reading.phrases[relation.a], reading.phrases[relation.b]
    return position_claim(a.noun, relation.direction, b.noun, a.number, a.color, b.color)


def _attribute(text: str) -> Claim:
    phrase = _phrase(_subject_and_predicate(text)[0])
    # The text stands for itself: how many things it is about is only an aid.
    known = phrase is not None and phrase.number <= MOST_COUNT
    return Claim("attribute", text, phrase.noun, phrase.number) if phrase and known else Claim("attribute", text)


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
