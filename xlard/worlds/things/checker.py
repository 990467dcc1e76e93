"""The checker: judges pictures by a detector of its own. It evaluates; it is never in the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...claims import Claim
from ...critique import Critique, critique_of
from ...detections import Detection
from .detector import STRIDE, TINTS, Detector, Reading, load_detector
from .judging import verdict, whole_place
from .vocabulary import CLASSES, COLORED_CLASSES, PLACES

CERTAIN = 0.3
"""Probability from which on something is an object: on renders anything from 0.2 to 0.5 will do, on generated pictures
a reader agrees most often with 0.2 to 0.35.
"""

_SAME = 0.5
_BATCH = 64


@dataclass(frozen=True)
class Sight:
    """What the checker sees in a picture: objects, largest first, with boxes in pixels, and a place of ``PLACES``."""

    objects: list[Detection]
    place: str


def _overlap(a: Detection, b: Detection) -> float:
    """Intersection over union of two boxes."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (a.width * a.height + b.width * b.height - shared)


def read(detector: Detector, pictures: Tensor) -> Reading:
    """The mean of what a detector reads in pictures (B, 3, H, W) in [-1, 1] and in their mirror images.

    The two differ where something is hard to tell.
    """
    return detector(pictures).averaged(detector(pictures.flip(-1)).mirrored())


def sights(reading: Reading, certain: float = CERTAIN) -> list[Sight]:
    """What stands in each picture: peaks of the middles from ``certain`` on; where two overlap, the surer one."""
    probabilities = reading.middles.float().sigmoid()
    peaks = (probabilities == F.max_pool2d(probabilities, 3, 1, 1)) & (probabilities >= certain)
    found = []
    for index, place in enumerate(reading.places.argmax(dim=1).tolist()):
        candidates = []
        for kind, row, column in peaks[index].nonzero().tolist():
            x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
            left, top, right, bottom = reading.edges[index, :, row, column].tolist()
            # The first tint is that of classes without colours.
            tint = TINTS[1 + int(reading.tints[index, 1:, row, column].argmax())]
            noun = CLASSES[kind]
            color = tint if noun in COLORED_CLASSES else None
            score = probabilities[index, kind, row, column].item()
            candidates.append(Detection(x - left, y - top, left + right, top + bottom, noun, color, score))
        objects: list[Detection] = []
        for candidate in sorted(candidates, key=lambda detection: -detection.score):
            if all(_overlap(candidate, kept) < _SAME for kept in objects):
                objects.append(candidate)
        objects.sort(key=lambda detection: -detection.width * detection.height)
        found.append(Sight(objects, tuple(PLACES)[place]))
    return found


def judge(sight: Sight, claims: Sequence[Claim]) -> Critique:
    """The critique of what is seen."""
    seen = [*sight.objects, whole_place(sight.place)]
    return critique_of([verdict(claim, seen) for claim in claims], sight.objects)


class ThingsChecker:
    """``worlds.world.Checker`` with the detector of a file."""

    def __init__(self, file: Path, device: str = "cpu"):
        self.file, self.device = file, device

    @cached_property
    @torch.inference_mode(False)
    def detector(self) -> Detector:
        """The trained detector."""
        return load_detector(self.file)[0].to(self.device)

    @torch.no_grad()
    def see(self, images: Tensor) -> list[Sight]:
        """What stands in images (B, H, W, 3) in [0, 1]."""
        batches = self.pictures(images).split(_BATCH)
        return [sight for batch in batches for sight in sights(read(self.detector, batch))]

    def pictures(self, images: Tensor) -> Tensor:
        """Images (B, H, W, 3) in [0, 1] as the detector takes them."""
        return (images.permute(0, 3, 1, 2).float() * 2 - 1).to(self.device)

    def detect(self, image: Tensor) -> list[Detection]:
        """The objects of an image (H, W, 3) in [0, 1], with tight boxes in pixels, largest first."""
        return self.see(image[None])[0].objects

    def check(self, image: Tensor, claims: Sequence[Claim]) -> Critique:
        """The critique of an image (H, W, 3) in [0, 1]."""
        return self.judge(image[None], [claims])[0]

    def judge(self, images: Tensor, claims: Sequence[Sequence[Claim]]) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims."""
        return [judge(sight, claims_of_image) for sight, claims_of_image in zip(self.see(images), claims)]
