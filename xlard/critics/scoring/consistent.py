"""Self-consistency: the same judgement several times at a temperature. The mean counts, the spread is uncertainty."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, critique_of, no_verdict
from ..backend import GREEDY, Backend, Sampling
from .base import Scorer


class Consistent:
    """Several ``judgements`` by another scoring. A claim holds if more than half of them say so.

    Raises ValueError for a scoring whose judgements never vary.
    """

    samples = False

    def __init__(self, scoring: Scorer, judgements: int, temperature: float):
        if not scoring.samples:
            raise ValueError(f"Scoring by {scoring.name} reads probabilities, which do not vary: judge once.")
        if judgements < 2 or temperature <= 0:
            raise ValueError(
                f"Repeated judgements need at least 2 of them and a temperature above 0, not {judgements} at "
                f"{temperature}."
            )
        self.scoring, self.judgements, self.temperature = scoring, judgements, temperature
        self.name = f"{scoring.name}, {judgements} times"

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        rounds = [
            self.scoring.judge(backend, images, claims, Sampling(self.temperature, sampling.seed + number))
            for number in range(self.judgements)
        ]
        return [_merged(critiques) for critiques in zip(*rounds)]


def _merged(critiques: Sequence[Critique]) -> Critique:
    verdicts = [_mean(repeated) for repeated in zip(*(critique.verdicts for critique in critiques))]
    mean = critique_of(verdicts)
    # Boxes cannot be averaged: the judgement that is nearest to the mean gives them.
    nearest = min(
        critiques, key=lambda critique: (critique.abstained, abs((critique.score or 0.0) - (mean.score or 0.0)))
    )
    evidence = {verdict.claim: verdict.evidence for verdict in nearest.verdicts}
    verdicts = [replace(verdict, evidence=evidence[verdict.claim]) for verdict in verdicts]
    return replace(nearest, verdicts=tuple(verdicts), rewards=mean.rewards)


def _mean(repeated: Sequence[Verdict]) -> Verdict:
    scored = [(verdict.score, verdict) for verdict in repeated if verdict.score is not None]
    if not scored:
        return no_verdict(repeated[0].claim, repeated[0].reason)
    scores = [score for score, _ in scored]
    mean = min(max(statistics.fmean(scores), 0.0), 1.0)
    votes = sum(bool(verdict.passed) for _, verdict in scored)
    passed = 2 * votes > len(scored)
    _, nearest = min(scored, key=lambda pair: (pair[1].passed != passed, abs(pair[0] - mean)))
    reason = f"{votes} of {len(repeated)} judgements: {nearest.reason}"
    return Verdict(nearest.claim, passed, mean, (), reason, statistics.pstdev(scores))
