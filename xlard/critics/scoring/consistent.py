"""Self-consistency: the same judgement several times at a temperature; their mean, and their spread as uncertainty."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, critique_of, no_verdict
from ..backend import GREEDY, Backend, Sampling
from .base import Scoring


class Consistent:
    """``judgements`` of another way. A claim holds if most of them say so; ties fail it.

    Raises ValueError for a way whose judgements never vary.
    """

    samples = False

    def __init__(self, way: Scoring, judgements: int, temperature: float):
        if not way.samples:
            raise ValueError(f"Scoring by {way.name} reads probabilities, which do not vary: judge once.")
        if judgements < 2 or temperature <= 0:
            raise ValueError(
                f"Repeated judgements need at least 2 of them and a temperature above 0, not {judgements} at "
                f"{temperature}."
            )
        self.way, self.judgements, self.temperature = way, judgements, temperature
        self.name = f"{way.name}, {judgements} times"

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        rounds = [
            self.way.judge(backend, images, claims, Sampling(self.temperature, sampling.seed + number))
            for number in range(self.judgements)
        ]
        return [_merged(critiques) for critiques in zip(*rounds)]


def _merged(critiques: Sequence[Critique]) -> Critique:
    verdicts = [_mean(repeated) for repeated in zip(*(critique.verdicts for critique in critiques))]
    mean = critique_of(verdicts)
    # Boxes cannot be averaged: those shown are of the judgement that is nearest to the mean.
    nearest = min(critiques, key=lambda one: (one.abstained, abs((one.score or 0.0) - (mean.score or 0.0))))
    evidence = {verdict.claim: verdict.evidence for verdict in nearest.verdicts}
    verdicts = [replace(verdict, evidence=evidence[verdict.claim]) for verdict in verdicts]
    return replace(nearest, verdicts=tuple(verdicts), rewards=mean.rewards)


def _mean(repeated: Sequence[Verdict]) -> Verdict:
    given = [verdict for verdict in repeated if verdict.score is not None]
    if not given:
        return no_verdict(repeated[0].claim, repeated[0].reason)
    scores = [verdict.score for verdict in given]
    mean = min(max(statistics.fmean(scores), 0.0), 1.0)
    passed = sum(bool(verdict.passed) for verdict in given)
    nearest = min(given, key=lambda verdict: (verdict.passed != (2 * passed > len(given)), abs(verdict.score - mean)))
    said = f"{passed} of {len(repeated)} judgements: {nearest.reason}"
    return Verdict(nearest.claim, 2 * passed > len(given), mean, (), said, statistics.pstdev(scores))
