"""Pairs: a critic sees two pictures side by side, in both orders, and says which one fulfils the claims better."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..claims import Claim
from . import questions
from .asking import ask_all
from .backend import Answer, Ask, Backend, UnreadableAnswer
from .parsing import excerpt, read_json

WHICH = (
    (
        "Two pictures stand side by side with a grey bar between them, a left one and a right one. Judge each as a"
        " picture of its own. Which of them keeps better to this: "
    ),
    (
        "? Say what each of them shows, then choose. Answer only with JSON: "
        '{"reason": "one sentence", "better": "left", "right" or "same"}.'
    ),
)

LEADS = {"left": 1.0, "same": 0.0, "right": -1.0}
"""How much better an answer finds the left picture."""

PAIRS_AT_ONCE = 4
"""Each question has a picture of its own, twice as wide as those of the batch: more would take much memory."""


def ask_pairs(
    backend: Backend, images: Tensor, claims: Sequence[Claim], pairs: Sequence[tuple[int, int]]
) -> list[float | None]:
    """For each pair (a, b) of images (B, H, W, 3) in [0, 1], how much better ``a`` fulfils the claims: in [-1, 1].

    Each pair is asked about in both orders: a model that favours a side then decides nothing. None where an answer
    cannot be read, and for all pairs if no answer about the first few can: that model cannot compare. Raises
    CriticError.
    """
    leads: list[float | None] = []
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        leads += _ask(backend, images, claims, pairs[start : start + PAIRS_AT_ONCE])
        if all(lead is None for lead in leads):
            return [None] * len(pairs)
    return leads


def _ask(
    backend: Backend, images: Tensor, claims: Sequence[Claim], pairs: Sequence[tuple[int, int]]
) -> list[float | None]:
    from .schemas import COMPARED, answer_schema

    schema = answer_schema(COMPARED)
    question = ", ".join(questions.quoted(questions.statement(claim)) for claim in claims).join(WHICH)
    asks = [
        Ask(question, side_by_side(images[left], images[right]), schema=schema)
        for a, b in pairs
        for left, right in ((a, b), (b, a))
    ]
    leads = [reply.value for reply in ask_all(backend, asks, lambda ask, answer: _read(answer))]
    return [
        None if straight is None or swapped is None else (straight - swapped) / 2
        for straight, swapped in zip(leads[::2], leads[1::2])
    ]


def side_by_side(left: Tensor, right: Tensor) -> Tensor:
    """Two images (H, W, 3) in [0, 1] as one, with a grey bar of a sixteenth of the width between them."""
    bar = torch.full_like(left[:, : max(1, left.shape[1] // 16)], 0.5)
    return torch.cat([left, bar, right], dim=1)


def _read(answer: Answer) -> float:
    # Not by pydantic: the reason is not needed, and the text of the error is a part of the next question.
    comparison = read_json(answer.text, "{")
    word = str(comparison.get("better", "")).strip().lower() if isinstance(comparison, dict) else ""
    if word not in LEADS:
        raise UnreadableAnswer(f'Its "better" is none of left, right and same: {excerpt(answer.text)}.')
    return LEADS[word]
