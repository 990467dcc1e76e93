"""Asking until an answer can be read: a second time with the error shown to the model, then no answer at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from . import questions
from .backend import GREEDY, Answer, Ask, Backend, Sampling, UnreadableAnswer

T = TypeVar("T")


@dataclass(frozen=True)
class Reply(Generic[T]):
    """The value read from an answer, and the answer; without a value, ``error`` says why it could not be read."""

    value: T | None
    answer: Answer
    error: str = ""


def ask_all(
    backend: Backend, asks: Sequence[Ask], read: Callable[[Ask, Answer], T], sampling: Sampling = GREEDY
) -> list[Reply[T]]:
    """Ask everything and read the answers; what ``read`` refuses with UnreadableAnswer is asked a second time."""
    replies = [_reply(ask, answer, read) for ask, answer in zip(asks, backend.answer(asks, sampling))]
    unread = [index for index, reply in enumerate(replies) if reply.error]
    if not unread:
        return replies
    retries = [
        replace(
            asks[index],
            turns=(*asks[index].turns, (asks[index].question, replies[index].answer.text)),
            question=questions.retry(replies[index].error),
        )
        for index in unread
    ]
    for index, ask, answer in zip(unread, retries, backend.answer(retries, sampling)):
        replies[index] = _reply(ask, answer, read)
    return replies


def _reply(ask: Ask, answer: Answer, read: Callable[[Ask, Answer], T]) -> Reply[T]:
    try:
        return Reply(read(ask, answer), answer)
    except UnreadableAnswer as error:
        return Reply(None, answer, str(error))
