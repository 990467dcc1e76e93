"""A second look: what passes is judged once more in the mirror, so that one slip of the critic is not enough."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from ...claims import Claim, position_claim
from ...critique import Critique
from ...detections import Detection
from ...rewards import decidable
from ..backend import GREEDY, Backend, Sampling
from .base import Scoring

_MIRRORED = {"left of": "right of", "right of": "left of"}
_SIDED = re.compile(r"\b(left|right|clockwise|counterclockwise)\b", re.IGNORECASE)


class SecondLook:
    """Another way, asked again about the mirrored picture where all claims hold; the picture passes if they do there,
    too.

    What is wrong in the mirror becomes the critique. A loop that tries until its critic accepts collects the critic's
    false acceptances; this costs one judgement for each accepted picture. Written text and claims in words about left
    and right cannot be judged in a mirror: pictures with such claims are looked at once."""

    def __init__(self, way: Scoring):
        self.way, self.name, self.samples = way, f"{way.name}, with a second look", way.samples

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        critiques = self.way.judge(backend, images, claims, sampling)
        again = [row for row, critique in enumerate(critiques) if critique.passed and all(map(_mirrors, claims[row]))]
        if not again:
            return critiques
        mirrored = self.way.judge(
            backend, images[again].flip(2), [[_mirror(claim) for claim in claims[row]] for row in again], sampling
        )
        for row, seen in zip(again, mirrored):
            if not seen.passed and not seen.abstained:
                critiques[row] = _back(seen, claims[row], images.shape[2])
        return critiques


def _mirrors(claim: Claim) -> bool:
    return not claim.zone and (decidable(claim) or (claim.type != "text" and not _SIDED.search(claim.text)))


def _mirror(claim: Claim) -> Claim:
    if claim.direction not in _MIRRORED:
        return claim
    turned = position_claim(
        claim.noun, _MIRRORED[claim.direction], claim.other, claim.number, claim.color, claim.other_color
    )
    return replace(turned, weight=claim.weight)


def _back(critique: Critique, claims: Sequence[Claim], width: float) -> Critique:
    """A mirrored picture's critique as one of the picture."""

    def turn(d: Detection) -> Detection:
        return replace(d, x=width - d.x - d.width)

    verdicts = [
        replace(
            verdict, claim=claim, evidence=tuple(map(turn, verdict.evidence)), reason=f"{verdict.reason} (second look)"
        )
        for verdict, claim in zip(critique.verdicts, claims)
    ]
    return replace(
        critique,
        verdicts=tuple(verdicts),
        detections=tuple(map(turn, critique.detections)),
        regions=tuple(replace(region, detection=turn(region.detection)) for region in critique.regions),
    )
