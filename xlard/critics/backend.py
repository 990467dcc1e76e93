"""A backend runs a multimodal language model, here or elsewhere: what it is asked, what it answers, what it must have.

Another pack adds a critic by implementing ``Backend``; ``mllm.MLLMCritic`` does all the rest with it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from ..characters import whole_characters
from .boxes import BoxConvention

NOT_FINITE = (
    "The model computed no numbers (NaN), so what it wrote means nothing. Load it in bf16 or fp32, or copy or download"
    " its weights again."
)
"""The fault of an answer whose probabilities are no numbers."""


class CriticError(RuntimeError):
    """A critic cannot be loaded or reached, or does not answer. The message names the cause and the fix."""


class CannotDo(CriticError):
    """A kind of critic that can never do this, whatever the question."""


class UnreadableAnswer(ValueError):
    """A critic's answer does not have the form that the question asks for."""


@dataclass(frozen=True, eq=False)
class Ask:
    """A question about a picture (H, W, 3) in [0, 1], or about none.

    ``turns`` are earlier questions and answers of the same conversation; the picture goes with the first question.
    ``schema`` is the JSON schema of the answer, for backends that can hold a model to it.
    """

    question: str
    image: Tensor | None = None
    turns: tuple[tuple[str, str], ...] = ()
    schema: dict[str, Any] | None = None


@dataclass(frozen=True)
class Answer:
    """A model's text; ``confidence`` is the geometric mean of its tokens' probabilities, None if it is unknown.

    ``fault`` is empty for a whole answer. Otherwise it says in full sentences why the text is none, and what to do: it
    was cut, refused, or only thought about. With ``is_final``, asking again would bring no better one. A confidence
    that is no number is a fault, too. Broken characters of the text are replaced.
    """

    text: str
    confidence: float | None = None
    fault: str = ""
    is_final: bool = False

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        for name in ("text", "fault"):
            set_(self, name, whole_characters(getattr(self, name)))
        if self.confidence is not None and not math.isfinite(self.confidence):
            set_(self, "confidence", None)
            set_(self, "fault", NOT_FINITE)
            set_(self, "is_final", True)


@dataclass(frozen=True)
class Sampling:
    """How a model chooses its tokens; at temperature 0 it takes the likeliest, and ``seed`` does nothing."""

    temperature: float = 0.0
    seed: int = 0


GREEDY = Sampling()


class Backend(Protocol):
    """A model that can be asked. ``check_backend`` says what an object lacks.

    Lists are as long as the list of questions, in its order. A method that a kind of model cannot offer raises
    CannotDo, and the scorings that need it say so. A backend of a small vocabulary may have ``unknown_share(text)``,
    the share in [0, 1] of a text that it does not know: it is not asked to split prompts of such words, nor shown
    examples with them. Any may have ``kept_loaded()``: a context for several calls in a row, after which it gives back
    the memory that it does not share with ComfyUI.
    """

    # Not runtime_checkable: before Python 3.12 isinstance() reads the properties, and ``boxes`` may ask a server.

    @property
    def name(self) -> str:
        """What errors and reports call the critic."""

    @property
    def boxes(self) -> BoxConvention:
        """How the model writes boxes."""

    def seen_size(self, image: Tensor) -> tuple[int, int]:
        """Width and height at which the model sees an image (H, W, 3); boxes in pixels refer to it."""

    def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
        """An answer for each question. Raises CriticError."""

    def probability_of_yes(self, asks: Sequence[Ask]) -> list[float | None]:
        """P(yes) / (P(yes) + P(no)) in [0, 1] of the next word; None where a model says neither. Raises CriticError."""

    def log_likelihood(self, asks: Sequence[Ask], texts: Sequence[str]) -> list[float]:
        """Mean log-probability, at most 0, of a text's tokens as the answer to each question. Raises CriticError."""


_ATTRIBUTES = ("name", "boxes")
_METHODS = ("seen_size", "answer", "probability_of_yes", "log_likelihood")


def check_backend(value: object) -> None:
    """Check that an object has the members of ``Backend``, without reading its properties.

    Raises TypeError, which names the object's class and what it lacks.
    """
    if isinstance(value, type):
        raise TypeError(f"The critic backend {value.__name__} is a class. Pass an instance of it.")
    lacking = [name for name in _ATTRIBUTES if not _has(value, name)]
    lacking += [f"{name}()" for name in _METHODS if not (_has(value, name) and callable(getattr(value, name)))]
    if lacking:
        members = (*_ATTRIBUTES, *(f"{name}()" for name in _METHODS))
        raise TypeError(
            f"The critic backend {type(value).__name__} lacks {_enumerated(lacking)}. A backend needs "
            f"{_enumerated(members)}; see docs/extending.md."
        )


def _has(value: object, name: str) -> bool:
    missing = object()
    if inspect.getattr_static(value, name, missing) is not missing:
        return True
    # A wrapper that passes on what it is asked for.
    return hasattr(type(value), "__getattr__") and hasattr(value, name)


def _enumerated(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
