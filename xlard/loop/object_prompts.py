"""Prompts for a part of what a prompt asks for: one object of it, or the place where one was."""

from __future__ import annotations

from collections.abc import Sequence

from ..claims import Claim, object_text
from ..detections import ObjectKind
from ..prompts import claims_from_prompt, parse_prompt
from ..prompts.vocabulary import MEDIA

_PLACING = ("in front of", "on top of", "inside", "against", "beside", "near", "on", "in", "at", "by")
"""Words after which a relation names the place of an object."""

_MASS = "m"
"""The kind of a noun (see ``prompts.words``) that has no article: snow."""


def prompt_for_one(kind: ObjectKind, prompt: str) -> str:
    """A prompt for one object of a kind, in the words of a prompt for more, with its medium and style."""
    return _in_style(_one(kind, prompt), prompt)


def prompt_for_object(kind: ObjectKind, prompt: str, claims: Sequence[Claim], said: str = "") -> str:
    """A prompt for one object of a kind where a prompt places it, with medium and style.

    ``said`` is a statement about it that has to hold.
    """
    place = _place_of(kind, prompt, claims)
    return _in_style(" ".join(filter(None, (_one(kind, prompt), *(place or ())))), prompt, said)


def prompt_for_place(kind: ObjectKind, prompt: str, claims: Sequence[Claim]) -> str:
    """A prompt for what is behind an object of a kind: its place, medium and style, without the object.

    Empty where the prompt says of none.
    """
    place = _place_of(kind, prompt, claims)
    return _in_style(place[1], prompt) if place else ", ".join(_style(prompt))


def prompt_without(kinds: Sequence[ObjectKind], prompt: str, claims: Sequence[Claim]) -> str:
    """A prompt for what is behind objects of several kinds: a place that is none of them, medium and style.

    Empty where the prompt says of none.
    """
    nouns = {kind.noun for kind in kinds}
    others = [claim for claim in claims if claim.other not in nouns]
    return max((prompt_for_place(kind, prompt, others) for kind in kinds), key=bool, default="")


def _one(kind: ObjectKind, prompt: str) -> str:
    """``a small red cup``: one object, with the adjectives that a prompt gives it."""
    phrases = [
        phrase for phrase in parse_prompt(prompt)[0] if phrase.noun == kind.noun and phrase.color in (kind.color, None)
    ]
    phrase = max(phrases, key=lambda phrase: phrase.color == kind.color, default=None)
    return _with_article(" ".join((*(phrase.attributes if phrase else ()), object_text(kind.noun, kind.color))))


def _place_of(kind: ObjectKind, prompt: str, claims: Sequence[Claim]) -> tuple[str, str] | None:
    """How and where a prompt places objects of a kind: ``on``, ``a wooden table``; else where it places others."""
    places = [(claim.noun == kind.noun, place) for claim in claims if (place := _place_in(claim, kind, prompt))]
    return max(places, key=lambda own_and_place: own_and_place[0])[1] if places else None


def _place_in(claim: Claim, kind: ObjectKind, prompt: str) -> tuple[str, str] | None:
    """The place that a relation names, if it names one that is no object of the kind."""
    if claim.type != "relation" or not claim.other or claim.other == kind.noun:
        return None
    second = object_text(claim.other, claim.other_color)
    placing = next((words for words in _PLACING if claim.text.endswith(f" {words} {second}")), None)
    phrase = next((phrase for phrase in parse_prompt(prompt)[0] if phrase.noun == claim.other), None)
    if placing is None or phrase is None:
        return None
    described = " ".join((*phrase.attributes, object_text(phrase.noun, phrase.color)))
    return placing, described if phrase.kind == _MASS else _with_article(described)


def _in_style(words: str, prompt: str, said: str = "") -> str:
    medium, of, _ = prompt.partition(" of ")
    lead = medium + of if of and medium.split()[-1:] and medium.split()[-1] in MEDIA else ""
    return ", ".join([f"{lead}{words}", *filter(None, [said]), *_style(prompt)])


def _style(prompt: str) -> list[str]:
    """The parts of a prompt between commas that name nothing to check."""
    return [clause.strip() for clause in prompt.split(",") if clause.strip() and not claims_from_prompt(clause)]


def _with_article(words: str) -> str:
    return f"{'an' if words[:1] in 'aeiou' else 'a'} {words}"
