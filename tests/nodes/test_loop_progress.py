"""What a page hears while a loop runs: one bar that never falls, lines of text in order, a picture of each round."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import aiohttp
from PIL import Image

from tests.support.graphs import loop_graph
from tests.support.loop_graphs import ALWAYS, NEVER, looped, only
from xlard.comfy_server.server import ComfyServer
from xlard.loop.registry import DEFAULT_STRATEGIES

TEXT, PREVIEW = 3, 4
"""The first number of ComfyUI's binary messages."""


@dataclass
class Heard:
    """Bars (value, maximum), lines, sizes of pictures and shares, by the node that the page shows them on."""

    bars: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    pictures: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    states: dict[str, list[float]] = field(default_factory=dict)

    def take(self, message: aiohttp.WSMessage, prompt_id: str) -> bool:
        """Note a message; whether it ends the job."""
        if isinstance(message.data, bytes):
            self._take_binary(message.data)
            return False
        event = json.loads(message.data)
        data = event.get("data") or {}
        if event["type"] == "progress":
            self.bars.setdefault(data["node"], []).append((data["value"], data["max"]))
        if event["type"] == "progress_state":
            for node, state in data["nodes"].items():
                self.states.setdefault(node, []).append(state["value"] / state["max"])
        return event["type"] == "execution_success" and data["prompt_id"] == prompt_id

    def _take_binary(self, data: bytes) -> None:
        (kind,), rest = struct.unpack(">I", data[:4]), data[4:]
        if kind == TEXT:
            length = struct.unpack(">I", rest[:4])[0]
            node = rest[4 : 4 + length].decode()
            self.texts.setdefault(node, []).append(rest[4 + length :].decode())
        elif kind == PREVIEW:
            length = struct.unpack(">I", rest[:4])[0]
            about = json.loads(rest[4 : 4 + length])
            picture = Image.open(io.BytesIO(rest[4 + length :]))
            self.pictures.setdefault(about["display_node_id"], []).append(picture.size)


def heard(server: ComfyServer, graph: dict) -> Heard:
    """Run a graph as a page does that knows which node a preview belongs to."""

    async def listen() -> Heard:
        client, all_heard = uuid.uuid4().hex, Heard()
        address = f"{server.url.replace('http', 'ws', 1)}/ws?clientId={client}"
        async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
            await socket.send_json({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
            prompt_id = (await asyncio.to_thread(server.submit, graph, client))["prompt_id"]
            async for message in socket:
                if all_heard.take(message, prompt_id):
                    return all_heard
        raise AssertionError("The connection closed before the job's end.")

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asyncio.wait_for(listen(), 300)).result()


def in_one_node(**settings) -> dict:
    strategies = {name: name == "resample" for name in DEFAULT_STRATEGIES}
    return shown_at_end(loop_graph(prompt=NEVER, **{**strategies, **settings}))


def shown_at_end(graph: dict, node: str = "loop") -> dict:
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": [node, 1]}}
    return graph


def check_rising(bar: list[tuple[float, float]], maximum: int) -> None:
    """Check that a bar never falls nor changes its length, moves within rounds, and ends full."""
    assert {most for _, most in bar} == {maximum}
    values = [value for value, _ in bar]
    assert values == sorted(values) and values[-1] == maximum, values


def test_one_bar_and_one_line_for_all_rounds(comfy):
    told = heard(comfy, in_one_node(steps=10, rounds=2, seed=311))
    check_rising(told.bars["loop"], 3 * 100)
    # Steps of the sampler move it, too.
    assert len({value for value, _ in told.bars["loop"]}) > 3 * 5
    states = told.states["loop"]
    assert states[1:] == sorted(states[1:]) and states[-1] == 1, states
    assert told.texts["loop"] == [
        "First picture",
        "Round 1 of 2 \u00b7 2 of 2 claims fail \u00b7 resample",
        "Round 2 of 2 \u00b7 2 of 2 claims fail \u00b7 resample",
        "Finished \u00b7 2 of 2 claims fail",
    ]
    assert len(told.pictures["loop"]) >= 3


def test_a_loop_that_needs_no_more_rounds_fills_its_bar(comfy):
    graph = in_one_node(steps=6, rounds=3, seed=313)
    graph["loop"]["inputs"]["prompt"] = ALWAYS
    told = heard(comfy, graph)
    check_rising(told.bars["loop"], 4 * 100)
    assert told.texts["loop"] == ["First picture", "Finished \u00b7 every claim holds"]


def test_of_a_batch_the_pictures_that_are_drawn_are_named(comfy):
    graph = in_one_node(batch=3, steps=6, rounds=2, seed=314)
    graph["loop"]["inputs"]["prompt"] = "two red circles"
    told = heard(comfy, graph)
    check_rising(told.bars["loop"], 3 * 3 * 100)
    first, *later, last = told.texts["loop"]
    assert first == "First picture" and last.startswith("Finished")
    assert all("Round 1 of 2" in line or "Round 2 of 2" in line for line in later)


def test_a_loop_as_a_graph_shows_on_its_end_how_far_it_is(comfy):
    graph = shown_at_end(looped(steps=6, rounds=2, seed=315, **only("resample")), "end")
    told = heard(comfy, graph)
    # Its first run has two bars that are the same.
    assert told.bars["end"] == [(1, 3), (1, 3), (2, 3), (3, 3)]
    assert told.texts["end"] == [
        "Round 1 of 2 \u00b7 2 of 2 claims fail \u00b7 resample",
        "Round 2 of 2 \u00b7 2 of 2 claims fail \u00b7 resample",
        "Finished \u00b7 2 of 2 claims fail",
    ]
    assert len(told.pictures["end"]) == 3
