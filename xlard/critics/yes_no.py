"""P(yes) from a model's scores of the next word."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

LEAST_LIKELY = 0.01
"""With a smaller probability of yes and no together, a model is about to say something else: their ratio says
nothing.
"""

YES = ("yes", "Yes", "YES", " yes", " Yes")
NO = ("no", "No", "NO", " no", " No")
"""The ways in which tokenizers may write the two words as one token."""


def probability_of_yes(logits: Tensor, yes_tokens: Sequence[int], no_tokens: Sequence[int]) -> float | None:
    """P(yes) / (P(yes) + P(no)) in [0, 1] by the logits (V,) of the next token; None if both are unlikely."""
    logs = logits.float().log_softmax(dim=-1)
    yes, no = logs[list(yes_tokens)].logsumexp(dim=0), logs[list(no_tokens)].logsumexp(dim=0)
    is_likely = torch.logaddexp(yes, no).exp() >= LEAST_LIKELY
    return torch.sigmoid(yes - no).item() if is_likely else None


def mean_log_likelihood(logits: Tensor, tokens: Tensor) -> float:
    """Mean log-probability, at most 0, of tokens (n,) by the logits (n, V) that predict them.

    Raises ValueError for no tokens.
    """
    if not len(tokens):
        raise ValueError("An empty text has no likelihood; write what the picture should show.")
    logs = logits.float().log_softmax(dim=-1)
    return logs.gather(1, tokens.to(logs.device)[:, None]).mean().item()
