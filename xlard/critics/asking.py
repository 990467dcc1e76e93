"""Asking until an answer can be read: once more with the error shown to the model, then no answer at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from . import questions
from .backend import GREEDY, Answer, Ask, Backend, Sampling, UnreadableAnswer

T = TypeVar("T")


@dataclass(frozen=True)
class Reply(Generic[T]):
    """What was read out of an answer (None: nothing could be, ``error`` says why), the answer, and the model calls."""

    value: T | None
    answer: Answer
    error: str = ""
    calls: int = 1


def ask_all(
    backend: Backend, asks: Sequence[Ask], read: Callable[[Ask, Answer], T], sampling: Sampling = GREEDY
) -> list[Reply[T]]:
    """Ask everything and read the answers; those that ``read`` refuses with UnreadableAnswer are asked once again."""
    replies = [_reply(ask, answer, read, 1) for ask, answer in zip(asks, backend.answer(asks, sampling))]
    again = [index for index, reply in enumerate(replies) if reply.error]
    if not again:
        return replies
    repeated = [
        replace(
            asks[index],
            turns=(*asks[index].turns, (asks[index].question, replies[index].answer.text)),
            question=questions.mend(replies[index].error),
        )
        for index in again
    ]
    for index, ask, answer in zip(again, repeated, backend.answer(repeated, sampling)):
        replies[index] = _reply(ask, answer, read, 2)
    return replies


def _reply(ask: Ask, answer: Answer, read: Callable[[Ask, Answer], T], calls: int) -> Reply[T]:
    try:
        return Reply(read(ask, answer), answer, calls=calls)
    except UnreadableAnswer as error:
        return Reply(None, answer, str(error), calls)
