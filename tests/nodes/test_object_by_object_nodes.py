"""xLARD Self-Correct object by object, with a critic that misses one at first."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.support.chat_server import ChatServer
from tests.support.graphs import PROMPT, error, loop_graph, pixels, shown, text
from tests.support.loop_graphs import drawn_from
from xlard.loop.engine import derived_seed
from xlard.loop.object_by_object import PROCESSES

SEED = 6


def one_by_one(server: ChatServer, **settings) -> dict:
    """A loop that introduces what is missing, judged by a critic on the stand-in, with its history."""
    graph = loop_graph(
        clip=["world", 1], critic=["server", 0], seed=SEED, **{"rounds": 2, "process": PROCESSES[1], **settings}
    )
    del graph["loop"]["inputs"]["head"], graph["loop"]["inputs"]["corrector"]
    graph["server"] = {"class_type": "XLARDCriticServer", "inputs": {"url": server.url, "model": "lacks"}}
    graph["files"] = {"class_type": "XLARDReport", "inputs": {"state": ["loop", 3], "filename_prefix": "process/run"}}
    return shown(graph, history=("files", 1), passed=("loop", 5))


def test_what_is_missing_is_drawn_from_its_own_prompt_judged_alone_and_put_in(comfy, server):
    result = comfy.run(one_by_one(server))
    assert result.status == "success" and text(result, "passed") == "True", result.error
    with open(text(result, "history"), encoding="utf-8") as file:
        rounds = json.load(file)[0]["rounds"]
    assert [(round_["strategy"], round_["prompt"], round_["alone"], round_["accepted"]) for round_ in rounds] == [
        ("sample", "", False, True),
        ("introduce", "a blue square", True, False),
        ("compose", "", False, True),
    ]
    assert [claim["text"] for claim in rounds[1]["critique"]["claims"]] == ["one square", "the square is blue"]
    assert len(server.requests()) == 3 and rounds[2]["sigma"] == 0.5


def test_the_object_is_ksamplers_picture_of_its_prompt(comfy, server):
    result = comfy.run(shown(one_by_one(server, rounds=1), page=("files", 0)))
    with open(text(result, "page"), encoding="utf-8") as file:
        match = re.search(r'src="data:image/\w+;base64,([^"]+)" alt="Round 1"', file.read())
    thumbnail = Image.open(io.BytesIO(base64.b64decode(match.group(1)))).convert("RGB")
    alone, whole = (
        Image.fromarray(drawn_from(comfy, prompt, derived_seed(SEED, 1, 0))).resize(
            thumbnail.size, Image.Resampling.LANCZOS
        )
        for prompt in ("a blue square", PROMPT)
    )
    near, far = (
        np.abs(np.asarray(thumbnail, dtype=int) - np.asarray(expected, dtype=int)).mean() for expected in (alone, whole)
    )
    assert near < 3 < far


def no_clip(graph: dict) -> None:
    del graph["loop"]["inputs"]["clip"]


def other_text(graph: dict) -> None:
    graph["positive"]["inputs"]["text"] = "a green triangle"


def of_a_source(graph: dict) -> None:
    graph["loop"]["inputs"]["source"] = ["empty", 0]


@pytest.mark.parametrize(
    "change, message",
    [
        (no_clip, "nothing encodes these. Connect clip"),
        (other_text, "The prompt cannot be split into objects: no part of the positive conditioning"),
        (of_a_source, "An edit has no prompt to draw objects from"),
    ],
)
def test_what_it_needs_is_named(comfy, server, change, message):
    graph = one_by_one(server, rounds=1)
    change(graph)
    assert message in error(comfy, graph)
    assert pixels(comfy, {**graph, **loop_graph(rounds=0)}, "loop", 1).any()
