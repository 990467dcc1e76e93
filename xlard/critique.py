"""Critiques: a critic's judgement of a picture, claim by claim, and the rewards that follow from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .aspects import REPORTED, aspect_of
from .claims import Claim
from .detections import Detection


@dataclass(frozen=True)
class Verdict:
    """The judgement of a claim.

    ``passed`` and ``score`` in [0, 1] are both None where there is no verdict: the critic could not tell, or two
    critics disagree. Such a claim does not hold, and blames no object. ``evidence`` are the objects that the judgement
    rests on, ``reason`` is one sentence. ``spread`` is the standard deviation of the score over repeated judgements, 0
    for a single one.
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

    ``rewards`` holds a number in [0, 1] for each aspect that has a judged claim. ``confidence`` in [0, 1] is stated by
    the critic, ``answer`` is its text, verbatim, ``regions`` are scores of single boxes. A critique in which no claim
    has a verdict is an abstention: it has no rewards, and its score is None.
    """

    verdicts: tuple[Verdict, ...]
    detections: tuple[Detection, ...] = ()
    rewards: dict[str, float] = field(default_factory=dict)
    confidence: float = 1.0
    answer: str = ""
    regions: tuple[RegionScore, ...] = ()

    @property
    def abstained(self) -> bool:
        """Whether there are claims and none of them has a verdict."""
        return bool(self.verdicts) and all(verdict.score is None for verdict in self.verdicts)

    @property
    def abstentions(self) -> int:
        """How many claims have no verdict."""
        return sum(verdict.score is None for verdict in self.verdicts)

    @property
    def passed(self) -> bool:
        """Whether every claim holds. An abstention and an empty list of claims do not pass."""
        return bool(self.verdicts) and all(verdict.passed for verdict in self.verdicts)

    @property
    def failed_claims(self) -> int:
        """How many claims do not hold, claims without a verdict included."""
        return sum(not verdict.passed for verdict in self.verdicts)

    @property
    def broken(self) -> int:
        """How many claims to keep do not hold."""
        return sum(not verdict.passed for verdict in self.verdicts if verdict.claim.keep)

    @property
    def score(self) -> float | None:
        """Weighted mean of the scores in [0, 1] of the claims with a verdict; None if no claim has one."""
        return weighted_score(self.verdicts)

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
        """Whether this is a critique of a better picture than another one.

        It is with fewer failed claims; if they are as many, with fewer failed claims to keep, since what was not done
        can be tried again and what was broken is lost; then with a score that is higher by more than both spreads.
        Any verdict is better than an abstention.
        """
        if self.abstained or other.abstained:
            return other.abstained and not self.abstained
        failures, other_failures = (self.failed_claims, self.broken), (other.failed_claims, other.broken)
        if failures != other_failures:
            return failures < other_failures
        return (self.score or 0.0) - (other.score or 0.0) > math.hypot(self.spread, other.spread)

    def to_dict(self) -> dict[str, Any]:
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


def weighted_score(verdicts: Sequence[Verdict]) -> float | None:
    """Weighted mean in [0, 1] of the scores of the claims with a verdict; None if no claim has one."""
    scored = [(verdict.score, verdict.claim.weight) for verdict in verdicts if verdict.score is not None]
    total = sum(weight for _, weight in scored)
    if total <= 0:
        return None
    return min(sum(score * weight for score, weight in scored) / total, 1.0)


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
    """The verdict on a claim for which no answer could be read: without a score, never a made-up number."""
    return Verdict(claim, None, None, (), reason)


ACCEPTED = "You marked it as fine as it is."
"""The reason of a verdict on a claim that the artist has accepted."""


def with_accepted(critique: Critique) -> Critique:
    """The critique of a picture with the claims that the artist has accepted as held; their evidence stays."""
    if not any(verdict.claim.accepted for verdict in critique.verdicts):
        return critique
    verdicts = [
        replace(verdict, passed=True, score=1.0, reason=ACCEPTED, spread=0.0) if verdict.claim.accepted else verdict
        for verdict in critique.verdicts
    ]
    return critique_of(verdicts, critique.detections, critique.confidence, critique.answer, critique.regions)
