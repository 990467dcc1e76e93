"""A second look: a picture that passes is judged again in the mirror, where the critic makes other errors."""

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
from .base import Scorer

_MIRRORED = {"left of": "right of", "right of": "left of"}
_SIDED = re.compile(r"\b(left|right|clockwise|counterclockwise)\b", re.IGNORECASE)


class SecondLook:
    """Another scoring; where all claims hold, it also judges the mirrored picture, and all must hold there, too.

    If a claim fails in the mirror, the critique is that of the mirrored picture. A loop that tries until its critic
    accepts collects the critic's false acceptances; this costs one judgement for each accepted picture. Written text,
    and claims whose texts speak of left and right, cannot be judged in a mirror: such pictures are judged once.
    """

    def __init__(self, scoring: Scorer):
        self.scoring, self.name, self.samples = scoring, f"{scoring.name}, with a second look", scoring.samples

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        critiques = self.scoring.judge(backend, images, claims, sampling)
        passed = [row for row, critique in enumerate(critiques) if critique.passed and all(map(_mirrors, claims[row]))]
        if not passed:
            return critiques
        mirrored = self.scoring.judge(
            backend, images[passed].flip(2), [[_mirror(claim) for claim in claims[row]] for row in passed], sampling
        )
        for row, critique in zip(passed, mirrored):
            if not critique.passed and not critique.abstained:
                critiques[row] = _turned_back(critique, claims[row], images.shape[2])
        return critiques


def _mirrors(claim: Claim) -> bool:
    """Whether a claim can be judged in a mirror."""
    return not claim.zone and (decidable(claim) or (claim.type != "text" and not _SIDED.search(claim.text)))


def _mirror(claim: Claim) -> Claim:
    if claim.direction not in _MIRRORED:
        return claim
    mirrored = position_claim(
        claim.noun, _MIRRORED[claim.direction], claim.other or "", claim.number, claim.color, claim.other_color
    )
    return replace(mirrored, weight=claim.weight)


def _turned_back(critique: Critique, claims: Sequence[Claim], width: float) -> Critique:
    """The critique of a mirrored picture as one of the picture."""

    def turn(d: Detection) -> Detection:
        return replace(d, x=width - d.x - d.width, mask=None if d.mask is None else d.mask.flip(-1))

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
