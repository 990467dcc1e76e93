"""Pairs: a critic sees two pictures side by side and says which keeps better to the claims, whichever side it stands
on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..claims import Claim
from . import questions
from .asking import ask_all
from .backend import Answer, Ask, Backend, UnreadableAnswer
from .parsing import read_json, shown

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

BETTER_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["reason", "better"],
    "properties": {"reason": {"type": "string"}, "better": {"type": "string", "enum": ["left", "right", "same"]}},
}

LEADS = {"left": 1.0, "same": 0.0, "right": -1.0}
"""How far an answer puts the left picture before the right one."""

PAIRS_AT_ONCE = 4
"""Two pictures joined are twice as large, and there are as many as there are questions."""


def ask_pairs(
    backend: Backend, images: Tensor, claims: Sequence[Claim], pairs: Sequence[tuple[int, int]]
) -> list[float | None]:
    """For each pair (a, b) of images (B, H, W, 3) in [0, 1] how far ``a`` keeps better to the claims than ``b``, in
    [-1, 1].

    Each pair is asked about in both orders, so that a model that favours a side decides nothing. None where an answer
    could not be read, and for all pairs if none of the first few could: that model cannot compare. Raises CriticError.
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
    question = ", ".join(questions.quoted(questions.statement(claim)) for claim in claims).join(WHICH)
    asks = [
        Ask(question, side_by_side(images[left], images[right]), schema=BETTER_SCHEMA)
        for a, b in pairs
        for left, right in ((a, b), (b, a))
    ]
    found = [reply.value for reply in ask_all(backend, asks, lambda ask, answer: _read(answer))]
    return [
        None if first is None or second is None else (first - second) / 2
        for first, second in zip(found[::2], found[1::2])
    ]


def side_by_side(left: Tensor, right: Tensor) -> Tensor:
    """Two images (H, W, 3) in [0, 1] as one, with a grey bar of a sixteenth of the width between them."""
    bar = torch.full_like(left[:, : max(1, left.shape[1] // 16)], 0.5)
    return torch.cat([left, bar, right], dim=1)


def _read(answer: Answer) -> float:
    found = read_json(answer.text, "{")
    word = str(found.get("better", "")).strip().lower() if isinstance(found, dict) else ""
    if word not in LEADS:
        raise UnreadableAnswer(f'Its "better" is none of left, right and same: {shown(answer.text)}.')
    return LEADS[word]
