"""Asking until an answer can be read: a second time with the error shown to the model, then no answer at all.

What is not a whole answer is never read, however well it looks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from . import questions
from .backend import GREEDY, Answer, Ask, Backend, CriticError, Sampling, UnreadableAnswer
from .json_values import without_echoes

T = TypeVar("T")

LONGEST_SHOWN = 4000
"""Characters of an answer that a model is shown again. A longer one may fill all that the model reads at once."""


@dataclass(frozen=True)
class Reply(Generic[T]):
    """The value read from an answer, and the answer; without a value, ``error`` says why it could not be read."""

    value: T | None
    answer: Answer
    error: str = ""


def ask_all(
    backend: Backend, asks: Sequence[Ask], read: Callable[[Ask, Answer], T], sampling: Sampling = GREEDY
) -> list[Reply[T]]:
    """Ask everything and read the answers.

    What ``read`` refuses with UnreadableAnswer and what has a fault is asked a second time, unless the fault is final.
    Raises CriticError, but not for a second asking that fails where other questions have been answered.
    """
    replies = [_reply(ask, answer, read, ask.question) for ask, answer in zip(asks, backend.answer(asks, sampling))]
    unread = [index for index, reply in enumerate(replies) if reply.error and not reply.answer.is_final]
    if not unread:
        return replies
    retries = [_again(asks[index], replies[index]) for index in unread]
    try:
        answers = backend.answer(retries, sampling)
    except CriticError as error:
        if len(unread) == len(asks):
            raise
        # The others have been answered: what cannot be asked again has no verdict, and says why.
        for index in unread:
            replies[index] = replace(replies[index], error=f"{replies[index].error} Asked again: {error}")
        return replies
    for index, ask, answer in zip(unread, retries, answers):
        replies[index] = _reply(ask, answer, read, asks[index].question)
    return replies


def _again(ask: Ask, reply: Reply[T]) -> Ask:
    """The second question: after the answer and what is wrong with it, or as the first one if the answer ran away."""
    if reply.answer.fault or len(reply.answer.text) > LONGEST_SHOWN:
        return replace(ask, question=f"{ask.question} {questions.BRIEFLY}")
    return replace(ask, turns=(*ask.turns, (ask.question, reply.answer.text)), question=questions.retry(reply.error))


def _reply(ask: Ask, answer: Answer, read: Callable[[Ask, Answer], T], question: str) -> Reply[T]:
    """What an answer says; the form that the ``question`` shows is no part of it."""
    if answer.fault:
        return Reply(None, answer, answer.fault)
    try:
        return Reply(read(ask, replace(answer, text=without_echoes(answer.text, question))), answer)
    except UnreadableAnswer as error:
        return Reply(None, answer, str(error))
