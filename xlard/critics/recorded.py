"""A backend that notes every answer of another one: what a critic really said, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor

from .backend import GREEDY, Answer, Ask, Backend, Sampling
from .boxes import BoxConvention


class RecordedBackend:
    """Passes everything on to ``backend``; ``answers`` are pairs of question and answer, in order."""

    def __init__(self, backend: Backend):
        self.backend = backend
        self.answers: list[tuple[str, Answer]] = []

    @property
    def name(self) -> str:
        """That of the backend."""
        return self.backend.name

    @property
    def boxes(self) -> BoxConvention:
        """That of the backend."""
        return self.backend.boxes

    def __getattr__(self, name: str) -> Any:
        # What only some backends have, such as unknown_share(). A copy asks before it has a backend.
        if name == "backend" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.backend, name)

    def seen_size(self, image: Tensor) -> tuple[int, int]:
        """Width and height at which the model sees an image (H, W, 3)."""
        return self.backend.seen_size(image)

    def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
        """The backend's answers. Raises CriticError."""
        answers = self.backend.answer(asks, sampling)
        self.answers += zip([ask.question for ask in asks], answers)
        return answers

    def probability_of_yes(self, asks: Sequence[Ask]) -> list[float | None]:
        """Those of the backend; no text is written, so nothing is noted. Raises CriticError."""
        return self.backend.probability_of_yes(asks)

    def log_likelihood(self, asks: Sequence[Ask], texts: Sequence[str]) -> list[float]:
        """Those of the backend; no text is written, so nothing is noted. Raises CriticError."""
        return self.backend.log_likelihood(asks, texts)

    def kept_loaded(self) -> AbstractContextManager[None]:
        """That of the backend, if it has one."""
        return getattr(self.backend, "kept_loaded", nullcontext)()
