"""Following one job of a ComfyUI server over its websocket, and what comes out of it."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field


class JobError(Exception):
    """The server refused a prompt; `node_errors` is what it said, by node id."""

    def __init__(self, message: str, node_errors: dict):
        super().__init__(message)
        self.node_errors = node_errors

    @classmethod
    def from_refusal(cls, answer: dict, prompt: dict) -> JobError:
        """Word the body of a 400 answer to POST /prompt."""
        error = answer.get("error", {})
        node_errors = answer.get("node_errors") or {}
        lines = [f"ComfyUI refused the prompt: {error.get('message')} {error.get('details', '')}".strip()]
        for node_id, found in node_errors.items():
            kind = prompt.get(node_id, {}).get("class_type", "?")
            for each in found["errors"]:
                lines.append(f"  node {node_id} ({kind}): {each['message']}: {each['details']}")
        return cls("\n".join(lines), node_errors)


@dataclass
class JobResult:
    """How a job ended.

    `status` is "success", "error" or "interrupted". `outputs` holds each output node's interface entries by node id,
    `error` the server's execution_error message (node_id, node_type, exception_message, traceback) if there is one,
    `history` the server's history entry, `seconds` the wall time from queueing to the end, `executed` the ids of the
    nodes that ran (not those taken from the cache), `node_errors` what kept some of the outputs from being run.
    """

    prompt_id: str
    status: str
    outputs: dict
    error: dict | None
    history: dict
    seconds: float
    executed: list[str] = field(default_factory=list)
    node_errors: dict = field(default_factory=dict)

    def files(self) -> list[dict]:
        """Every file entry of the outputs, with the id of its node under `node`."""
        return [
            {**entry, "node": node}
            for node, shown in self.outputs.items()
            for entries in shown.values()
            if isinstance(entries, list)
            for entry in entries
            if isinstance(entry, dict) and {"filename", "subfolder", "type"} <= entry.keys()
        ]


ENDINGS = {"execution_success": "success", "execution_error": "error", "execution_interrupted": "interrupted"}


def follow_job(server, prompt: dict, timeout: float, on_progress: Callable | None) -> JobResult:
    """Queue `prompt` at `server` and wait for its end; see ComfyServer.run."""
    # In a thread of its own: the caller's may run an event loop already, as a browser driver's does.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, _follow(server, prompt, timeout, on_progress)).result()


async def _follow(server, prompt: dict, timeout: float, on_progress: Callable | None) -> JobResult:
    import aiohttp

    client_id = uuid.uuid4().hex
    socket_url = f"{server.url.replace('http', 'ws', 1)}/ws?clientId={client_id}"
    start = time.monotonic()
    executed: list[str] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(socket_url, max_msg_size=0) as socket:
        answer = await asyncio.to_thread(server.submit, prompt, client_id)
        prompt_id = answer["prompt_id"]
        try:
            ending = await asyncio.wait_for(_read(socket, prompt_id, executed, on_progress), timeout)
        except asyncio.TimeoutError:
            await asyncio.to_thread(server.interrupt)
            raise TimeoutError(
                f"The job did not end within {timeout:.0f} s; it was interrupted. The server's last lines:\n"
                f"{server.log_tail()}"
            ) from None
        if ending is None:
            raise ConnectionError(f"ComfyUI closed the connection during the job.\n{server.log_tail()}")
    kind, data = ending
    history = await asyncio.to_thread(_history, server, prompt_id)
    return JobResult(
        prompt_id=prompt_id,
        status=ENDINGS[kind],
        outputs=history.get("outputs", {}),
        error=data if kind == "execution_error" else None,
        history=history,
        seconds=time.monotonic() - start,
        executed=executed,
        node_errors=answer.get("node_errors") or {},
    )


async def _read(socket, prompt_id: str, executed: list[str], on_progress: Callable | None) -> tuple[str, dict] | None:
    async for message in socket:
        # Binary messages are preview pictures.
        if not isinstance(message.data, str):
            continue
        event = json.loads(message.data)
        kind, data = event["type"], event.get("data") or {}
        if data.get("prompt_id") != prompt_id:
            continue
        if kind in ENDINGS:
            return kind, data
        node = data.get("node")
        if kind == "executing" and node is not None:
            executed.append(node)
        if on_progress is not None and node is not None and kind in ("executing", "progress"):
            on_progress(node, data.get("value", 0), data.get("max", 0))
    return None


def _history(server, prompt_id: str) -> dict:
    # The end is announced a moment before the history entry is written.
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = server.get_json(f"/history/{prompt_id}")
        if prompt_id in found:
            return found[prompt_id]
        time.sleep(0.05)
    raise TimeoutError(f"ComfyUI has no history entry for the finished job {prompt_id}.")
