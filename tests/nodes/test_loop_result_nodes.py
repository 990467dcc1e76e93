"""xLARD Loop Result: from a state what the loop itself gave."""

from __future__ import annotations

import pytest

from tests.support.graphs import demo_graph, loop_graph, pictures, shown, text
from tests.support.loop_graphs import NEVER, add_loop, ran


def with_result(graph: dict, loop: str) -> dict:
    """The graph with a node result behind the state of a loop."""
    graph["result"] = {"class_type": "XLARDLoopResult", "inputs": {"state": [loop, 3]}}
    return graph


@pytest.fixture(scope="module")
def graph() -> dict:
    """Two pictures, corrected in vain, so that the first and the best may differ."""
    return with_result(loop_graph(batch=2, prompt=NEVER, rounds=1), "loop")


@pytest.mark.parametrize(("loop_slot", "result_slot"), [(1, 1), (2, 2)])
def test_pictures_are_those_of_the_loop(comfy, graph, loop_slot, result_slot) -> None:
    assert (
        pictures(comfy, dict(graph), "loop", loop_slot) == pictures(comfy, dict(graph), "result", result_slot)
    ).all()


def test_latents_are_those_of_the_loop(comfy, graph) -> None:
    graph = dict(graph)
    for name, node in (("of_loop", "loop"), ("of_result", "result")):
        graph[name] = {"class_type": "VAEDecode", "inputs": {"samples": [node, 0], "vae": ["world", 2]}}
    assert (pictures(comfy, dict(graph), "of_loop") == pictures(comfy, dict(graph), "of_result")).all()


def test_verdicts_are_those_of_the_loop(comfy, graph) -> None:
    result = ran(
        comfy,
        shown(
            dict(graph),
            score=("loop", 4),
            passed=("loop", 5),
            report=("loop", 6),
            result_score=("result", 3),
            result_passed=("result", 4),
            result_report=("result", 5),
        ),
    )
    for name in ("score", "passed", "report"):
        assert text(result, name) == text(result, f"result_{name}")
    assert "nine triangles" in text(result, "report") and result.outputs["result_passed_shown"]["text"] == [
        "False",
        "False",
    ]


def test_the_state_of_a_graphs_loop_will_do(comfy) -> None:
    graph = with_result(add_loop(demo_graph(), prompt=NEVER, rounds=1), "end")
    assert (pictures(comfy, dict(graph), "end", 1) == pictures(comfy, dict(graph), "result", 1)).all()
