"""How a job of a ComfyUI server ended, and the messages by which its end is known."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, field
from typing import Any

ENDINGS = {"execution_success": "success", "execution_error": "error", "execution_interrupted": "interrupted"}
"""A job's status by the message that ends it."""

OnProgress = Callable[[str, float, float], None]
"""Called with a node's id, a value and the value's maximum; with (id, 0, 0) when the node starts."""


@dataclass
class JobResult:
    """How a job ended.

    `status` is "success", "error" or "interrupted". `outputs` holds each output node's interface values by node id,
    `error` the server's execution_error message (node_id, node_type, exception_message, traceback) if there is one,
    `history` the server's history of the job, `seconds` the wall time from queueing to the end, `executed` the ids of
    the nodes that ran (not those taken from the cache), `node_errors` what kept some of the outputs from being run.
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
        """Every output file (filename, subfolder, type), with the id of its node under `node`."""
        return [
            {**value, "node": node_id}
            for node_id, shown in self.outputs.items()
            for values in shown.values()
            if isinstance(values, list)
            for value in values
            if isinstance(value, dict) and {"filename", "subfolder", "type"} <= value.keys()
        ]


async def read_until_end(
    messages: AsyncIterable[Any], prompt_id: str, executed: list[str], on_progress: OnProgress | None
) -> tuple[str, dict] | None:
    """Read websocket messages up to the one that ends a job; its type and data, None if the connection closes first.

    The ids of the nodes that run are added to `executed`.
    """
    async for message in messages:
        # Binary messages are preview pictures.
        if not isinstance(message.data, str):
            continue
        event = json.loads(message.data)
        event_type, data = event["type"], event.get("data") or {}
        if data.get("prompt_id") != prompt_id:
            continue
        if event_type in ENDINGS:
            return event_type, data
        node_id = data.get("node")
        if event_type == "executing" and node_id is not None:
            executed.append(node_id)
        if on_progress is not None and node_id is not None and event_type in ("executing", "progress"):
            on_progress(node_id, data.get("value", 0), data.get("max", 0))
    return None
