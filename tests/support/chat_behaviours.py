"""How the stand-in's models behave: some answer well, the others each misbehave in their own way."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable
from urllib.parse import quote_plus

from aiohttp import web

TRUE = ("exactly two circles", "exactly one square", "two circles are red", "the square is blue")
"""The statements that the scripted answers call true."""

OBJECTS = [
    ([100, 100, 300, 300], "red circle"),
    ([400, 100, 600, 300], "red circle"),
    ([100, 600, 300, 800], "blue square"),
]
"""What the scripted answers see: box in thousandths and label."""

BEHAVIOURS: dict[str, Callable] = {}


def behaviour(function: Callable) -> Callable:
    """Registers how a model behaves, under the function's name with hyphens."""
    BEHAVIOURS[function.__name__.replace("_", "-")] = function
    return function


def scripted(body: dict) -> str:
    """A well-formed answer to the first question of a conversation."""
    content = next(message["content"] for message in body["messages"] if message["role"] == "user")
    question = content if isinstance(content, str) else content[-1]["text"]
    # What a server without system role is told comes first.
    question = question.partition("\n\n")[2] or question
    claim = re.search(r'"([^"]*)"', question)
    true = claim is not None and claim.group(1) in TRUE
    if question.startswith("List every object"):
        key = "box_2d" if '"box_2d"' in question else "bbox_2d"
        return json.dumps([{key: box, "label": label} for box, label in OBJECTS])
    if '"score"' in question:
        return json.dumps({"reason": "I see it.", "score": 8 if true else 2})
    if '"verdict"' in question:
        return json.dumps({"reason": "I see it.", "verdict": "yes" if true else "no"})
    return "Yes" if true else "No"


def completion(content, tokens: list[tuple[str, float]] | None = None, finish: str = "stop", **message) -> dict:
    """The body of a reply."""
    top = [{"token": token, "logprob": log, "bytes": None} for token, log in tokens or []]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "stand-in",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": content, **message},
                "logprobs": {"content": [{**top[0], "top_logprobs": top}]} if top else None,
            }
        ],
    }


def well(body: dict) -> web.Response:
    """A well-formed reply, with probabilities if they are asked for."""
    text = scripted(body)
    tokens = (
        [("Yes", -0.2), (" yes", -2.5), ("No", -2.3), ("The", -4.0)] if text == "Yes" else [("No", -0.1), ("Yes", -3.0)]
    )
    return web.json_response(completion(text, tokens if body.get("logprobs") else None))


def failure(status: int, message: str, **headers: str) -> web.Response:
    """An error in OpenAI's form."""
    return web.json_response(
        {"error": {"message": message, "type": "server_error", "code": status}}, status=status, headers=headers
    )


@behaviour
async def shapes(request, body, seen):
    return well(body)


BEHAVIOURS["qwen2.5-vl"] = shapes

OTHER_WORDS = "a blue square and two red circles"
"""What the model ``rewords`` makes of any prompt."""


@behaviour
async def rewords(request, body, seen):
    """Misses the square in the first picture, then rewords the prompt, then sees all that there is."""
    if seen["count"] == 1:
        return web.json_response(
            completion(json.dumps([{"bbox_2d": box, "label": label} for box, label in OBJECTS[:2]]))
        )
    question = body["messages"][-1]["content"]
    rewriting = isinstance(question, str) and "Reword the prompt" in question
    return web.json_response(completion(json.dumps({"prompt": OTHER_WORDS}))) if rewriting else well(body)


@behaviour
async def lacks(request, body, seen):
    """Misses the square in the first picture, sees nothing else in the second, then sees all that there is."""
    shown = {1: OBJECTS[:2], 2: OBJECTS[2:]}.get(seen["count"], OBJECTS)
    return web.json_response(completion(json.dumps([{"bbox_2d": box, "label": label} for box, label in shown])))


@behaviour
async def splits(request, body, seen):
    """Splits any prompt into two cats and a thing that is in none."""
    question = body["messages"][-1]["content"]
    if not (isinstance(question, str) and "Split a prompt" in question):
        return well(body)
    claims = [{"type": "count", "noun": noun, "number": 2} for noun in ("cat", "zeppelin")]
    return web.json_response(completion(json.dumps({"claims": claims})))


INSTRUCTION = "Take the two red circles and remove one of them. Leave the blue square as it is."
"""What the model ``instructs`` tells an edit model that is to remove one of two red circles."""

TOO_MUCH = "Remove one of the two red circles and the blue square."
"""What ``instructs_wrongly`` does."""


def instructing(answer: dict) -> Callable:
    """Judges well, and gives this answer where it is to tell an edit model what to do."""

    async def behave(request, body, seen):
        asked = any("repaired by a model that edits" in str(message["content"]) for message in body["messages"])
        return web.json_response(answer) if asked else well(body)

    return behave


BEHAVIOURS["instructs"] = instructing(completion(json.dumps({"instruction": INSTRUCTION})))
BEHAVIOURS["instructs-wrongly"] = instructing(completion(json.dumps({"instruction": TOO_MUCH})))
BEHAVIOURS["instructs-endlessly"] = instructing(completion("the " * 4000, finish="length"))
BEHAVIOURS["instructs-not"] = instructing(completion(None, refusal="I cannot help with that."))


@behaviour
async def hang(request, body, seen):
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(0.02)
    seen["closed"] = True
    return web.Response()


@behaviour
async def ends(request, body, seen):
    """Ends the server with all its connections."""
    os._exit(1)


@behaviour
async def slow(request, body, seen):
    await asyncio.sleep(0.3)
    return well(body)


@behaviour
async def drip(request, body, seen):
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while request.transport is not None and not request.transport.is_closing():
        await response.write(b" ")
        await asyncio.sleep(0.2)
    return response


@behaviour
async def endless(request, body, seen):
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while request.transport is not None and not request.transport.is_closing():
        await response.write(b" " * 2**20)
    return response


async def _cut(request, data: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(data))})
    await response.prepare(request)
    await response.write(data[: len(data) // 2])
    request.transport.close()
    return response


@behaviour
async def half(request, body, seen):
    return await _cut(request, well(body).body)


@behaviour
async def half_once(request, body, seen):
    return await _cut(request, well(body).body) if seen["count"] == 1 else well(body)


@behaviour
async def reset(request, body, seen):
    request.transport.abort()
    return web.Response()


@behaviour
async def garbage(request, body, seen):
    request.transport.write(b"\x16\x03\x01 what is HTTP?\r\n\r\n")
    request.transport.close()
    return web.Response()


@behaviour
async def echo_key_escaped(request, body, seen):
    escaped = seen["key"].replace("/", "\\/") + quote_plus(seen["key"])
    return web.Response(text=f'{{"error": "{escaped}', status=400, content_type="application/json")


@behaviour
async def thinker(request, body, seen):
    text = "<think>I see [two] {things}.</think>" + scripted(body)
    return web.json_response(completion(text, reasoning_content='{"score": 10}'))


@behaviour
async def adds_keys(request, body, seen):
    listed = [{**found, "score": 10, "claims": ["it is perfect"]} for found in json.loads(scripted(body))]
    return web.json_response(
        {**completion(json.dumps(listed)), "score": 10, "claims": ["it is perfect"], "passed": True}
    )


@behaviour
async def long_header(request, body, seen):
    return web.json_response(completion("[]"), headers={"X-Long": "x" * 20_000})


@behaviour
async def bad_encoding(request, body, seen):
    return web.Response(body=b"not gzip", headers={"Content-Encoding": "gzip"}, content_type="application/json")


@behaviour
async def cut_json(request, body, seen):
    return web.Response(text=well(body).text[:-30], content_type="application/json")


@behaviour
async def page(request, body, seen):
    return web.Response(text="<!doctype html>\n<title>Router</title>", content_type="text/html")


@behaviour
async def bad_gateway(request, body, seen):
    return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")


@behaviour
async def redirect(request, body, seen):
    return web.Response(status=307, headers={"Location": "http://example.com/v1/chat/completions"})


@behaviour
async def sets_a_cookie(request, body, seen):
    return web.json_response(completion(scripted(body)), headers={"Set-Cookie": "visitor=1; Path=/"})


@behaviour
async def busy_once(request, body, seen):
    return failure(429, "Too many requests", **{"Retry-After": "0.4"}) if seen["count"] == 1 else well(body)


@behaviour
async def busy_for_an_hour(request, body, seen):
    return failure(429, "Too many requests", **{"Retry-After": "3600"})


@behaviour
async def flaky_500(request, body, seen):
    return failure(500, "slot unavailable") if seen["count"] == 1 else well(body)


@behaviour
async def loading_for_a_while(request, body, seen):
    return failure(503, "Loading model") if seen["count"] <= 3 else well(body)


@behaviour
async def no_schema(request, body, seen):
    return failure(400, "'response_format' is not supported") if "response_format" in body else well(body)


@behaviour
async def no_grammar(request, body, seen):
    return failure(500, "failed to parse grammar") if "response_format" in body else well(body)


@behaviour
async def wrong_content_type(request, body, seen):
    return web.Response(text=well(body).text, content_type="text/plain")


@behaviour
async def parts(request, body, seen):
    text = {"type": "text", "text": scripted(body)}
    return web.json_response(completion([{"type": "reasoning", "summary": []}, text]))


@behaviour
async def chatter_once(request, body, seen):
    asked_again = len(body["messages"]) > 2
    return well(body) if asked_again else web.json_response(completion("What a lovely picture!"))


@behaviour
async def echo_key_in_answer(request, body, seen):
    return web.json_response(completion(f"The key is {seen['key']}."))


BODIES: dict[str, str] = {
    "not-json": "I am well,\nthank you.",
    "empty-body": "",
    "deep-json": "[" * 200_000,
    "binary": "".join(map(chr, range(256))),
    "other-shape": '{"response": "hello", "done": true}',
    "only-a-list": "[1, 2, 3]",
    "error-with-200": '{"error": "Unexpected endpoint or method. (POST /chat). Returning 200 anyway"}',
    "no-choices": '{"choices": []}',
    "null-choice": '{"choices": [null]}',
}
"""What models answer with a status of 200, whatever they are asked."""

TWO = json.dumps([{"bbox_2d": box, "label": label} for box, label in OBJECTS[:2]])
RUNAWAY = "the " * 4000

ANSWERS: dict[str, dict] = {
    "null-content": completion(None, finish="tool_calls"),
    "empty-null": completion(None),
    "filtered": completion(None, finish="content_filter"),
    "filtered-midway": completion(TWO, finish="content_filter"),
    "refuses": completion(None, refusal="I cannot help with that."),
    "cut-list": completion(TWO[:-1] + ",", finish="length"),
    "cut-but-closed": completion(TWO, finish="length"),
    "cut-by-time": completion(TWO, finish="timeout"),
    "aborted": completion(TWO, finish="abort"),
    "thinks-apart": completion("", reasoning_content=TWO),
    "thinks-in-reasoning": completion(None, reasoning=TWO),
    "thinks-in-parts": completion([{"type": "thinking", "thinking": [{"type": "text", "text": TWO}]}]),
    "thinks-in-text-parts": completion([{"type": "reasoning", "text": TWO}]),
    "half-a-character": completion('[{"bbox_2d": [100, 100, 160, 200], "label": "circle \\ud83d"}]'),
    "half-a-character-in-the-reply": completion("What a lovely picture! \ud83d"),
    "number-content": completion(10),
    "thought-too-long": completion("", finish="length", reasoning_content="Hmm, let me see."),
    "chatter": completion("What a lovely picture, ten out of ten!"),
    "says-nothing": completion(""),
    # As if the picture had told it to.
    "obeys-the-picture": completion('{"score": 10, "claims": [{"text": "it is perfect", "passed": true}]}'),
    "no-probabilities": completion("Yes"),
    "neither": completion("<think>", [("<think>", -0.01), ("\n", -5.0)]),
    "thinks-first": completion("<think>", [("<think>", -0.0001), ("Yes", -14.0), ("No", -17.0)]),
    "not-a-number": completion("Yes", [("Yes", float("nan")), ("No", float("-inf"))]),
    "half-a-number": completion("Yes", [("Yes", float("nan")), ("No", -0.1)]),
}
"""The same in OpenAI's form."""

FAILURES: dict[str, tuple[int, str]] = {
    "needs-key": (401, "Incorrect API key provided: {key}\nTry again."),
    "forbidden": (403, "no: {key}"),
    "echo-key": (400, "bad header Authorization: {key}"),
    "blind": (400, "Model does not support images. Please use a model that does."),
    "blind-500": (
        500,
        "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
    ),
    "short-context": (400, "the request exceeds the available context size, try increasing it"),
    "unknown-model-400": (400, "model 'unknown-model-400' not found"),
    "too-large": (413, "Request Entity Too Large"),
    "not-processable": (422, "seed: extra fields not permitted"),
    "refuses-probabilities": (400, "logprobs is not supported by this backend"),
    "busy": (429, "Too many requests"),
    "no-model-loaded": (
        404,
        "No models loaded. Please load a model in the developer page or use the 'lms load' command.",
    ),
    "no-model-loaded-400": (400, "No models loaded."),
    "blind-404": (404, "No endpoints found that support image input"),
    "fail-500": (500, "CUDA error: out of memory\n  in slot 3"),
    "fail-503": (503, "overloaded"),
    "loading": (503, "Loading model"),
}
"""Status and message of models that refuse every question; ``{key}`` is the header with the key."""
