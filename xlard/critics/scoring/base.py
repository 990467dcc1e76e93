"""What all ways of scoring are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, no_verdict
from ..asking import ask_all
from ..backend import GREEDY, Ask, Backend, Sampling


class Scoring(Protocol):
    """Turns a model's answers into critiques. ``samples`` says whether its judgements vary with the sampling."""

    name: str
    samples: bool

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""


def ask_each(
    backend: Backend,
    images: Tensor,
    claims: Sequence[Sequence[Claim]],
    question: Callable[[Claim], str],
    schema: dict,
    read: Callable[[str], tuple[bool, float, str]],
    sampling: Sampling,
) -> list[Verdict]:
    """A verdict on every claim, in the order of ``per_claim``, from a question about each.

    ``read`` makes passed, score and reason of an answer's text, or raises UnreadableAnswer.
    """
    pairs, pictures = per_claim(claims), list(images)
    if not pairs:
        return []
    asks = [Ask(question(claim), pictures[row], schema=schema) for row, claim in pairs]
    replies = ask_all(backend, asks, lambda ask, answer: read(answer.text), sampling)
    return [
        (
            no_verdict(claim, reply.error)
            if reply.value is None
            else Verdict(claim, reply.value[0], reply.value[1], (), reply.value[2])
        )
        for (_, claim), reply in zip(pairs, replies)
    ]


def per_claim(claims: Sequence[Sequence[Claim]]) -> list[tuple[int, Claim]]:
    """Every claim with the index of its picture."""
    return [(row, claim) for row, own in enumerate(claims) for claim in own]


def grouped(claims: Sequence[Sequence[Claim]], values: Sequence) -> list[list]:
    """Values in the order of ``per_claim``, one list for each picture."""
    iterator = iter(values)
    return [[next(iterator) for _ in own] for own in claims]
