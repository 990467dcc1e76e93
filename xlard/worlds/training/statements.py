"""Claims about annotated pictures, right and wrong ones, and sentences that say what is there."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from ...claims import Claim, count_claim, object_claim
from ...critique import Verdict
from ...detections import Detection
from ...prompts import claims_from_prompt
from ..critic_model import COORDINATE_STEP
from ..prompts import DIRECTION_WORDS, phrase
from ..world import World

_CHANGE = 0.35
_TRIES = 16
_TYPES = {"count": 3, "color": 3, "position": 3, "other": 1}
_TYPES_OF_PLACES = {"relation": 2, "attribute": 1}
"""Types of claims, with their weights; the second ones only where prompts name places."""


def _some_color(world: World, noun: str, rng: random.Random) -> str | None:
    colors = world.colors_of(noun)
    return rng.choice(colors) if colors else None


def _changed(
    world: World, group: tuple[str, str | None, int], nouns: Sequence[str], rng: random.Random
) -> tuple[str, str | None, int]:
    """A kind and its number with one of them exchanged; the noun half of the time for one of ``nouns``."""
    noun, color, number = group
    change = rng.choice(("number", "color", "noun"))
    if change == "number":
        return noun, color, min(max(number + rng.choice((-1, 1)), 1), world.max_objects)
    if change == "color":
        return noun, _some_color(world, noun, rng), number
    other = rng.choice(nouns if nouns and rng.random() < 0.5 else world.nouns)
    return other, color if color in world.colors_of(other) else _some_color(world, other, rng), number


def _prompt_near(world: World, objects: Sequence[Detection], placed: bool, rng: random.Random) -> str:
    """A prompt like the world's own that is about, but not always exactly, what a picture shows."""
    counted = Counter((d.noun, d.color) for d in objects if d.noun in world.nouns)
    groups = [(noun, color, number) for (noun, color), number in counted.items()]
    groups = rng.sample(groups, min(len(groups), rng.choice((1, 2, 2, 3))))
    while not groups or (len(groups) == 1 and rng.random() < 0.5):
        noun = rng.choice(world.nouns)
        groups.append((noun, _some_color(world, noun, rng), rng.choice((1, 1, 1, 2, 3))))
    nouns = sorted({noun for noun, _ in counted})
    groups = [_changed(world, group, nouns, rng) if rng.random() < _CHANGE else group for group in groups]
    texts = [
        phrase(min(number, world.max_objects), color if rng.random() < 0.8 else None, noun)
        for noun, color, number in groups
    ]
    if len(texts) > 1 and rng.random() < 0.7:
        texts[:2] = [f"{texts[0]} {rng.choice(DIRECTION_WORDS)} {texts[1]}"]
    return " and ".join(texts) + (f" {_place_near(world, objects, rng)}" if placed else "")


def _place_near(world: World, objects: Sequence[Detection], rng: random.Random) -> str:
    """A wording of a place, half of the time of the picture's own: of six places another is nearly always wrong."""
    grounds = {d.noun for d in objects if d.noun not in world.nouns}
    own = [place for place in world.places if grounds & set(place.split())]
    return rng.choice(own if own and rng.random() < 0.5 else world.places)


def _made_up_claim(world: World, claim_type: str, objects: Sequence[Detection], rng: random.Random) -> Claim:
    if claim_type == "other":
        noun, number = rng.choice(world.nouns), rng.choice((0, 0, 1, 2, 3))
        color = _some_color(world, noun, rng) if rng.random() < 0.8 else None
        return (
            count_claim(noun, number, color) if number == 0 or rng.random() < 0.5 else object_claim(noun, number, color)
        )
    claims = claims_from_prompt(_prompt_near(world, objects, claim_type in _TYPES_OF_PLACES, rng))
    return rng.choice([claim for claim in claims if claim.type == claim_type] or claims)


def judged_claim(world: World, objects: Sequence[Detection], rng: random.Random, passed: bool | None = None) -> Verdict:
    """A claim about a picture with its verdict; ``passed`` asks for a right or a wrong one, without a guarantee."""
    weights = {**_TYPES, **(_TYPES_OF_PLACES if world.places else {})}
    claim_type = rng.choices(list(weights), weights=list(weights.values()))[0]
    for _ in range(_TRIES):
        verdict = world.judge(_made_up_claim(world, claim_type, objects, rng), objects)
        if (passed is None or verdict.passed == passed) and claim_type in ("other", verdict.claim.type):
            break
    return verdict


def reason(verdict: Verdict, objects: Sequence[Detection], side: int) -> str:
    """The objects that a claim is about and their middles in thousandths, in reading order, as an answer's reason."""
    nouns = {verdict.claim.noun, verdict.claim.other}
    listed = [detection for detection in objects if detection.noun in nouns]
    if not listed:
        return f"no {verdict.claim.noun}"
    return " and ".join(
        f"{detection.label} at {_thousandths(detection.center[0], side)}, {_thousandths(detection.center[1], side)}"
        for detection in listed
    )


def _thousandths(pixels: float, side: int) -> int:
    return round(pixels * 1000 / side / COORDINATE_STEP) * COORDINATE_STEP
