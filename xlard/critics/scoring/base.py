"""The protocol of a scoring, and what several scorings need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, no_verdict
from ..asking import ask_all
from ..backend import GREEDY, Ask, Backend, Sampling

T = TypeVar("T")


class Scorer(Protocol):
    """Turns a model's answers into critiques."""

    @property
    def name(self) -> str:
        """What nodes, reports and errors call it."""

    @property
    def samples(self) -> bool:
        """Whether its judgements vary with the sampling."""

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""


def ask_each(
    backend: Backend,
    images: Tensor,
    claims: Sequence[Sequence[Claim]],
    question: Callable[[Claim], str],
    schema: dict[str, Any],
    read: Callable[[str], tuple[bool, float, str]],
    sampling: Sampling,
) -> list[Verdict]:
    """A verdict on every claim, in the order of ``per_claim``, by a question about each.

    ``read`` returns passed, score and reason of an answer's text, or raises UnreadableAnswer.
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
    return [(row, claim) for row, claims_of_picture in enumerate(claims) for claim in claims_of_picture]


def grouped(claims: Sequence[Sequence[Claim]], values: Iterable[T]) -> list[list[T]]:
    """Values in the order of ``per_claim``, as one list for each picture."""
    iterator = iter(values)
    return [[next(iterator) for _ in claims_of_picture] for claims_of_picture in claims]
