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


@pytest.mark.parametrize(("own", "found"), [(1, 1), (2, 2)])
def test_pictures_are_those_of_the_loop(comfy, graph, own, found) -> None:
    assert (pictures(comfy, dict(graph), "loop", own) == pictures(comfy, dict(graph), "result", found)).all()


def test_latents_are_those_of_the_loop(comfy, graph) -> None:
    graph = dict(graph)
    for name, node in (("own", "loop"), ("found", "result")):
        graph[name] = {"class_type": "VAEDecode", "inputs": {"samples": [node, 0], "vae": ["world", 2]}}
    assert (pictures(comfy, dict(graph), "own") == pictures(comfy, dict(graph), "found")).all()


def test_verdicts_are_those_of_the_loop(comfy, graph) -> None:
    result = ran(
        comfy,
        shown(
            dict(graph),
            score=("loop", 4),
            passed=("loop", 5),
            report=("loop", 6),
            found_score=("result", 3),
            found_passed=("result", 4),
            found_report=("result", 5),
        ),
    )
    for name in ("score", "passed", "report"):
        assert text(result, name) == text(result, f"found_{name}")
    assert "nine triangles" in text(result, "report") and result.outputs["found_passed_shown"]["text"] == [
        "False",
        "False",
    ]


def test_the_state_of_a_graphs_loop_will_do(comfy) -> None:
    graph = with_result(add_loop(demo_graph(), prompt=NEVER, rounds=1), "end")
    assert (pictures(comfy, dict(graph), "end", 1) == pictures(comfy, dict(graph), "result", 1)).all()
