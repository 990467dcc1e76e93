"""Two critics as one: a detector for what boxes show, a language model for the rest; where they differ, no verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from ..claims import Claim
from ..critique import Critique, Verdict, critique_of, no_verdict
from ..detections import Detection, matching, overlap
from ..protocols import Judge
from ..rewards import region_scores

SAME_OBJECT = 0.5
"""Overlap (IoU) from which boxes of two critics show one object: they draw them more or less tightly."""


class CriticPair:
    """Implements ``protocols.Judge`` with two critics, each of which is asked about every claim.

    Where only one of them has a verdict it counts, and so does the detector's where both agree. Where they disagree
    there is none: the claim does not hold, no object is blamed for it, and the confidence of the critique falls by the
    share of such claims.
    """

    def __init__(self, detector: Judge, language: Judge):
        self.detector, self.language = detector, language

    def judge(self, images: Tensor, claims: Sequence[Sequence[Claim]]) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises what the two raise."""
        # One after the other: each fills the memory that it needs.
        seen = self.detector.judge(images, claims)
        said = self.language.judge(images, claims)
        return [_joined(*row) for row in zip(claims, seen, said)]


def _joined(claims: Sequence[Claim], seen: Critique, said: Critique) -> Critique:
    objects = _all_objects(seen, said)
    pairs = list(zip(_verdicts(claims, seen), _verdicts(claims, said)))
    verdicts = []
    for verdict in (_joined_verdict(*pair) for pair in pairs):
        evidence = (_counterpart(detection, objects) or detection for detection in verdict.evidence)
        verdicts.append(replace(verdict, evidence=tuple(dict.fromkeys(evidence))))
    disagreements = sum(None not in (a.passed, b.passed) and a.passed != b.passed for a, b in pairs)
    agreed = 1 - disagreements / max(len(pairs), 1)
    stated = [critique.confidence for critique in (seen, said) if not critique.abstained]
    return critique_of(
        verdicts, objects, agreed * min(stated, default=0.0), said.answer, region_scores(verdicts, objects)
    )


def _verdicts(claims: Sequence[Claim], critique: Critique) -> list[Verdict]:
    verdict_on = {verdict.claim: verdict for verdict in critique.verdicts}
    return [verdict_on.get(claim) or no_verdict(claim, "it says nothing of this") for claim in claims]


def _joined_verdict(by_boxes: Verdict, in_words: Verdict) -> Verdict:
    if by_boxes.passed is None:
        return in_words if in_words.passed is not None else _unsure("no verdict", by_boxes, in_words)
    if in_words.passed is None or in_words.passed == by_boxes.passed:
        return by_boxes
    return _unsure("unsure, the two critics disagree", by_boxes, in_words)


def _unsure(cause: str, by_boxes: Verdict, in_words: Verdict) -> Verdict:
    reason = f"{cause}. Detector: {_told(by_boxes)}. Language model: {_told(in_words)}"
    return Verdict(by_boxes.claim, None, None, by_boxes.evidence, reason)


def _told(verdict: Verdict) -> str:
    held = {True: "holds, ", False: "does not hold, ", None: ""}[verdict.passed]
    return f"{held}{verdict.reason.rstrip('.')}"


def _all_objects(seen: Critique, said: Critique) -> list[Detection]:
    """The detector's objects, with the language model's colours where they have none, and the language model's of
    nouns on which the detector has no verdict.
    """
    objects = []
    for detection in seen.detections:
        partner = None if detection.color else _counterpart(detection, said.detections)
        objects.append(replace(detection, color=partner.color) if partner else detection)
    judged = [verdict.claim for verdict in seen.verdicts if verdict.passed is not None]
    nouns = {noun for claim in judged for noun in (claim.noun, claim.other) if noun} | {d.noun for d in objects}
    return [*objects, *(d for d in said.detections if not any(matching([d], noun, None) for noun in nouns))]


def _counterpart(detection: Detection, others: Sequence[Detection]) -> Detection | None:
    """Which of other detections shows the same object, by noun and overlap; the first of those that do so best."""
    same = [
        other for other in others if matching([other], detection.noun, None) or matching([detection], other.noun, None)
    ]
    best = max(same, key=lambda other: overlap(detection, other), default=None)
    return best if best and overlap(detection, best) >= SAME_OBJECT else None
