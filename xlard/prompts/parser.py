"""The claims of a prompt, read without a language model: GenEval's wording, and much of what artists write."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..claims import (
    MOST_COUNT,
    Claim,
    attribute_claim,
    color_claim,
    count_claim,
    custom_claim,
    object_claim,
    object_text,
    one_line,
    position_claim,
    relation_claim,
    text_claim,
)
from ..english import COLORS
from .vocabulary import ATTRIBUTES

LONGEST_PROMPT = 20_000
"""Characters of a prompt. No text encoder reads as many, and no critic could be asked about all of it."""

if TYPE_CHECKING:
    from .noun_phrases import Phrase
    from .reading import Link, Reading, Relation


def parse_prompt(prompt: str) -> tuple[list[Phrase], list[Relation]]:
    """The noun phrases of a prompt that must be there, and the directions between them.

    ``a red circle left of a blue square and two green triangles`` gives three phrases and one relation
    between the first two. Text that is no noun phrase is left out; an empty prompt gives two empty lists.
    """
    reading = _read(prompt)
    return reading.phrases, reading.relations


def _read(prompt: str) -> Reading:
    # The lexicon is made here and not when ComfyUI starts.
    from .reader import read_prompt

    return read_prompt(prompt)


def _is_english(prompt: str) -> bool:
    from .cleaning import is_json
    from .language import is_foreign

    return not (is_json(prompt) or is_foreign(prompt))


@dataclass(frozen=True)
class PromptClaims:
    """The claims of a prompt, and the parts of it that became none.

    ``not_understood`` are words that could not be read; ``not_checked`` are words that were, and that no critic is
    asked about: style, mood, quality.
    """

    claims: tuple[Claim, ...]
    not_understood: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()


def claims_from_prompt(prompt: str) -> list[Claim]:
    """The claims of a prompt: see ``read_claims``."""
    return list(read_claims(prompt).claims)


def read_claims(prompt: str) -> PromptClaims:
    """Turn a prompt into typed claims: one count per noun, one colour per coloured noun, then everything else.

    Counts are exact and by noun: ``two red circles and a blue circle`` claims three circles, two of them red and one
    blue; a wrong colour then fails the colour and not the count. For numbers that are not exact (``some dogs``) an
    object claim asks for at least that many. Of each kind the surest stand first: exact numbers before others,
    adjectives of the vocabulary before those that the tagger found. What is there and absent, as in ``a man without a
    hat and a woman with a hat``, is only asked to be there. A prompt that is not in English, or in JSON, is one custom
    claim, and not understood. Raises ValueError for one of more than ``LONGEST_PROMPT`` characters.
    """
    if len(prompt) > LONGEST_PROMPT:
        raise ValueError(
            f"The prompt has {len(prompt)} characters; claims are read from at most {LONGEST_PROMPT}. Shorten it, or "
            "write the claims yourself with xLARD Claims."
        )
    if not _is_english(prompt):
        return PromptClaims((custom_claim(prompt),), (one_line(prompt),))
    reading = _read(prompt)
    phrases = reading.phrases
    claims = sorted(_number_claims(phrases, reading.uncertain), key=lambda claim: claim.type != "count")
    there = [any(_is_of(present, absent) for present in phrases) for absent in reading.absent]
    nowhere = [count_claim(absent.noun, 0, absent.color) for absent in reading.absent]
    claims += [claim for claim, is_there in zip(nowhere, there) if not is_there]
    claims += _color_claims(phrases) + _part_claims(reading, colors=True)
    claims += _attribute_claims(phrases) + _part_claims(reading, colors=False)
    for relation in reading.relations:
        a, b = phrases[relation.a], phrases[relation.b]
        number = a.number if a.exact else 1
        claims.append(position_claim(a.noun, relation.direction, b.noun, number, a.color, b.color))
    claims += [_link_claim(link, phrases) for link in reading.links if _can_be_asked(link, phrases)]
    claims += [text_claim(text) for text in reading.texts]
    unchecked = [*reading.unchecked, *(claim.text for claim, is_there in zip(nowhere, there) if is_there)]
    return PromptClaims(tuple(dict.fromkeys(claims)), _listed(reading.unread), _listed(unchecked))


def _is_of(present: Phrase, absent: Phrase) -> bool:
    """Whether a thing is one of those that should not be there."""
    is_kind = present.noun == absent.noun or present.noun.endswith(f" {absent.noun}")
    return is_kind and absent.color in (None, present.color)


def _listed(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in words if word))


def _part_claims(reading: Reading, colors: bool) -> list[Claim]:
    """Claims of what some of several objects are: one ball of three is red."""
    claims = []
    for index, number, attribute in reading.parts:
        noun, total = reading.phrases[index].noun, reading.phrases[index].number
        if colors and attribute in COLORS:
            claims.append(color_claim(noun, number, attribute, total))
        elif not colors and attribute not in COLORS:
            claims.append(attribute_claim(noun, number, attribute, total))
    return claims


def _can_be_asked(link: Link, phrases: Sequence[Phrase]) -> bool:
    """Whether both ends of a relation can be seen."""
    return all(phrases[index].kind != "x" for index in (link.a, link.b, link.also) if index is not None)


def _link_claim(link: Link, phrases: Sequence[Phrase]) -> Claim:
    subject = phrases[link.a]
    if link.b is None:
        return relation_claim(subject.noun, link.words, color=subject.color)
    other, also = phrases[link.b], "" if link.also is None else phrases[link.also].text
    return relation_claim(subject.noun, link.words, other.noun, subject.color, other.color, also)


def _totals(phrases: Sequence[Phrase]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for phrase in phrases:
        totals[phrase.noun] = totals.get(phrase.noun, 0) + phrase.number
    return totals


def _number_claims(phrases: Sequence[Phrase], uncertain: Collection[str]) -> list[Claim]:
    by_noun: dict[str, list[Phrase]] = {}
    for phrase in filter(lambda phrase: phrase.boxed, phrases):
        by_noun.setdefault(phrase.noun, []).append(phrase)
    claims = []
    for noun, same_noun in by_noun.items():
        # Of what has no border, there is one, however often it is named.
        total = 1 if same_noun[0].kind == "s" else sum(phrase.number for phrase in same_noun)
        number = min(total, MOST_COUNT)
        vague = [phrase for phrase in same_noun if not phrase.exact]
        if not vague and noun not in uncertain and number == total:
            claims.append(count_claim(noun, number))
        elif not vague or len(same_noun) > 1 or not same_noun[0].color:
            claims.append(object_claim(noun, number))
        claims += [object_claim(noun, phrase.number, phrase.color) for phrase in vague if phrase.color]
    return claims


def _color_claims(phrases: Sequence[Phrase]) -> list[Claim]:
    totals = _totals(phrases)
    colored: dict[tuple[str, str], int] = {}
    for phrase in phrases:
        if phrase.color and phrase.exact:
            colored[phrase.noun, phrase.color] = colored.get((phrase.noun, phrase.color), 0) + phrase.number
    return [
        color_claim(noun, number, color, totals[noun])
        for (noun, color), number in colored.items()
        if number <= MOST_COUNT
    ]


def _is_known(attribute: str) -> bool:
    return attribute in ATTRIBUTES or attribute.startswith("made of") or " and " in attribute


def _attribute_claims(phrases: Sequence[Phrase]) -> list[Claim]:
    totals = _totals(phrases)
    by_attribute: dict[tuple[str, str | None, str], list[Phrase]] = {}
    for phrase in phrases:
        for attribute in phrase.attributes:
            # The colour says which of several: the black dog is big, the white one is small.
            color = phrase.color if phrase.number < totals[phrase.noun] else None
            by_attribute.setdefault((phrase.noun, color, attribute), []).append(phrase)
    claims = []
    surest_first = sorted(by_attribute.items(), key=lambda item: not _is_known(item[0][2]))
    for (noun, color, attribute), described in surest_first:
        number, exact = sum(phrase.number for phrase in described), all(phrase.exact for phrase in described)
        if number > MOST_COUNT:
            number, exact = MOST_COUNT, False
        total = number if color else totals[noun]
        claim = attribute_claim(object_text(noun, color), number, attribute, total, exact)
        claims.append(replace(claim, noun=noun))
    return claims
