"""Models of the stand-in that fail at one picture or once, and servers that want requests of another form."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Callable

from aiohttp import web
from PIL import Image

from tests.support.chat_behaviours import ANSWERS, RUNAWAY, completion, failure, well

DIFFICULT: dict[str, Callable] = {}


def difficult(function: Callable) -> Callable:
    """Registers how a model behaves, under the function's name with hyphens."""
    DIFFICULT[function.__name__.replace("_", "-")] = function
    return function


def _asked_in_the_question(body: dict) -> bool:
    return all(message["role"] in ("user", "assistant") for message in body["messages"])


@difficult
async def no_system(request, body, seen):
    message = "Prompting with images is incompatible with system messages."
    return well(body) if _asked_in_the_question(body) else failure(400, message)


@difficult
async def no_system_500(request, body, seen):
    message = "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/..."
    return well(body) if _asked_in_the_question(body) else failure(500, message)


@difficult
async def other_limit(request, body, seen):
    message = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    )
    return failure(400, message) if "max_tokens" in body else well(body)


@difficult
async def takes_little(request, body, seen):
    """Wants every change that there is, one after the other."""
    if not _asked_in_the_question(body):
        return failure(400, "System role not supported")
    if "max_tokens" in body:
        return failure(400, "Use 'max_completion_tokens' instead.")
    return failure(400, "'response_format' is not supported") if "response_format" in body else well(body)


def _brightness(body: dict) -> int:
    """Red of the top left pixel of the picture."""
    content = next(message["content"] for message in body["messages"] if message["role"] == "user")
    data = base64.b64decode(content[0]["image_url"]["url"].partition(",")[2])
    return Image.open(io.BytesIO(data)).getpixel((0, 0))[0]


def _but_for_white(answer: Callable[[dict], web.Response]) -> Callable:
    """A model that answers well about all pictures but a white one."""

    async def behave(request, body, seen):
        return answer(body) if _brightness(body) > 200 else well(body)

    return behave


def _long(body: dict) -> web.Response:
    """Runs away; a conversation that holds such an answer is longer than what the model reads at once."""
    if len(json.dumps([message for message in body["messages"] if message["role"] != "user"])) > 8000:
        return failure(400, "the request exceeds the available context size, try increasing it")
    return web.json_response(completion(RUNAWAY, finish="length"))


DIFFICULT["filters-white"] = _but_for_white(lambda body: web.json_response(ANSWERS["filtered"]))
DIFFICULT["filters-white-400"] = _but_for_white(
    lambda body: failure(
        400, "The response was filtered due to the prompt triggering Azure's content management policy."
    )
)
DIFFICULT["null-for-white"] = _but_for_white(lambda body: web.json_response(ANSWERS["empty-null"]))
DIFFICULT["runs-away-at-white"] = _but_for_white(_long)
DIFFICULT["thinks-at-white"] = _but_for_white(lambda body: web.json_response(ANSWERS["neither"]))


@difficult
async def slow_at_white(request, body, seen):
    """Writes without end about a white picture."""
    while _brightness(body) > 200 and request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(0.02)
    return well(body)


@difficult
async def chatter_then_busy(request, body, seen):
    """Chats about a white picture, and fails when it is asked about it again."""
    if _brightness(body) <= 200:
        return well(body)
    if len(body["messages"]) > 2:
        return failure(400, "the request exceeds the available context size")
    return web.json_response(ANSWERS["chatter"])


@difficult
async def cut_once(request, body, seen):
    return web.json_response(ANSWERS["cut-list"]) if seen["count"] == 1 else well(body)
