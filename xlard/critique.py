"""Critiques: what a critic says of a picture, claim by claim, and the rewards that follow."""

from __future__ import annotations

from dataclasses import dataclass, field

from .claims import Claim

ASPECTS = ("count", "color", "position")


@dataclass(frozen=True)
class Detection:
    """An object that a critic sees: its box in image pixels (top-left corner, y down) and what it is."""

    x: float
    y: float
    width: float
    height: float
    noun: str
    color: str | None = None
    score: float = 1.0

    @property
    def label(self) -> str:
        """Colour and noun, e.g. ``red circle``."""
        return f"{self.color} {self.noun}" if self.color else self.noun

    @property
    def center(self) -> tuple[float, float]:
        """The middle of the box in image pixels, y down."""
        return self.x + self.width / 2, self.y + self.height / 2

    def to_bounding_box(self) -> dict:
        """ComfyUI's BOUNDING_BOX dict: x, y, width, height, label, score."""
        return {"x": self.x, "y": self.y, "width": self.width, "height": self.height,
                "label": self.label, "score": self.score}


@dataclass(frozen=True)
class Verdict:
    """A claim judged: passed and score in [0, 1] (both None: the critic abstained), evidence, one sentence."""

    claim: Claim
    passed: bool | None
    score: float | None
    evidence: tuple[Detection, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Critique:
    """A critic's answer for one picture.

    ``rewards`` holds a number in [0, 1] for each aspect that the claims touch; ``confidence`` in [0, 1] is the
    critic's own; ``answer`` is its text, verbatim. An abstention has no rewards and a None score.
    """

    verdicts: tuple[Verdict, ...]
    detections: tuple[Detection, ...] = ()
    rewards: dict[str, float] = field(default_factory=dict)
    confidence: float = 1.0
    answer: str = ""
    abstained: bool = False

    @property
    def passed(self) -> bool:
        """Whether every claim holds. An abstention and an empty list of claims do not pass."""
        return bool(self.verdicts) and all(verdict.passed for verdict in self.verdicts)

    @property
    def failed_claims(self) -> int:
        """How many claims do not hold; an abstention fails all."""
        return sum(not verdict.passed for verdict in self.verdicts)

    @property
    def score(self) -> float | None:
        """Weighted mean of the claims' scores in [0, 1]; None after an abstention."""
        scored = [verdict for verdict in self.verdicts if verdict.score is not None]
        total = sum(verdict.claim.weight for verdict in scored)
        if self.abstained or total <= 0:
            return None
        return sum(verdict.score * verdict.claim.weight for verdict in scored) / total

    @property
    def failed_aspects(self) -> tuple[str, ...]:
        """The aspects with at least one failed claim, in the order of ``ASPECTS``."""
        failed = {verdict.claim.type for verdict in self.verdicts if not verdict.passed}
        return tuple(aspect for aspect in ASPECTS if aspect in failed)

    def better_than(self, other: Critique) -> bool:
        """Fewer failed claims, or as many and a higher score. Equal is not better: ties go to the earlier."""
        if self.abstained or other.abstained:
            return other.abstained and not self.abstained
        mine, theirs = (-self.failed_claims, self.score or 0.0), (-other.failed_claims, other.score or 0.0)
        return mine > theirs

    def to_dict(self) -> dict:
        """The critique as JSON-ready values."""
        return {
            "score": self.score, "passed": self.passed, "abstained": self.abstained,
            "confidence": self.confidence, "rewards": dict(self.rewards), "answer": self.answer,
            "claims": [{"type": v.claim.type, "text": v.claim.text, "score": v.score, "passed": v.passed,
                        "reason": v.reason, "boxes": [d.to_bounding_box() for d in v.evidence]}
                       for v in self.verdicts],
            "objects": [detection.to_bounding_box() for detection in self.detections],
        }
