"""What all ways of scoring are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from ...claims import Claim
from ...critique import Critique
from ..backend import GREEDY, Backend, Sampling


class Scoring(Protocol):
    """Turns a model's answers into critiques. ``samples`` says whether its judgements vary with the sampling."""

    name: str
    samples: bool

    def judge(self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]],
              sampling: Sampling = GREEDY) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""


def per_claim(claims: Sequence[Sequence[Claim]]) -> list[tuple[int, Claim]]:
    """Every claim with the index of its picture."""
    return [(row, claim) for row, own in enumerate(claims) for claim in own]


def grouped(claims: Sequence[Sequence[Claim]], values: Sequence) -> list[list]:
    """Values in the order of ``per_claim``, one list for each picture."""
    iterator = iter(values)
    return [[next(iterator) for _ in own] for own in claims]
