"""What servers of the same API do not all take, and the changes of a request for those that do not."""

from __future__ import annotations

from collections.abc import Callable, Collection

from .errors import is_about_form, is_about_limit, is_about_system
from .http import HttpReply


def _without_system(request: dict) -> dict:
    """The system message as the beginning of the first question."""
    system, first, *others = request["messages"]
    told = f"{system['content']}\n\n"
    content = first["content"]
    if isinstance(content, str):
        content = told + content
    else:
        *pictures, text = content
        content = [*pictures, {**text, "text": told + text["text"]}]
    return {**request, "messages": [{**first, "content": content}, *others]}


def _with_other_limit(request: dict) -> dict:
    limit = {"max_completion_tokens": request["max_tokens"]}
    return {**{name: value for name, value in request.items() if name != "max_tokens"}, **limit}


def _without_form(request: dict) -> dict:
    return {name: value for name, value in request.items() if name != "response_format"}


_CHANGES: dict[str, tuple[Callable[[HttpReply], bool], Callable[[dict], dict], str]] = {
    "no system role": (is_about_system, _without_system, "messages"),
    "other limit": (is_about_limit, _with_other_limit, "max_tokens"),
    # The last one: many refusals may be meant so.
    "no form": (is_about_form, _without_form, "response_format"),
}
"""By name: whether a reply asks for a change, the change of a request, and the entry of the request that it changes."""


def changed(request: dict, names: Collection[str]) -> dict:
    """A request with some changes."""
    for name, (_, change, entry) in _CHANGES.items():
        request = change(request) if name in names and entry in request else request
    return request


def needed_change(request: dict, reply: HttpReply, made: Collection[str]) -> str:
    """The name of a change, not made yet, that the reply to a request asks for; empty if there is none."""
    return next(
        (name for name, (asks, _, entry) in _CHANGES.items() if name not in made and entry in request and asks(reply)),
        "",
    )
