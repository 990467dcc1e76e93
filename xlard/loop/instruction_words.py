"""How instructions for edit models are worded: objects, where they are to stand, and what is to be true of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..claims import Claim, count_text, object_text
from ..detections import Detection, ObjectKind
from ..english import COLORS, NUMBER_WORDS, plural

OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
"""The direction in which the second object of a position stands of the first."""

_SIDEWAYS = ("left of", "right of")
_PLACING = re.compile(r"^(?:on|at|in) the ")
_ATTRIBUTE = re.compile(r"^(?P<subject>.+?) (?:is|are) (?P<attribute>[\w-]+)$")


def the_objects(noun: str, color: str | None, number: int, of: int) -> str:
    """``number`` of so many objects that a picture shows: ``the red cup``, ``one of the three red cups``."""
    if number < of:
        return f"{NUMBER_WORDS.get(number, number)} of the {count_text(of, noun, color)}"
    return f"the {object_text(noun, color)}" if number == 1 else f"the {count_text(number, noun, color)}"


def more_objects(noun: str, color: str | None, number: int, seen: int) -> str:
    """``number`` of a kind of which a picture shows ``seen``: ``a cup``, ``another cup``, ``two more cups``."""
    if number == 1:
        return f"another {object_text(noun, color)}" if seen else with_article(object_text(noun, color))
    return count_text(number, f"more {noun}" if seen and not color else noun, color)


def with_article(words: str) -> str:
    """Words with ``a`` or ``an``."""
    return f"{'an' if words[:1] in 'aeiou' else 'a'} {words}"


def direction_words(direction: str) -> str:
    """A direction after a verb: ``to the left of``, ``above``."""
    return f"to the {direction}" if direction in _SIDEWAYS else direction


def zone_words(claim: Claim) -> str:
    """The place of a position with a zone, after a verb: ``to the top left``."""
    place = claim.text.removeprefix(object_text(claim.noun, claim.color)).strip()
    return _PLACING.sub("to the ", place)


def statement(claim: Claim) -> str:
    """What has to become true of a picture where nothing tells how: ``make the hat wooden``, ``write "OPEN"``."""
    if claim.type == "count":
        if not claim.number:
            return f"remove every {object_text(claim.noun, claim.color)}"
        return f"show exactly {count_text(claim.number, claim.noun, claim.color)}"
    if claim.type == "object":
        kind = object_text(claim.noun, claim.color)
        return f"show {with_article(kind) if claim.number == 1 else claim.text}"
    if claim.type == "position":
        first = f"place the {object_text(claim.noun, claim.color)}"
        if claim.zone or not claim.direction or not claim.other:
            return f"{first} {zone_words(claim)}"
        return f"{first} {direction_words(claim.direction)} the {object_text(claim.other, claim.other_color)}"
    if claim.type == "text":
        return f"write {_quoted(claim)} clearly"
    if claim.type == "relation":
        return f"show {relation_words(claim)}"
    attribute = _ATTRIBUTE.match(claim.text) if claim.type in ("attribute", "color") else None
    if attribute and not attribute["attribute"].endswith("ing"):
        return f"make {attribute['subject']} {attribute['attribute']}"
    return f"make this true: {claim.text}"


def relation_words(claim: Claim) -> str:
    """The text of a relation with articles: ``the man riding the horse``."""
    if not claim.other:
        return f"the {claim.text}"
    other = re.compile(rf" ((?:(?:{'|'.join(sorted(COLORS))}) )?{re.escape(claim.other)})\b(?: and )?")
    return "the " + other.sub(lambda found: found[0].replace(found[1], f"the {found[1]}", 1), claim.text, count=1)


def kept_words(claim: Claim, evidence: Sequence[Detection]) -> str:
    """What a claim that holds is about, as something to keep: ``the two dogs``; empty for one that says no thing."""
    kind = ObjectKind(claim.noun, claim.color)
    if claim.type == "position":
        first = f"the {object_text(claim.noun, claim.color)}"
        if claim.zone or not claim.other:
            return f"the {claim.text}"
        return f"{first} {claim.direction} the {object_text(claim.other, claim.other_color)}"
    if claim.type == "object":
        several = len(kind.among(evidence)) > 1 or claim.number > 1
        return f"the {object_text(plural(claim.noun) if several else claim.noun, claim.color)}"
    if claim.type in ("count", "color") and claim.number:
        return the_objects(claim.noun, claim.color, claim.number, claim.number)
    if claim.type == "relation":
        return relation_words(claim)
    return f"the text {_quoted(claim)}" if claim.type == "text" else ""


def listed(phrases: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(phrases[:-1]), phrases[-1])))


def _quoted(claim: Claim) -> str:
    """What a claim of text says, in quotation marks."""
    found = re.search(r'".*"', claim.text)
    return found[0] if found else claim.text
