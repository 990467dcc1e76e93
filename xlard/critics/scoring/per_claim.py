"""Per claim: the model says what is there, then whether the claim is true."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, critique_of
from .. import questions
from ..backend import GREEDY, Backend, Sampling
from ..parsing import read_json, read_verdict, validated
from .base import ask_each, grouped


def ask_verdicts(
    backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
) -> list[Verdict]:
    """A verdict with a sentence on every claim, in the order of ``base.per_claim``."""
    from ..schemas import JUDGED, answer_schema

    def read(text: str) -> tuple[bool, float, str]:
        judged = validated(JUDGED, read_json(text, "{"), text)
        passed = read_verdict(judged.verdict)
        return passed, float(passed), judged.reason

    return ask_each(backend, images, claims, questions.verdict, answer_schema(JUDGED), read, sampling)


class PerClaim:
    """One question, one verdict and one sentence for each claim."""

    name, samples = "per claim", True

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        verdicts = ask_verdicts(backend, images, claims, sampling)
        return [critique_of(verdicts_of_picture) for verdicts_of_picture in grouped(claims, verdicts)]
