"""How a model on a server ended its answer: whole, cut, refused, or with nothing but thoughts."""

from __future__ import annotations

import re

from ..backend import Answer
from .completions import Choice

_WHOLE = re.compile(r"(?:none|null|stop|end|eos|done|finish|complete|normal|tool|function).*|", re.IGNORECASE)
_REFUSED = re.compile(r".*(?:filter|safety|refus|block|moderat|prohibit|recitation|sensitive).*", re.IGNORECASE)


def is_refused(choice: Choice) -> bool:
    """Whether the model, or a filter of the server, refuses to answer."""
    return bool(choice.message.refusal) or bool(_REFUSED.fullmatch(_reason(choice)))


def answer_of(choice: Choice, model: str, max_tokens: int, shown_reason: str) -> Answer:
    """The answer, with a fault if it is not whole. ``shown_reason`` is the finish reason as people may see it.

    A refusal, and thoughts in the answer's place, are final.
    """
    message, text = choice.message, choice.message.text or ""
    if is_refused(choice):
        return Answer(
            text,
            fault=f"The model {model} refuses to answer about this picture (finish_reason {shown_reason}). Judge"
            " another picture, or choose another model or a server without a filter.",
            is_final=True,
        )
    ended = bool(_WHOLE.fullmatch(_reason(choice)))
    if not text.strip() and not ended:
        return Answer(
            text,
            fault=f"The model {model} used up all {max_tokens} tokens before it answered, probably by thinking. Raise"
            " max_tokens, or turn its thinking off on the server.",
            is_final=True,
        )
    if not text.strip() and message.thought:
        return Answer(
            text,
            fault=f"The model {model} gave no answer, only thinking, which is no answer. Turn its thinking off on the"
            " server, or choose a model that does not think.",
            is_final=True,
        )
    if message.text is None:
        return Answer(
            text,
            fault=f"The model {model} gave no text (finish_reason {shown_reason}). Turn thinking and tools off on the"
            " server, or choose another model.",
            is_final=True,
        )
    if not ended:
        return Answer(
            text,
            fault=f"The answer of the model {model} was cut (finish_reason {shown_reason}, max_tokens {max_tokens}),"
            " so it is not whole. Raise max_tokens; a model that repeats itself needs a larger one in its place.",
        )
    return Answer(text)


def _reason(choice: Choice) -> str:
    return str(choice.finish_reason).strip()
