"""Per claim: the model says what is there, then whether the claim is true."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, critique_of, no_verdict
from .. import questions
from ..asking import ask_all
from ..backend import GREEDY, Answer, Ask, Backend, Sampling
from ..parsing import read_json, read_verdict, validated
from .way import grouped, per_claim


def ask_verdicts(backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]],
                 sampling: Sampling = GREEDY) -> list[Verdict]:
    """A verdict with a sentence on every claim, in the order of ``way.per_claim``."""
    from ..schemas import JUDGED, JUDGED_SCHEMA

    def read(ask: Ask, answer: Answer) -> tuple[bool, str]:
        judged = validated(JUDGED, read_json(answer.text, "{"), answer.text)
        return read_verdict(judged.verdict), judged.reason

    pairs = per_claim(claims)
    pictures = list(images)
    asks = [Ask(questions.verdict(claim), pictures[row], schema=JUDGED_SCHEMA) for row, claim in pairs]
    return [no_verdict(claim, reply.error) if reply.value is None
            else Verdict(claim, reply.value[0], float(reply.value[0]), (), reply.value[1])
            for (_, claim), reply in zip(pairs, ask_all(backend, asks, read, sampling) if asks else [])]


class PerClaim:
    """One question, one verdict and one sentence for each claim."""

    name, samples = "per claim", True

    def judge(self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]],
              sampling: Sampling = GREEDY) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        verdicts = ask_verdicts(backend, images, claims, sampling)
        return [critique_of(own) for own in grouped(claims, verdicts)]
