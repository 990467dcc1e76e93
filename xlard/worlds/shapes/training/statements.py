"""Claims about annotated pictures, right and wrong ones, and sentences that say what is there."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from ....claims import Claim, count_claim, object_claim
from ....critique import Verdict
from ....detections import Detection
from ....prompts import claims_from_prompt
from ....rewards import critique_from_detections
from ..critic_model import COORDINATE_STEP
from ...prompts import DIRECTION_WORDS, phrase
from ..vocabulary import COLOR_NAMES, MAX_OBJECTS, SHAPES, SIDE

_CHANGE = 0.35
_TRIES = 16
_TYPES = ("count", "color", "position", "other")


def _changed(group: tuple[str, str | None, int], rng: random.Random) -> tuple[str, str | None, int]:
    noun, color, number = group
    change = rng.choice(("number", "color", "noun"))
    if change == "number":
        return noun, color, min(max(number + rng.choice((-1, 1)), 1), MAX_OBJECTS)
    return (noun, rng.choice(COLOR_NAMES), number) if change == "color" else (rng.choice(SHAPES), color, number)


def _prompt_near(objects: Sequence[Detection], rng: random.Random) -> str:
    """A prompt like the world's own that is about, but not always exactly, what a picture shows."""
    counted = Counter((d.noun, d.color) for d in objects if d.noun in SHAPES)
    groups = [(noun, color, number) for (noun, color), number in counted.items()]
    groups = rng.sample(groups, min(len(groups), rng.choice((1, 2, 2, 3))))
    while not groups or (len(groups) == 1 and rng.random() < 0.5):
        groups.append((rng.choice(SHAPES), rng.choice(COLOR_NAMES), rng.choice((1, 1, 1, 2, 3))))
    groups = [_changed(group, rng) if rng.random() < _CHANGE else group for group in groups]
    texts = [
        phrase(min(number, MAX_OBJECTS), color if rng.random() < 0.8 else None, noun) for noun, color, number in groups
    ]
    if len(texts) > 1 and rng.random() < 0.7:
        texts[:2] = [f"{texts[0]} {rng.choice(DIRECTION_WORDS)} {texts[1]}"]
    return " and ".join(texts)


def _made_up_claim(claim_type: str, objects: Sequence[Detection], rng: random.Random) -> Claim:
    if claim_type == "other":
        noun, color, number = rng.choice(SHAPES), rng.choice((None, *COLOR_NAMES)), rng.choice((0, 0, 1, 2, 3))
        return (
            count_claim(noun, number, color) if number == 0 or rng.random() < 0.5 else object_claim(noun, number, color)
        )
    claims = claims_from_prompt(_prompt_near(objects, rng))
    return rng.choice([claim for claim in claims if claim.type == claim_type] or claims)


def judged_claim(objects: Sequence[Detection], rng: random.Random, passed: bool | None = None) -> Verdict:
    """A claim about a picture with its verdict; ``passed`` asks for a right or a wrong one, without a guarantee."""
    claim_type = rng.choices(_TYPES, weights=(3, 3, 3, 1))[0]
    for _ in range(_TRIES):
        (verdict,) = critique_from_detections([_made_up_claim(claim_type, objects, rng)], objects, SIDE).verdicts
        if (passed is None or verdict.passed == passed) and claim_type in ("other", verdict.claim.type):
            break
    return verdict


def reason(verdict: Verdict, objects: Sequence[Detection]) -> str:
    """The objects that a claim is about and their middles in thousandths, in reading order, as an answer's reason."""
    nouns = {verdict.claim.noun, verdict.claim.other}
    listed = [detection for detection in objects if detection.noun in nouns]
    if not listed:
        return f"no {verdict.claim.noun}"
    return " and ".join(
        f"{detection.label} at {_thousandths(detection.center[0])}, {_thousandths(detection.center[1])}"
        for detection in listed
    )


def _thousandths(pixels: float) -> int:
    return round(pixels * 1000 / SIDE / COORDINATE_STEP) * COORDINATE_STEP
