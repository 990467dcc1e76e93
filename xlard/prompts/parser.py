"""The claims of a prompt, read without a language model: GenEval's wording, and much of what artists write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..claims import (
    Claim,
    attribute_claim,
    color_claim,
    count_claim,
    object_claim,
    object_text,
    position_claim,
    relation_claim,
    text_claim,
)
from .noun_phrases import Phrase
from .reader import read_prompt
from .reading import Link, Relation


def parse_prompt(prompt: str) -> tuple[list[Phrase], list[Relation]]:
    """The noun phrases of a prompt that must be there, and the directions between them.

    ``a red circle left of a blue square and two green triangles`` gives three phrases and one relation
    between the first two. Text that is no noun phrase is left out; an empty prompt gives two empty lists.
    """
    reading = read_prompt(prompt)
    return reading.phrases, reading.relations


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
    object claim asks for at least that many.
    """
    reading = read_prompt(prompt)
    phrases = reading.phrases
    claims = _number_claims(phrases)
    claims += [count_claim(phrase.noun, 0, phrase.color) for phrase in reading.absent]
    claims += _color_claims(phrases) + _attribute_claims(phrases)
    for relation in reading.relations:
        a, b = phrases[relation.a], phrases[relation.b]
        claims.append(position_claim(a.noun, relation.direction, b.noun, a.number, a.color, b.color))
    claims += [_link_claim(link, phrases) for link in reading.links]
    claims += [text_claim(text) for text in reading.texts]
    return PromptClaims(tuple(dict.fromkeys(claims)))


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


def _number_claims(phrases: Sequence[Phrase]) -> list[Claim]:
    by_noun: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        by_noun.setdefault(phrase.noun, []).append(phrase)
    claims = []
    for noun, same_noun in by_noun.items():
        number = sum(phrase.number for phrase in same_noun)
        vague = [phrase for phrase in same_noun if not phrase.exact]
        if not vague:
            claims.append(count_claim(noun, number))
        elif len(same_noun) > 1 or not same_noun[0].color:
            claims.append(object_claim(noun, number))
        claims += [object_claim(noun, phrase.number, phrase.color) for phrase in vague if phrase.color]
    return claims


def _color_claims(phrases: Sequence[Phrase]) -> list[Claim]:
    totals = _totals(phrases)
    colored: dict[tuple[str, str], int] = {}
    for phrase in phrases:
        if phrase.color and phrase.exact:
            colored[phrase.noun, phrase.color] = colored.get((phrase.noun, phrase.color), 0) + phrase.number
    return [color_claim(noun, number, color, totals[noun]) for (noun, color), number in colored.items()]


def _attribute_claims(phrases: Sequence[Phrase]) -> list[Claim]:
    totals = _totals(phrases)
    by_attribute: dict[tuple[str, str | None, str], list[Phrase]] = {}
    for phrase in phrases:
        for attribute in phrase.attributes:
            # The colour says which of several: the black dog is big, the white one is small.
            color = phrase.color if phrase.number < totals[phrase.noun] else None
            by_attribute.setdefault((phrase.noun, color, attribute), []).append(phrase)
    claims = []
    for (noun, color, attribute), described in by_attribute.items():
        number, exact = sum(phrase.number for phrase in described), all(phrase.exact for phrase in described)
        total = number if color else totals[noun]
        claim = attribute_claim(object_text(noun, color), number, attribute, total, exact)
        claims.append(replace(claim, noun=noun))
    return claims
