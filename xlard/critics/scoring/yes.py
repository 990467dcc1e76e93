"""P(yes): how probable "yes" is as the next word after a question about a claim (VQAScore, RewardDance)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, critique_of, no_verdict
from .. import questions
from ..backend import GREEDY, Ask, Backend, Sampling
from .base import grouped, per_claim

_NEITHER = (
    "The model answers neither yes nor no, refuses, or computes no numbers (NaN). If it thinks first, turn that off, "
    "or score by grounded, per claim or rubric."
)


def _verdict(claim: Claim, score: float | None) -> Verdict:
    return (
        no_verdict(claim, _NEITHER)
        if score is None or not math.isfinite(score)
        else Verdict(claim, score >= 0.5, score, (), f"yes with {score:.0%}")
    )


class YesProbability:
    """One forward pass for each claim; its score is P(yes) against P(no), and it holds from 0.5."""

    name, samples = "P(yes)", False

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        pairs = per_claim(claims)
        pictures = list(images)
        scores = backend.probability_of_yes([Ask(questions.yes_or_no(claim), pictures[row]) for row, claim in pairs])
        verdicts = [_verdict(claim, score) for (_, claim), score in zip(pairs, scores)]
        return [critique_of(verdicts_of_picture) for verdicts_of_picture in grouped(claims, verdicts)]
