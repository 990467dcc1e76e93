"""The critic: a backend that can be asked, and a scoring that turns its answers into critiques."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from torch import Tensor

from ..claims import Claim
from ..critique import Critique
from .backend import NOT_FINITE, Ask, Backend, CriticError
from .scoring import Grounded, Scorer
from .scoring.preservation import judge_with_source


class MLLMCritic:
    """Implements ``protocols.Critic`` with any backend. Nothing of it changes: branches of a graph can share it."""

    def __init__(self, backend: Backend, scoring: Scorer | None = None):
        self.backend, self.scoring = backend, scoring or Grounded()

    def with_scoring(self, scoring: Scorer) -> MLLMCritic:
        """The same backend with another scoring."""
        return MLLMCritic(self.backend, scoring)

    def judge(self, images: Tensor, claims: Sequence[Sequence[Claim]]) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims.

        Raises CriticError, and ValueError for an image whose size is not that of the source that it edits.
        """
        with self._kept_loaded():
            return judge_with_source(
                images, claims, lambda plain_claims: self.scoring.judge(self.backend, images, plain_claims)
            )

    def ask(self, image: Tensor | None, question: str) -> str:
        """The model's answer to a question about an image (H, W, 3) in [0, 1], or about none.

        Raises CriticError, also for an answer that is not whole.
        """
        (answer,) = self.backend.answer([Ask(question, image)])
        if answer.fault:
            raise CriticError(answer.fault)
        return answer.text

    def score_yes(self, image: Tensor, question: str) -> float | None:
        """P(yes) in [0, 1] of a yes/no question about an image (H, W, 3) in [0, 1]; None if the model says neither.
        Raises CriticError.
        """
        (probability,) = self.backend.probability_of_yes([Ask(question, image)])
        return None if probability is None or not math.isfinite(probability) else probability

    def log_likelihood(self, image: Tensor, prompt: str) -> float:
        """Mean log-likelihood per token of the prompt as a description of an image (H, W, 3). Raises CriticError."""
        from .questions import DESCRIBE

        (likelihood,) = self.backend.log_likelihood([Ask(DESCRIBE, image)], [prompt])
        if math.isnan(likelihood):
            raise CriticError(NOT_FINITE)
        return likelihood

    def _kept_loaded(self) -> AbstractContextManager[None]:
        """A judgement asks several times: a backend that gives its memory back does so after the last one."""
        return getattr(self.backend, "kept_loaded", nullcontext)()
