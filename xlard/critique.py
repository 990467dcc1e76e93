"""Critiques: what a critic says of a picture, claim by claim, and the rewards that follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from .claims import Claim
from .detections import Detection

ASPECTS = ("count", "color", "position", "object", "attribute", "quality")

ASPECT_OF = {
    "count": "count",
    "color": "color",
    "position": "position",
    "object": "object",
    "attribute": "attribute",
    "relation": "attribute",
    "text": "attribute",
    "custom": "quality",
}
"""The aspect that a claim's score counts for, by the claim's type."""

PRESERVATION = "preservation"
"""What must not change in a picture that is edited: an aspect of critiques, which no head is trained for."""

REPORTED = (*ASPECTS, PRESERVATION)
"""Every aspect of a critique's rewards."""


def aspect_of(claim: Claim) -> str:
    """The aspect that a claim's score counts for."""
    return PRESERVATION if claim.keep else ASPECT_OF[claim.type]


@dataclass(frozen=True)
class Verdict:
    """A claim judged: passed and score in [0, 1] (both None: the critic abstained), evidence, one sentence.

    ``spread`` is the standard deviation of the score over repeated judgements, 0 for a single one.
    """

    claim: Claim
    passed: bool | None
    score: float | None
    evidence: tuple[Detection, ...] = ()
    reason: str = ""
    spread: float = 0.0


@dataclass(frozen=True)
class RegionScore:
    """A box with a score in [0, 1] of its own, and why (SRUM, arXiv 2510.12784)."""

    detection: Detection
    score: float
    reason: str = ""


@dataclass(frozen=True)
class Critique:
    """A critic's answer for one picture.

    ``rewards`` holds a number in [0, 1] for each aspect that judged claims touch; ``confidence`` in [0, 1] is the
    critic's own; ``answer`` is its text, verbatim; ``regions`` are scores of single boxes. A critique whose claims have
    no verdict at all is an abstention: no rewards, and a None score."""

    verdicts: tuple[Verdict, ...]
    detections: tuple[Detection, ...] = ()
    rewards: dict[str, float] = field(default_factory=dict)
    confidence: float = 1.0
    answer: str = ""
    regions: tuple[RegionScore, ...] = ()

    @property
    def abstained(self) -> bool:
        """Whether there are claims and the critic gave a verdict on none of them."""
        return bool(self.verdicts) and all(verdict.score is None for verdict in self.verdicts)

    @property
    def abstentions(self) -> int:
        """How many claims the critic gave no verdict on."""
        return sum(verdict.score is None for verdict in self.verdicts)

    @property
    def passed(self) -> bool:
        """Whether every claim holds. An abstention and an empty list of claims do not pass."""
        return bool(self.verdicts) and all(verdict.passed for verdict in self.verdicts)

    @property
    def failed_claims(self) -> int:
        """How many claims do not hold; an abstention fails all."""
        return sum(not verdict.passed for verdict in self.verdicts)

    @property
    def broken(self) -> int:
        """How many claims to keep do not hold."""
        return sum(not verdict.passed for verdict in self.verdicts if verdict.claim.keep)

    @property
    def score(self) -> float | None:
        """Weighted mean of the scores in [0, 1] of the claims with a verdict; None where there is none."""
        scored = [verdict for verdict in self.verdicts if verdict.score is not None]
        total = sum(verdict.claim.weight for verdict in scored)
        if total <= 0:
            return None
        return min(sum(verdict.score * verdict.claim.weight for verdict in scored) / total, 1.0)

    @property
    def spread(self) -> float:
        """Standard deviation of ``score``, if the claims' spreads are independent."""
        scored = [verdict for verdict in self.verdicts if verdict.score is not None]
        total = sum(verdict.claim.weight for verdict in scored)
        if total <= 0:
            return 0.0
        return math.sqrt(sum((verdict.claim.weight * verdict.spread) ** 2 for verdict in scored)) / total

    @property
    def failed_aspects(self) -> tuple[str, ...]:
        """The aspects with at least one failed claim, in the order of ``REPORTED``."""
        failed = {aspect_of(verdict.claim) for verdict in self.verdicts if not verdict.passed}
        return tuple(aspect for aspect in REPORTED if aspect in failed)

    def better_than(self, other: Critique) -> bool:
        """Fewer failed claims; of as many, fewer of those to keep, then a score that is higher by more than both
        spreads.

        What was not done can be tried again, what was broken is lost. Ties go to the earlier.
        """
        if self.abstained or other.abstained:
            return other.abstained and not self.abstained
        own, others = (self.failed_claims, self.broken), (other.failed_claims, other.broken)
        if own != others:
            return own < others
        return (self.score or 0.0) - (other.score or 0.0) > math.hypot(self.spread, other.spread)

    def to_dict(self) -> dict:
        """The critique as JSON-ready values."""
        return {
            "score": self.score,
            "spread": self.spread,
            "passed": self.passed,
            "abstained": self.abstained,
            "confidence": self.confidence,
            "rewards": dict(self.rewards),
            "answer": self.answer,
            "claims": [
                {
                    "type": v.claim.type,
                    "text": v.claim.text,
                    "keep": v.claim.keep,
                    "weight": v.claim.weight,
                    "score": v.score,
                    "spread": v.spread,
                    "passed": v.passed,
                    "reason": v.reason,
                    "boxes": [d.to_bounding_box() for d in v.evidence],
                }
                for v in self.verdicts
            ],
            "objects": [detection.to_bounding_box() for detection in self.detections],
            "regions": [{**r.detection.to_bounding_box(), "score": r.score, "reason": r.reason} for r in self.regions],
        }


def critique_of(
    verdicts: Sequence[Verdict],
    detections: Sequence[Detection] = (),
    confidence: float = 1.0,
    answer: str = "",
    regions: Sequence[RegionScore] = (),
) -> Critique:
    """A critique whose rewards are the mean scores of each aspect's judged claims."""
    rewards = {}
    for aspect in REPORTED:
        scores = [v.score for v in verdicts if aspect_of(v.claim) == aspect and v.score is not None]
        if scores:
            rewards[aspect] = sum(scores) / len(scores)
    return Critique(tuple(verdicts), tuple(detections), rewards, confidence, answer, tuple(regions))


def no_verdict(claim: Claim, reason: str) -> Verdict:
    """What becomes of a claim on which an answer could not be read: no score, never a made-up number."""
    return Verdict(claim, None, None, (), reason)
