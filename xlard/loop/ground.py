"""The ground of a picture: the snow, the forest or the sky that a prompt asks for, and that its objects stand in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..claims import Claim
from ..critique import Critique
from ..detections import Detection, matching

SHARE = 0.5
"""Share of the picture from which on something that is not counted is its ground."""


def without_ground(critique: Critique, image_size: tuple[int, int]) -> Critique:
    """The critique without what is ground, and without the claims that ask for it and hold.

    A critic puts a box around a forest as around a cat. Taken for an object, that box would leave no cell free to
    redraw and no place to move to. Ground is what claims want at least one of and what covers half of the picture, of
    ``image_size`` (height, width) in pixels.
    """
    claims = [verdict.claim for verdict in critique.verdicts]
    ground = [detection for detection in critique.detections if _is_ground(detection, claims, image_size)]
    if not ground:
        return critique
    return replace(
        critique,
        detections=tuple(detection for detection in critique.detections if detection not in ground),
        verdicts=tuple(
            verdict
            for verdict in critique.verdicts
            if not (verdict.passed and verdict.claim.type == "object" and matching(ground, verdict.claim.noun, None))
        ),
    )


def _is_ground(detection: Detection, claims: Sequence[Claim], image_size: tuple[int, int]) -> bool:
    height, width = image_size
    asked = [claim for claim in claims if matching([detection], claim.noun, None)]
    uncounted = any(claim.type == "object" and claim.number == 1 for claim in asked)
    uncounted = uncounted and not any(claim.type == "count" for claim in asked)
    return uncounted and detection.width * detection.height >= SHARE * height * width
