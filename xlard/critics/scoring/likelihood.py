"""Prompt likelihood: how much likelier the picture makes the text of a claim (PromptEcho)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, critique_of, no_verdict
from .. import questions
from ..backend import GREEDY, NOT_FINITE, Ask, Backend, Sampling
from .base import grouped, per_claim


class PromptLikelihood:
    """The mean log-likelihood of a claim's text given the picture, compared with that given an empty grey one.

    The comparison is needed because likelihoods of different texts differ anyway. With the difference d in nats per
    token the score is the logistic function of d; a claim holds from 0.5, where the picture makes it likelier.
    """

    name, samples = "prompt likelihood", False

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        pairs = per_claim(claims)
        pictures, empty = list(images), torch.full_like(images[0], 0.5)
        texts = [questions.statement(claim) for _, claim in pairs]
        likelihoods = backend.log_likelihood([Ask(questions.DESCRIBE, pictures[row]) for row, _ in pairs], texts)
        distinct = list(dict.fromkeys(texts))
        priors = dict(zip(distinct, backend.log_likelihood([Ask(questions.DESCRIBE, empty)] * len(distinct), distinct)))
        verdicts = []
        for (_, claim), text, likelihood in zip(pairs, texts, likelihoods):
            gain = likelihood - priors[text]
            if not math.isfinite(gain):
                verdicts.append(no_verdict(claim, NOT_FINITE))
                continue
            score = 1 / (1 + math.exp(-max(min(gain, 60.0), -60.0)))
            verdicts.append(Verdict(claim, score >= 0.5, score, (), f"{gain:+.2f} nats per token"))
        return [critique_of(verdicts_of_picture) for verdicts_of_picture in grouped(claims, verdicts)]
