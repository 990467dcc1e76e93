"""Zoom: what is unsure about one thing is asked again about an enlarged crop around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, critique_of
from ...detections import Detection, matching
from ...rewards import region_scores
from ..backend import GREEDY, Backend, Sampling
from .base import Scorer
from .grounded import list_objects
from .per_claim import PerClaim

UNSURE = 0.25
"""A score is unsure that is at least this far from 0 and from 1."""

SMALL = 0.1
"""A thing whose longer side is a smaller share of the picture's is unsure to the eye, whatever the score."""

CONTEXT = 0.5
"""How much of its own width and height a box is grown by, all in all."""

_ABOUT_ONE_THING = ("attribute", "color")
"""Counts, positions and relations need the whole picture, and written text has no box."""


class Zoomed:
    """Another scoring; claims that it is unsure of are asked again about a crop, and the mean of both scores counts.

    It looks closer at the attributes and the colour of a thing that is seen once: where the score is unsure, judgements
    disagree, or the thing is small. At a mean of 0.5 the closer look decides. What the scoring decides by boxes is then
    asked about in words. A crop costs one judgement of its claim; a scoring that lists no objects has them listed for
    pictures with such a claim.
    """

    def __init__(self, scoring: Scorer):
        self.scoring, self.name, self.samples = scoring, f"{scoring.name}, with zoom", scoring.samples
        self._closer: Scorer = PerClaim() if scoring.samples else scoring

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        critiques = self.scoring.judge(backend, images, claims, sampling)
        return [self._looked_closer(backend, image, critique, sampling) for image, critique in zip(images, critiques)]

    def _looked_closer(self, backend: Backend, image: Tensor, critique: Critique, sampling: Sampling) -> Critique:
        candidates = [verdict for verdict in critique.verdicts if _can_be_zoomed(verdict)]
        if not candidates:
            return critique
        seen = critique.detections
        if not critique.answer and not seen:
            ((listed),) = list_objects(backend, image[None], [[verdict.claim for verdict in candidates]])
            seen = tuple(listed.value or ())
        side = max(image.shape[:2])
        verdicts = []
        for verdict in critique.verdicts:
            box = _box_of(verdict, seen) if verdict in candidates else None
            if box is not None and _is_unsure(verdict, box, side):
                verdict = self._asked_again(backend, image, verdict, box, sampling)
            verdicts.append(verdict)
        regions = region_scores(verdicts, seen) if critique.regions else ()
        return critique_of(verdicts, seen, critique.confidence, critique.answer, regions)

    def _asked_again(
        self, backend: Backend, image: Tensor, verdict: Verdict, box: Detection, sampling: Sampling
    ) -> Verdict:
        (critique,) = self._closer.judge(backend, enlarged(image, box)[None], [[verdict.claim]], sampling)
        (closer,) = critique.verdicts
        if closer.score is None or verdict.score is None:
            return verdict
        score = (verdict.score + closer.score) / 2
        passed = closer.passed if score == 0.5 else score > 0.5
        return replace(verdict, score=score, passed=passed, reason=f"{verdict.reason}; closer: {closer.reason}")


def enlarged(image: Tensor, box: Detection) -> Tensor:
    """The part of an image (H, W, 3) around a box, with its surroundings, as large as the image's longer side."""
    height, width = image.shape[:2]
    grow_x, grow_y = box.width * CONTEXT / 2, box.height * CONTEXT / 2
    left, right = max(0, int(box.x - grow_x)), min(width, round(box.x + box.width + grow_x) + 1)
    top, bottom = max(0, int(box.y - grow_y)), min(height, round(box.y + box.height + grow_y) + 1)
    crop = image[top:bottom, left:right].movedim(-1, 0)[None]
    factor = max(height, width) / max(crop.shape[-2:])
    size = [max(1, round(side * factor)) for side in crop.shape[-2:]]
    return F.interpolate(crop, size=size, mode="bicubic", antialias=True)[0].movedim(0, -1).clamp(0, 1)


def _can_be_zoomed(verdict: Verdict) -> bool:
    return verdict.score is not None and verdict.claim.type in _ABOUT_ONE_THING and bool(verdict.claim.noun)


def _box_of(verdict: Verdict, seen: Sequence[Detection]) -> Detection | None:
    """The box of the only thing that a claim is about."""
    things = matching(seen, verdict.claim.noun, None)
    return things[0] if len(things) == 1 else None


def _is_unsure(verdict: Verdict, box: Detection, side: float) -> bool:
    assert verdict.score is not None
    return UNSURE <= verdict.score <= 1 - UNSURE or verdict.spread > 0 or max(box.width, box.height) < SMALL * side
