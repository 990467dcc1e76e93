"""Region scores: the model is asked about each of its boxes alone (SRUM, arXiv 2510.12784)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, RegionScore
from ...detections import Detection
from .. import questions
from ..backend import GREEDY, Ask, Backend, Sampling
from .base import Scorer
from .grounded import list_objects


class WithRegionScores:
    """Another scoring, and for each box P(yes) of the question whether the box holds what its label says."""

    def __init__(self, scoring: Scorer):
        self.scoring, self.name, self.samples = scoring, f"{scoring.name}, with regions", scoring.samples

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        critiques = self.scoring.judge(backend, images, claims, sampling)
        # A critique with an answer comes from a scoring that lists the objects itself.
        unlisted = [row for row, critique in enumerate(critiques) if not critique.answer and not critique.abstained]
        if unlisted:
            for row, reply in zip(unlisted, list_objects(backend, images[unlisted], [claims[row] for row in unlisted])):
                critiques[row] = replace(critiques[row], detections=tuple(reply.value or ()))
        height, width = images.shape[1:3]
        rows = [(row, detection) for row, critique in enumerate(critiques) for detection in critique.detections]
        pictures = list(images)
        asks = [Ask(_question(backend, pictures[row], d, width, height), pictures[row]) for row, d in rows]
        scores = backend.probability_of_yes(asks) if asks else []
        regions: list[list[RegionScore]] = [[] for _ in critiques]
        for (row, detection), score in zip(rows, scores):
            if score is not None and math.isfinite(score):
                regions[row].append(RegionScore(detection, score, f"{detection.label}: yes with {score:.0%}"))
        return [
            replace(critique, regions=tuple(regions_of_picture))
            for critique, regions_of_picture in zip(critiques, regions)
        ]


def _question(backend: Backend, image: Tensor, d: Detection, width: float, height: float) -> str:
    box = (d.x / width, d.y / height, (d.x + d.width) / width, (d.y + d.height) / height)
    return questions.region(backend.boxes.write(box, *backend.seen_size(image)), d.label)
