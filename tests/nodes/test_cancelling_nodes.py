"""Cancel in any round: it stops within a step, the best pictures so far are in the history, and the next run is
clean.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from tests.support.graphs import loop_graph, pictures
from tests.support.loop_graphs import NEVER, by_round, looped, only
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer
from xlard.loop.registry import DEFAULT_STRATEGIES

STEPS = 5


@pytest.fixture(scope="module")
def cancelling() -> Iterator[ComfyServer]:
    with ServerWithNodes("cancelling.py") as server:
        yield server


def in_one_node(call: int, rounds: int, **settings) -> dict:
    """Self-Correct on a model that is cancelled in a call; each round is a fresh draw of ``STEPS`` calls."""
    strategies = {name: name == "resample" for name in DEFAULT_STRATEGIES}
    return cancelled_in(
        call, loop_graph(steps=STEPS, rounds=rounds, seed=40, prompt=NEVER, **{**strategies, **settings}), "loop"
    )


def as_graph(call: int, rounds: int) -> dict:
    """The same between Loop Start and Loop End."""
    return cancelled_in(call, looped(steps=STEPS, rounds=rounds, seed=41, **only("resample")), "start")


def cancelled_in(call: int, graph: dict, node: str) -> dict:
    graph["cancel"] = {"class_type": "XLARDTestCancelDuringCall", "inputs": {"model": ["world", 0], "call": call}}
    graph[node]["inputs"]["model"] = ["cancel", 0]
    return graph


def calls(server: ComfyServer) -> int:
    """Calls of the model that have begun in the last run."""
    return int(next(server.base.rglob("temp/calls")).read_text())


def shown_by(server: ComfyServer, shown: dict) -> np.ndarray:
    (file,) = shown["images"]
    return np.asarray(Image.open(io.BytesIO(server.view(file))))


@pytest.mark.parametrize("rounds_before", [1, 2, 3])
@pytest.mark.parametrize("step", [1, STEPS])
def test_in_one_node(cancelling, rounds_before, step):
    call = rounds_before * STEPS + step
    result = run_on(cancelling, in_one_node(call, rounds=4), "loop", 1)
    assert result.status == "interrupted" and calls(cancelling) <= call + 1
    best = pictures(cancelling, in_one_node(0, rounds=rounds_before - 1), "loop", 1)[0]
    assert (shown_by(cancelling, result.outputs["loop"]) == best).all()
    again = run_on(cancelling, in_one_node(0, rounds=4), "loop", 1)
    assert again.status == "success" and "loop" in again.executed and calls(cancelling) == 5 * STEPS


@pytest.mark.parametrize("call", [1, STEPS])
def test_in_the_first_picture_there_is_nothing_to_leave(cancelling, call):
    result = run_on(cancelling, in_one_node(call, rounds=1), "loop", 1)
    assert result.status == "interrupted" and not result.outputs and calls(cancelling) <= call + 1


def test_in_the_call_that_a_corrector_takes(cancelling):
    """The fourth of a schedule of five from 1 down, before what it predicts at 0.4 is corrected."""
    settings = {"first_picture": "always", "correct": True}
    call = (STEPS + 1) + 4
    result = run_on(cancelling, in_one_node(call, rounds=2, **settings), "loop", 1)
    assert result.status == "interrupted" and calls(cancelling) <= call + 1
    best = pictures(cancelling, in_one_node(0, rounds=0, **settings), "loop", 1)[0]
    assert (shown_by(cancelling, result.outputs["loop"]) == best).all()


@pytest.mark.parametrize("rounds_before", [1, 2, 3])
def test_in_the_graph(cancelling, rounds_before):
    call = rounds_before * STEPS + 2
    result = run_on(cancelling, as_graph(call, rounds=4), "end", 1)
    assert result.status == "interrupted" and calls(cancelling) <= call + 1
    best = pictures(cancelling, as_graph(0, rounds=rounds_before - 1), "end", 1)[0]
    assert (shown_by(cancelling, by_round(result, "start")[-1]) == best).all()
    again = run_on(cancelling, as_graph(0, rounds=4), "end", 1)
    assert again.status == "success" and len(by_round(again, "critique")) == 5


def run_on(server: ComfyServer, graph: dict, node: str, slot: int):
    """The end of a job that shows a picture of a node."""
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": [node, slot]}}
    return server.run(graph)
