"""Errors of a critic's server: what went wrong and what to do about it, in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ..backend import CannotDo, CriticError
from .address import KEY, KEY_HOST, Address
from .http import HttpReply

_SHOWN, _WHOLE, _NAMES = 200, 5000, 8
_CHANGEABLE = (400, 422, 500, 501)
"""Statuses of refusals that another form of the request may avoid."""

_LEAST_KEY = 8

_FORM = re.compile(r"response_format|json.?schema|grammar|structured.?output|guided", re.IGNORECASE)
_LOGPROBS = re.compile(r"log.?prob", re.IGNORECASE)
_LENGTH = re.compile(r"context|max_tokens|max_model_len|maximum.{0,20}length|too long|too many tokens", re.IGNORECASE)
_SYSTEM = re.compile(
    r"system.{0,20}(role|message|prompt|instruction)|role.{0,20}system|roles must alternate|only user", re.IGNORECASE
)
_LIMIT = re.compile(r"max_completion_tokens", re.IGNORECASE)
_UNLOADED = re.compile(r"no models? (is |are )?(currently )?loaded|model.{0,60} not loaded|load a model", re.IGNORECASE)
_FILTERED = re.compile(
    r"content.{0,12}(filter|policy|policies)|moderation|flagged|safety (system|filter)|data_inspection|"
    r"ResponsibleAIPolicyViolation",
    re.IGNORECASE,
)
_MODEL = re.compile(r"model.{0,80}(not found|not exist|unknown)|(unknown|no such|invalid) model", re.IGNORECASE)
_SEES = r"(image|vision|multi-?modal)"
_BLIND = re.compile(
    rf"mmproj|{_SEES}.{{0,40}}(not support|unsupported|only supported|cannot|missing)|no .{{0,40}}support {_SEES}|"
    rf"(not support|unsupported|is not an?|at most 0|missing).{{0,40}}{_SEES}",
    re.IGNORECASE,
)


class NeitherYesNorNo(CriticError):
    """A model's next word is neither yes nor no: most likely it thinks first."""


def one_line(text: str, key: str = "", length: int = _SHOWN) -> str:
    """The beginning of a text on one line, with ``***`` for a key in it."""
    text = _hidden(text, key)[: 10 * length]
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= length else text[:length] + " ..."


def without_key(answer: str, key: str) -> str:
    """A model's answer with ``***`` for a key in it."""
    # A shorter key is a placeholder such as "none", which may be a part of any answer.
    return _hidden(answer, key) if len(key) >= _LEAST_KEY else answer


def server_message(reply: HttpReply, key: str = "") -> str:
    """A server's message in the body of an error, in any of the usual forms; empty for a web page."""
    if is_page(reply):
        return ""
    try:
        message = json.loads(reply.text)
    except (ValueError, RecursionError):
        return one_line(reply.text, key)
    for name in ("error", "message", "detail"):
        message = message.get(name, message) if isinstance(message, dict) else message
    return one_line(message if isinstance(message, str) else json.dumps(message, ensure_ascii=False), key)


def _whole_message(reply: HttpReply) -> str:
    """All that an unsuccessful reply says, with its codes, for telling what it is about."""
    return "" if is_page(reply) else one_line(reply.text, length=_WHOLE)


def is_page(reply: HttpReply) -> bool:
    """Whether the reply is a web page."""
    return reply.content_type == "text/html" or reply.text.lstrip()[:1] == "<"


def is_passing(reply: HttpReply) -> bool:
    """Whether the same question may be answered a moment later."""
    if reply.status < 500 or reply.status == 501:
        return reply.status in (408, 429)
    message = server_message(reply)
    # llama.cpp also answers 500 to requests that it can never fulfil.
    return not any(pattern.search(message) for pattern in (_FORM, _LOGPROBS, _LENGTH, _BLIND, _SYSTEM, _LIMIT))


def is_loading(reply: HttpReply) -> bool:
    """Whether llama.cpp says that it is still loading its model."""
    return reply.status == 503 and "loading" in server_message(reply).lower()


def is_about_form(reply: HttpReply) -> bool:
    """Whether the server may refuse the form that the request demands of the answer."""
    return reply.status in (400, 422, 501) or reply.status >= 400 and bool(_FORM.search(server_message(reply)))


def is_about_system(reply: HttpReply) -> bool:
    """Whether the server, or the model's template, knows no system role."""
    return reply.status in _CHANGEABLE and bool(_SYSTEM.search(_whole_message(reply)))


def is_about_limit(reply: HttpReply) -> bool:
    """Whether the server has another name for the longest answer."""
    return reply.status in _CHANGEABLE and bool(_LIMIT.search(_whole_message(reply)))


def is_filtered(reply: HttpReply) -> bool:
    """Whether the server refuses a question because of what it, or its picture, is about."""
    return reply.status in (400, 403, 422, 451) and bool(_FILTERED.search(_whole_message(reply)))


def is_about_model(reply: HttpReply) -> bool:
    """Whether the server may not know the model: its list of models then says more."""
    return reply.status == 404 or reply.status in (400, 422) and bool(_MODEL.search(server_message(reply)))


def refusal(
    reply: HttpReply, address: Address, model: str, key: str, tries: int, names: Sequence[str] | None = None
) -> CriticError:
    """The error for an unsuccessful reply. ``names`` are the server's models, None if it does not list them."""
    status, message, shown_model = reply.status, server_message(reply, key), one_line(model, key)
    server = f"The critic's server at {address}"
    cause = f"{status}: {message}" if message else f"{status}"
    repeated = f"{cause}, asked {tries} times" if tries > 1 else cause
    if status < 400:
        return CriticError(
            f"{server} sends the request on to {one_line(reply.location, key) or 'nowhere'} ({status}), "
            "which is not followed. Set url to the server's own address."
        )
    if status in (401, 403):
        return CriticError(f"{server} refuses the request ({cause}). {_about_key(address, key)}")
    if _UNLOADED.search(message):
        models = f" It has {_listed(names, key)}." if names else ""
        return CriticError(
            f"{server} has no model loaded ({cause}). Load {shown_model or 'a vision-language model'} there, or have"
            f" the server load models when they are asked.{models}"
        )
    if _BLIND.search(message):
        return CriticError(
            f"The model {shown_model} at {address} cannot see pictures ({cause}). Choose a model that can; "
            "llama.cpp needs the model's mmproj file too."
        )
    if is_about_model(reply) and (_MODEL.search(message) if names is None else model not in names):
        models = f"it has {_listed(names, key)}" if names else "it lists none"
        return CriticError(
            f"{server} has no model {shown_model} ({cause}); {models}. Correct model, or load it on the server."
        )
    if status == 404:
        return CriticError(
            f"There is no chat endpoint at {address}/chat/completions ({cause}). Correct url; it usually ends in /v1."
        )
    if status == 413:
        return CriticError(
            f"The picture is too large for the critic's server at {address} ({cause}). Judge a smaller "
            "picture, or raise the server's limit for the size of a request."
        )
    if status == 429:
        return CriticError(f"{server} has too much to do ({repeated}). Lower parallel, or try again later.")
    if is_loading(reply):
        return CriticError(
            f"{server} is still loading its model ({repeated}). Try again when it has loaded, or raise timeout."
        )
    if _LOGPROBS.search(message):
        return no_probabilities(address, shown_model)
    if _LENGTH.search(message):
        return CriticError(
            f"The question does not fit what the model {shown_model} at {address} reads at once ({cause}). Lower "
            "max_tokens, or start the server with a longer context."
        )
    if status >= 500:
        return CriticError(
            f"{server} failed ({repeated}). The server's log says why; it may have run out of memory: lower "
            "parallel, or take a smaller model."
        )
    return CriticError(
        f"{server} refuses the question ({repeated}). Check url, model and max_tokens; the server's log may say more."
    )


def no_probabilities(address: Address, model: str) -> CannotDo:
    """The error for answers without the probabilities of their tokens. ``model`` is a name on one line."""
    return CannotDo(
        f"The critic's server at {address} does not say how probable the words of {model} are. Score by "
        "grounded, per claim or rubric, or use a server that reports logprobs: llama.cpp, vLLM, Ollama from "
        "0.12.11."
    )


def _hidden(text: str, key: str) -> str:
    """A text with ``***`` for a key, also for one with letters that JSON or a URL escapes."""
    if not key:
        return text
    letters = (rf"(?:\\{{0,2}}{re.escape(letter)}|\\u00{ord(letter):02x}|%{ord(letter):02x})" for letter in key)
    return re.sub("".join(letters), "***", text, flags=re.IGNORECASE)


def _listed(names: Sequence[str], key: str) -> str:
    shown = ", ".join(one_line(name, key) for name in names[:_NAMES])
    return f"{shown} and {len(names) - _NAMES} more" if len(names) > _NAMES else shown


def _about_key(address: Address, key: str) -> str:
    if key:
        return f"Correct the key in the environment variable {KEY} and restart ComfyUI."
    if not address.is_trusted:
        return (
            f"The server is not on this machine, and so no key was sent: set the environment variables {KEY} to its key"
            f" and {KEY_HOST} to {address.host}, and restart ComfyUI."
        )
    return f"Set the environment variable {KEY} to its key and restart ComfyUI."
