"""Rubric: the model says what is there, then rates each claim, above all the artist's own criteria, from 0 to 10."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, critique_of, no_verdict
from .. import questions
from ..asking import ask_all
from ..backend import GREEDY, Answer, Ask, Backend, Sampling
from ..parsing import read_json, read_score, validated
from .way import grouped, per_claim

PASS = 0.7
"""A criterion holds from a rating of 7 of 10."""


class Rubric:
    """One question, one rating and one sentence for each claim."""

    name, samples = "rubric", True

    def judge(self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]],
              sampling: Sampling = GREEDY) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        from ..schemas import RATED, RATED_SCHEMA

        def read(ask: Ask, answer: Answer) -> tuple[float, str]:
            rated = validated(RATED, read_json(answer.text, "{"), answer.text)
            return read_score(rated.score), rated.reason

        pairs = per_claim(claims)
        pictures = list(images)
        asks = [Ask(questions.rating(claim), pictures[row], schema=RATED_SCHEMA) for row, claim in pairs]
        verdicts = [no_verdict(claim, reply.error) if reply.value is None
                    else Verdict(claim, reply.value[0] >= PASS, reply.value[0], (), reply.value[1])
                    for (_, claim), reply in zip(pairs, ask_all(backend, asks, read, sampling) if asks else [])]
        return [critique_of(own) for own in grouped(claims, verdicts)]
