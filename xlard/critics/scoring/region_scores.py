"""Regional scores: each box that the model sees is put to it on its own (SRUM, arXiv 2510.12784)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, RegionScore
from ...detections import Detection
from .. import questions
from ..backend import GREEDY, Ask, Backend, Sampling
from .base import Scoring
from .grounded import list_objects


class WithRegionScores:
    """Another way, and for each box P(yes) of the question whether what it was called is there."""

    def __init__(self, way: Scoring):
        self.way, self.name, self.samples = way, f"{way.name}, with regions", way.samples

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        critiques = self.way.judge(backend, images, claims, sampling)
        # A critique with an answer comes from a way that has listed the objects itself.
        missing = [row for row, critique in enumerate(critiques) if not critique.answer and not critique.abstained]
        if missing:
            for row, reply in zip(missing, list_objects(backend, images[missing], [claims[row] for row in missing])):
                critiques[row] = replace(critiques[row], detections=tuple(reply.value or ()))
        height, width = images.shape[1:3]
        asked = [(row, found) for row, critique in enumerate(critiques) for found in critique.detections]
        pictures = list(images)
        asks = [Ask(_question(backend, pictures[row], found, width, height), pictures[row]) for row, found in asked]
        scores = backend.probability_of_yes(asks) if asks else []
        regions: list[list[RegionScore]] = [[] for _ in critiques]
        for (row, found), score in zip(asked, scores):
            if score is not None:
                regions[row].append(RegionScore(found, score, f"{found.label}: yes with {score:.0%}"))
        return [replace(critique, regions=tuple(own)) for critique, own in zip(critiques, regions)]


def _question(backend: Backend, image: Tensor, found: Detection, width: float, height: float) -> str:
    box = (found.x / width, found.y / height, (found.x + found.width) / width, (found.y + found.height) / height)
    return questions.region(backend.boxes.write(box, *backend.seen_size(image)), found.label)
