"""A stand-in for servers of models: it answers well or misbehaves, depending on the model that is asked for.

``python -m tests.support.chat_server`` prints its port. Requests are listed at ``GET /requests``, ``DELETE /requests``
forgets them.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import urllib.request

from aiohttp import web

from tests.support.chat_behaviours import ANSWERS, BEHAVIOURS, BODIES, FAILURES, failure
from tests.support.chat_difficult import DIFFICULT
from tests.support.paths import CHECKOUT

MODELS = {
    "/v1": lambda: {"object": "list", "data": [{"id": "text-embedding-nomic"}, {"id": "shapes"}, {"id": "qwen2.5-vl"}]},
    "/ollama/v1": lambda: {"object": "list", "data": [{"id": "shapes"}]},
    "/empty/v1": lambda: {"object": "list", "data": []},
    "/null/v1": lambda: {"object": "list", "data": None},
    "/odd/v1": lambda: {"models": "many"},
}
"""What ``GET /models`` answers below each base path; below other paths there is nothing."""


REPLIES = "replies "
"""The model of this name and a body answers with the body."""

REDIRECTS = "redirects "
"""The model of this name, a status and a URL sends each question on to the URL."""

LATER = "later "
"""The model of this name and another's answers well at first, and from the second question on as the other does."""


class StandIn:
    """The application and what it remembers of its requests."""

    def __init__(self):
        self.requests: list[dict] = []
        self.open = 0

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        model = body["model"]
        self.open += 1
        count = 1 + sum(other.get("model") == model for other in self.requests)
        seen = {
            "path": request.path,
            "model": model,
            "body": body,
            "key": request.headers.get("Authorization"),
            "cookie": request.headers.get("Cookie"),
            "at_once": self.open,
            "count": count,
            "closed": False,
        }
        self.requests.append(seen)
        if model.startswith(LATER):
            model = "shapes" if count == 1 else model.removeprefix(LATER)
        try:
            behaviours = BEHAVIOURS | DIFFICULT
            if model in behaviours:
                return await behaviours[model](request, body, seen)
            if model.startswith(REDIRECTS):
                status, url = model.removeprefix(REDIRECTS).split()
                return web.Response(status=int(status), headers={"Location": url})
            if model.startswith(REPLIES):
                return web.Response(text=model.removeprefix(REPLIES), content_type="application/json")
            if model in BODIES:
                return web.Response(text=BODIES[model], content_type="application/json")
            if model in ANSWERS:
                return web.json_response(ANSWERS[model])
            status, message = FAILURES.get(model, (404, f"model '{model}' not found"))
            return failure(status, message.replace("{key}", str(seen["key"])))
        finally:
            self.open -= 1

    async def models(self, request: web.Request) -> web.Response:
        self.requests.append({"path": request.path, "key": request.headers.get("Authorization")})
        return web.json_response(MODELS[request.path.removesuffix("/models")]())

    async def list_requests(self, request: web.Request) -> web.Response:
        return web.json_response(self.requests)

    async def forget(self, request: web.Request) -> web.Response:
        self.requests.clear()
        return web.json_response({})

    async def version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": "0.12.11"})

    async def generate(self, request: web.Request) -> web.Response:
        """Ollama's own way to say how long a model stays in memory."""
        self.requests.append({"path": request.path, "body": await request.json()})
        return web.json_response({"response": "", "done": True, "done_reason": "unload"})

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application(client_max_size=2**26)
        application.router.add_get("/requests", self.list_requests)
        application.router.add_delete("/requests", self.forget)
        application.router.add_get("/ollama/api/version", self.version)
        application.router.add_post("/ollama/api/generate", self.generate)
        for base in MODELS:
            application.router.add_get(f"{base}/models", self.models)
            application.router.add_post(f"{base}/chat/completions", self.chat)
        return application


class ChatServer:
    """The stand-in in a process of its own, on a port that may be chosen; a context manager.

    With a ``delay`` it begins to listen so many seconds later.
    """

    def __init__(self, port: int = 0, delay: float = 0.0):
        self.port, self._delay = port, delay

    def __enter__(self) -> ChatServer:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.chat_server", str(self.port), str(self._delay)],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            text=True,
        )
        if not self._delay:
            self.port = int(self._process.stdout.readline())
        self.root = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *exception) -> None:
        self.kill()
        self._process.stdout.close()

    def kill(self) -> None:
        """End the process, as a crash would."""
        self._process.kill()
        self._process.wait()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{self.root}/v1"

    def requests(self, path: str = "/v1/chat/completions") -> list[dict]:
        """The requests to a path since they were last forgotten."""
        with urllib.request.urlopen(f"{self.root}/requests", timeout=10) as answer:
            return [seen for seen in json.load(answer) if seen["path"] == path]

    def forget(self) -> None:
        """Forget all requests."""
        urllib.request.urlopen(urllib.request.Request(f"{self.root}/requests", method="DELETE"), timeout=10).close()


async def serve(port: int = 0, delay: float = 0.0) -> None:
    """Serve on a port of the loopback address, a free one for 0, which is printed, until the process is ended."""
    await asyncio.sleep(delay)
    runner = web.AppRunner(StandIn().application(), access_log=None)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", port))
    await web.SockSite(runner, listening).start()
    print(listening.getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*(convert(argument) for convert, argument in zip((int, float), sys.argv[1:]))))
