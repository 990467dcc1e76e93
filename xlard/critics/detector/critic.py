"""The critic that is a detector: it looks for the claims' nouns, and boxes and pixels decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from ...claims import Claim
from ...critique import Critique
from ...detections import Detection
from ...rewards import abstention
from ..backend import UnreadableAnswer
from ..scoring.preservation import judge_with_source
from .judging import PIXELS, ColorReader, judge_seen, nouns_of


class Detector(Protocol):
    """Whatever puts boxes around nouns."""

    @property
    def name(self) -> str:
        """What reasons and errors call it."""

    @property
    def exact(self) -> bool:
        """Whether its nouns are labels as they stand, so that no label counts as another one's last word."""

    def knows(self, noun: str) -> bool:
        """Whether it can look for a noun in the singular."""

    def detect(self, image: Tensor, nouns: Sequence[str]) -> list[Detection]:
        """Where nouns that it knows are in an image (H, W, 3) in [0, 1]; boxes are in pixels.

        Raises UnreadableAnswer if its scores are no numbers, CriticError if it cannot run.
        """


class DetectorCritic:
    """Implements ``protocols.Judge`` with any detector. It says what it cannot judge: there is no verdict on that.

    ``reader`` tells the colours of what the detector finds.
    """

    def __init__(self, detector: Detector, reader: ColorReader = PIXELS):
        self.detector, self.reader = detector, reader

    def judge(self, images: Tensor, claims: Sequence[Sequence[Claim]]) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims.

        Raises CriticError, and ValueError for an image whose size is not that of the source that it edits.
        """

        def judge(plain_claims: Sequence[Sequence[Claim]]) -> list[Critique]:
            return [self._judge(image, own) for image, own in zip(images, plain_claims)]

        return judge_with_source(images, claims, judge)

    def _judge(self, image: Tensor, claims: Sequence[Claim]) -> Critique:
        nouns = [noun for noun in nouns_of(claims) if self.detector.knows(noun)]
        try:
            found = self.detector.detect(image, nouns) if nouns else []
        except UnreadableAnswer as error:
            return abstention(claims, "", str(error))
        return judge_seen(claims, found, image, self._why_unknown, self.detector.exact, self.reader)

    def _why_unknown(self, noun: str) -> str:
        return "" if self.detector.knows(noun) else f"the detector {self.detector.name} does not know the noun '{noun}'"
