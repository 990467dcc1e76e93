"""Claims of a prompt without a language model: GenEval's wording, and much of what artists write around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .. import claims
from ..claims import Claim
from .noun_phrases import Phrase
from .reader import read_prompt
from .reading import Relation


def parse_prompt(prompt: str) -> tuple[list[Phrase], list[Relation]]:
    """The noun phrases of a prompt that must be there, and the directions in which they stand.

    ``a red circle left of a blue square and two green triangles`` gives three phrases and one relation
    between the first two. Text that is no noun phrase is left out; an empty prompt gives two empty lists.
    """
    reading = read_prompt(prompt)
    return reading.phrases, reading.relations


def claims_from_prompt(prompt: str) -> list[Claim]:
    """Turn a prompt into typed claims: one count per noun, one colour per coloured noun, then all else it says.

    Counts are exact and by noun: ``two red circles and a blue circle`` claims three circles, two of them red
    and one blue, so that a wrong colour fails the colour and not the count. Where the prompt is not exact
    (``some dogs``), an object claim asks for so many or more.
    """
    reading = read_prompt(prompt)
    phrases = reading.phrases
    found = _number_claims(phrases)
    found += [claims.count_claim(phrase.noun, 0, phrase.color) for phrase in reading.absent]
    found += _color_claims(phrases) + _attribute_claims(phrases)
    for relation in reading.relations:
        a, b = phrases[relation.a], phrases[relation.b]
        found.append(claims.position_claim(a.noun, relation.direction, b.noun, a.number, a.color, b.color))
    for link in reading.links:
        a, b = phrases[link.a], None if link.b is None else phrases[link.b]
        also = "" if link.also is None else phrases[link.also].text
        found.append(claims.relation_claim(a.noun, link.words, b and b.noun, a.color, b and b.color, also))
    found += [claims.text_claim(text) for text in reading.texts]
    return list(dict.fromkeys(found))


def _totals(phrases: Sequence[Phrase]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for phrase in phrases:
        totals[phrase.noun] = totals.get(phrase.noun, 0) + phrase.number
    return totals


def _number_claims(phrases: Sequence[Phrase]) -> list[Claim]:
    by_noun: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        by_noun.setdefault(phrase.noun, []).append(phrase)
    found = []
    for noun, own in by_noun.items():
        number, vague = sum(phrase.number for phrase in own), [phrase for phrase in own if not phrase.exact]
        if not vague:
            found.append(claims.count_claim(noun, number))
        elif len(own) > 1 or not own[0].color:
            found.append(claims.object_claim(noun, number))
        found += [claims.object_claim(noun, phrase.number, phrase.color) for phrase in vague if phrase.color]
    return found


def _color_claims(phrases: Sequence[Phrase]) -> list[Claim]:
    totals, colored = _totals(phrases), {}
    for phrase in phrases:
        if phrase.color and phrase.exact:
            colored[phrase.noun, phrase.color] = colored.get((phrase.noun, phrase.color), 0) + phrase.number
    return [claims.color_claim(noun, number, color, totals[noun]) for (noun, color), number in colored.items()]


def _attribute_claims(phrases: Sequence[Phrase]) -> list[Claim]:
    totals = _totals(phrases)
    said: dict[tuple[str, str | None, str], list[Phrase]] = {}
    for phrase in phrases:
        for attribute in phrase.attributes:
            # The colour says which of several: the black dog is big, the white one is small.
            color = phrase.color if phrase.number < totals[phrase.noun] else None
            said.setdefault((phrase.noun, color, attribute), []).append(phrase)
    found = []
    for (noun, color, attribute), own in said.items():
        number, exact = sum(phrase.number for phrase in own), all(phrase.exact for phrase in own)
        total = number if color else totals[noun]
        found.append(
            replace(claims.attribute_claim(claims.object_text(noun, color), number, attribute, total, exact), noun=noun)
        )
    return found
