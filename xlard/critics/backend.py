"""What runs an MLLM, seen from the ways of scoring: text for questions, a probability of yes, a likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from .boxes import BoxConvention


class CriticError(RuntimeError):
    """A critic cannot be loaded or reached, or did not answer. The message names the cause and the mend."""


class CannotDo(CriticError):
    """This kind of critic cannot do what was asked of it."""


class UnreadableAnswer(ValueError):
    """A critic's answer does not have the form that was asked for."""


@dataclass(frozen=True, eq=False)
class Ask:
    """A question about a picture (H, W, 3) in [0, 1], or about none.

    ``turns`` are earlier questions and answers of the same conversation; the picture goes with the first question.
    ``schema`` is the JSON schema of the answer, for backends that can hold a model to it.
    """

    question: str
    image: Tensor | None = None
    turns: tuple[tuple[str, str], ...] = ()
    schema: dict | None = None


@dataclass(frozen=True)
class Answer:
    """A model's text and how sure it was: the geometric mean of its tokens' probabilities, None if it is not known."""

    text: str
    confidence: float | None = None


@dataclass(frozen=True)
class Sampling:
    """How a model chooses its words; at temperature 0 it takes the likeliest, and ``seed`` does nothing."""

    temperature: float = 0.0
    seed: int = 0


GREEDY = Sampling()


class Backend(Protocol):
    """A model that can be asked. ``name`` is what errors and reports call it, ``boxes`` how it writes boxes."""

    name: str
    boxes: BoxConvention

    def seen_size(self, image: Tensor) -> tuple[int, int]:
        """Width and height at which the model sees an image (H, W, 3); boxes in pixels refer to it."""

    def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
        """An answer for each question. Raises CriticError."""

    def probability_of_yes(self, asks: Sequence[Ask]) -> list[float | None]:
        """P(yes) / (P(yes) + P(no)) in [0, 1] of the next word; None where a model says neither. Raises CriticError."""

    def log_likelihood(self, asks: Sequence[Ask], texts: Sequence[str]) -> list[float]:
        """Mean log-probability, at most 0, of a text's tokens as the answer to each question. Raises CriticError."""
