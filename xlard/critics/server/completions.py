"""The requests and replies of OpenAI's chat completions. pydantic is slow to import: import this module late."""

from __future__ import annotations

import base64
import io
import json
import math
from typing import Any, TypeVar

from PIL import Image
from pydantic import BaseModel, ValidationError

from ...characters import in_whole_characters
from .. import questions
from ..backend import Ask, CriticError, Sampling
from .address import Address
from .errors import is_page, server_message
from .http import HttpReply

_SEEDS = 2**31
_TEXT = ("text", "output_text")
_TOP = 20
# A model that begins to think gives yes and no some tiny probability all the same.
_LEAST_LIKELY = 0.01
# Tokenizers mark the beginning of a word by a space or by one of the last two.
_WORD_MARKS = " \t\r\n\u2581\u0120"


class Part(BaseModel):
    """A part of an answer; without the type of a text it is something else, such as a thought."""

    type: Any = "text"
    text: Any = ""


class Message(BaseModel):
    """A model's answer, what it thought before, and its refusal, which may stand in fields of their own."""

    content: str | list[str | Part] | None = None
    refusal: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    reasoning_details: Any = None
    thinking: Any = None

    @property
    def text(self) -> str | None:
        """The text of the answer, None if it has none at all."""
        if not isinstance(self.content, list):
            return self.content
        parts = (part if isinstance(part, str) else part.text if part.type in _TEXT else None for part in self.content)
        return "".join(part for part in parts if isinstance(part, str)) or None

    @property
    def thought(self) -> bool:
        """Whether there are thoughts beside the answer."""
        apart = (self.reasoning, self.reasoning_content, self.reasoning_details, self.thinking)
        parts = self.content if isinstance(self.content, list) else []
        return any(apart) or any(isinstance(part, Part) and part.type not in _TEXT for part in parts)


class Choice(BaseModel):
    """One answer. Its ``logprobs`` are read only by ``top_tokens``."""

    message: Message
    finish_reason: Any = None
    logprobs: Any = None


class Completion(BaseModel):
    """The answers to one question."""

    choices: list[Choice]


class Token(BaseModel):
    """A token that a model may write, and the logarithm of its probability."""

    token: str
    logprob: float


class WrittenToken(Token):
    """A token that a model wrote, and the likeliest ones in its place."""

    top_logprobs: list[Token] | None = None


class LogProbs(BaseModel):
    """The tokens of an answer."""

    content: list[WrittenToken] | None = None


class Model(BaseModel):
    """A model that a server has."""

    id: str


class Models(BaseModel):
    """The models that a server has; Ollama sends null if there is none."""

    data: list[Model] | None


Form = TypeVar("Form", bound=BaseModel)


def data_url(picture: Image.Image) -> str:
    """A picture as the data URL of a PNG file."""
    file = io.BytesIO()
    # Little compression: the picture mostly goes to a server on the same machine.
    picture.save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def messages(ask: Ask, picture: str | None) -> list[dict[str, Any]]:
    """The conversation of a question, with the data URL of its picture before the first question's text."""
    conversation: list[dict[str, Any]] = [{"role": "system", "content": questions.SYSTEM}]
    for question, answer in ask.turns:
        conversation += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    conversation.append({"role": "user", "content": ask.question})
    if picture is not None:
        text = {"type": "text", "text": conversation[1]["content"]}
        conversation[1]["content"] = [{"type": "image_url", "image_url": {"url": picture}}, text]
    return conversation


def answer_request(model: str, ask: Ask, picture: str | None, max_tokens: int, sampling: Sampling) -> dict:
    """The request for an answer, of the form of the question's schema if it has one."""
    response_format = (
        {}
        if ask.schema is None
        else {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": ask.schema},
            }
        }
    )
    return {
        "model": model,
        "messages": messages(ask, picture),
        "max_tokens": max_tokens,
        "stream": False,
        "temperature": sampling.temperature,
        "seed": sampling.seed % _SEEDS,
        **response_format,
    }


def next_word_request(model: str, ask: Ask, picture: str | None) -> dict:
    """The request for the probabilities of the next word."""
    return {
        "model": model,
        "messages": messages(ask, picture),
        "max_tokens": 1,
        "temperature": 0.0,
        "stream": False,
        "logprobs": True,
        "top_logprobs": _TOP,
    }


def read(form: type[Form], reply: HttpReply, address: Address, key: str) -> Form:
    """The body of a successful reply; raises CriticError if it is no JSON of the form."""
    if is_page(reply):
        raise CriticError(
            f"What answers at {address} is a web page, not a server of models. Correct url; it usually ends in /v1."
        )
    try:
        return form.model_validate(in_whole_characters(json.loads(reply.text)))
    except ValidationError:
        cause = "does not have OpenAI's form"
    except (ValueError, RecursionError):
        cause = "is no JSON"
    raise CriticError(
        f"The answer of the critic's server at {address} {cause}: {server_message(reply, key)!r}. Correct url, which "
        "usually ends in /v1, or update the server."
    )


def read_choice(reply: HttpReply, address: Address, key: str) -> Choice:
    """The first answer; raises CriticError if there is none."""
    choices = read(Completion, reply, address, key).choices
    if not choices:
        raise CriticError(
            f"The critic's server at {address} sent no answer (its choices are empty). Ask again; the "
            "server's log may say why."
        )
    return choices[0]


def refused() -> Choice:
    """What stands for the answer of a server that refuses a question because of what it is about."""
    return Choice(message=Message(), finish_reason="content_filter")


def top_tokens(choice: Choice) -> dict[str, float] | None:
    """The log-probabilities of an answer's likeliest first tokens.

    None if the server reports none, and none at all if one is no number: then the others mean nothing either.
    """
    try:
        written = LogProbs.model_validate(choice.logprobs).content
    except ValidationError:
        return None
    if not written:
        return None
    tokens = {top.token: top.logprob for top in (written[0], *(written[0].top_logprobs or []))}
    if any(math.isnan(log) or log == math.inf for log in tokens.values()):
        return {}
    return {token: log for token, log in tokens.items() if math.isfinite(log)} or None


def probability_of_yes(tokens: dict[str, float]) -> float | None:
    """P(yes) / (P(yes) + P(no)) by the log-probabilities of tokens; None if both are unlikely."""
    yes, no = (
        sum(math.exp(min(log, 0.0)) for token, log in tokens.items() if token.strip(_WORD_MARKS).lower() == word)
        for word in ("yes", "no")
    )
    return yes / (yes + no) if yes + no >= _LEAST_LIKELY else None


def likeliest(tokens: dict[str, float]) -> str:
    """The likeliest of tokens with log-probabilities."""
    return max(tokens, key=tokens.__getitem__)
