"""A critic whose objects have masks, by a segmenter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from torch import Tensor

from ...claims import Claim
from ...critique import Critique
from ...detections import Detection
from ...protocols import Judge


class Segmenter(Protocol):
    """Whatever makes masks of boxes."""

    def masks(self, image: Tensor, detections: Sequence[Detection]) -> list[Tensor | None]:
        """A mask (H, W) of 0 and 1 for each box in an image (H, W, 3) in [0, 1]; None where there is none."""


class MaskedCritic:
    """Implements ``protocols.Judge`` with another critic, whose verdicts count; its objects get masks.

    Objects that have one keep it. Where the segmenter sees nothing in a box, only the box is known.
    """

    def __init__(self, critic: Judge, segmenter: Segmenter):
        self.critic, self.segmenter = critic, segmenter

    def judge(self, images: Tensor, claims: Sequence[Sequence[Claim]]) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises what the two raise."""
        return [self._masked(image, critique) for image, critique in zip(images, self.critic.judge(images, claims))]

    def _masked(self, image: Tensor, critique: Critique) -> Critique:
        bare = list(dict.fromkeys(d for d in _objects(critique) if d.mask is None))
        mask_of = dict(zip(bare, self.segmenter.masks(image, bare)))

        def masked(detection: Detection) -> Detection:
            mask = detection.mask if detection.mask is not None else mask_of.get(detection)
            return replace(detection, mask=mask)

        return replace(
            critique,
            detections=tuple(map(masked, critique.detections)),
            verdicts=tuple(
                replace(verdict, evidence=tuple(map(masked, verdict.evidence))) for verdict in critique.verdicts
            ),
            regions=tuple(replace(region, detection=masked(region.detection)) for region in critique.regions),
        )


def _objects(critique: Critique) -> list[Detection]:
    evidence = (detection for verdict in critique.verdicts for detection in verdict.evidence)
    return [*critique.detections, *evidence, *(region.detection for region in critique.regions)]
