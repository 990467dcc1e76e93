"""The ground of a picture: the snow, the forest or the sky that a prompt asks for, and that its objects stand in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..claims import Claim
from ..critique import Critique, Verdict
from ..detections import Detection, matching

SHARE = 0.5
"""Share of the picture from which on something that others may stand on or in is its ground."""

FILLED = 0.8
"""The same for something that no claim speaks of: a large object may be in front of the rest."""

_STANDING = ("on", "in", "at", "in front of")
"""Words between a thing and its ground."""


def standing(objects: Sequence[Detection], image_size: tuple[int, int]) -> list[Detection]:
    """Those of the objects of a picture, of ``image_size`` (height, width) in pixels, that do not fill it."""
    return [detection for detection in objects if _share(detection, image_size) < FILLED]


def without_ground(critique: Critique, image_size: tuple[int, int]) -> Critique:
    """The critique without what is ground, and without the claims that ask for it and hold.

    A critic puts a box around a forest as around a cat. Taken for an object, that box would leave no cell free to
    redraw and no place to move to. Ground covers half of the picture, of ``image_size`` (height, width) in pixels, and
    claims want at least one of it (``grass``), or one, with something on it or in front of it (``a wooden table``).
    What no claim speaks of is ground where it fills the picture: critics name grass that nobody asked for, too.
    Another critic sees the forest and puts no box around it; taken for missing, it would be drawn once more.
    """
    claims = [verdict.claim for verdict in critique.verdicts]
    ground = [detection for detection in critique.detections if _is_ground(detection, claims, image_size)]
    objects = tuple(detection for detection in critique.detections if detection not in ground)
    verdicts = tuple(verdict for verdict in critique.verdicts if not _holds_of_ground(verdict, ground, objects))
    if not ground and len(verdicts) == len(critique.verdicts):
        return critique
    return replace(critique, detections=objects, verdicts=verdicts)


def _holds_of_ground(verdict: Verdict, ground: Sequence[Detection], objects: Sequence[Detection]) -> bool:
    claim = verdict.claim
    if not verdict.passed or claim.type not in ("object", "count") or not claim.number:
        return False
    return bool(matching(ground, claim.noun, None)) or not matching(objects, claim.noun, None)


def _is_ground(detection: Detection, claims: Sequence[Claim], image_size: tuple[int, int]) -> bool:
    share = _share(detection, image_size)
    if not any(_speaks_of(claim, detection) for claim in claims):
        return share >= FILLED
    if share < SHARE:
        return False
    asked = [claim for claim in claims if matching([detection], claim.noun, None)]
    if any(claim.type == "count" for claim in asked):
        return all(claim.number == 1 for claim in asked) and any(_stands_on(claim, detection) for claim in claims)
    return any(claim.type == "object" and claim.number == 1 for claim in asked)


def _share(detection: Detection, image_size: tuple[int, int]) -> float:
    height, width = image_size
    return detection.width * detection.height / (height * width)


def _speaks_of(claim: Claim, detection: Detection) -> bool:
    return any(matching([detection], noun, None) for noun in (claim.noun, claim.other) if noun)


def _stands_on(claim: Claim, detection: Detection) -> bool:
    return (
        claim.type == "relation"
        and bool(claim.other)
        and bool(matching([detection], claim.other or "", None))
        and any(f" {word} {claim.other}" in claim.text for word in _STANDING)
    )
