"""Rubric: the model says what is there, then rates each claim, above all the artist's own criteria, from 0 to 10."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, critique_of
from .. import questions
from ..backend import GREEDY, Backend, Sampling
from ..parsing import read_json, read_score, validated
from .base import ask_each, grouped

PASS = 0.7
"""A claim holds from a rating of 7 out of 10."""


class Rubric:
    """One question, one rating and one sentence for each claim."""

    name, samples = "rubric", True

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        from ..schemas import RATED, answer_schema

        def read(text: str) -> tuple[bool, float, str]:
            rated = validated(RATED, read_json(text, "{"), text)
            score = read_score(rated.score)
            return score >= PASS, score, rated.reason

        verdicts = ask_each(backend, images, claims, questions.rating, answer_schema(RATED), read, sampling)
        return [critique_of(verdicts_of_picture) for verdicts_of_picture in grouped(claims, verdicts)]
