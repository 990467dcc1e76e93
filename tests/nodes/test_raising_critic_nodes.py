"""A judge of another pack that raises or gives what no critic of ours does: nothing that was drawn is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.collecting import collect_graph
from tests.support.graphs import demo_graph, error, loop_graph, pictures, shown, text
from tests.support.loop_graphs import looped
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer

HOPELESS = "nine red circles left of nine blue squares"
"""Asks for more than the demo world can draw."""

PLAIN = {"prompt": HOPELESS, "rounds": 3, "rearrange": False, "region": False, "correct": False}
CAUSE = "The critic failed (KeyError: 'label')."


@pytest.fixture(scope="module")
def raising() -> Iterator[ComfyServer]:
    with ServerWithNodes("raising_critic.py") as server:
        yield server


def with_critic(graph: dict, node: str, spared: int, kind: str = "KeyError") -> dict:
    graph["raising"] = {
        "class_type": "XLARDTestRaisingCritic",
        "inputs": {"critic": ["world", 3], "spared": spared, "kind": kind, "run": 0},
    }
    graph[node]["inputs"]["critic"] = ["raising", 0]
    return graph


def test_the_loop_in_one_node_returns_the_best_picture_and_saves_the_rest(raising) -> None:
    result = raising.run(shown(with_critic(loop_graph(**PLAIN), "loop", 1), report=("loop", 6)))
    assert result.status == "success", result.error
    report = text(result, "report")
    assert f"What round 1 drew could not be judged. {CAUSE}" in report and "saved as xLARD_unjudged_" in report


def test_the_loop_in_one_node_names_the_file_of_first_pictures_that_nobody_judged(raising) -> None:
    message = error(raising, shown(with_critic(loop_graph(**PLAIN), "loop", 0), report=("loop", 6)))
    assert f"The first pictures could not be judged. {CAUSE}" in message and "saved as xLARD_unjudged_" in message


def test_the_loop_as_a_graph_returns_the_best_picture_and_saves_the_rest(raising) -> None:
    graph = with_critic(shown(looped(**PLAIN), report=("end", 6)), "critique", 2)
    result = raising.run(graph)
    assert result.status == "success", result.error
    report = text(result, "report")
    assert f"What round 2 drew could not be judged. {CAUSE}" in report and "saved as xLARD_unjudged_" in report


ODD = {
    "few": "gave 0 verdicts",
    "stop": "StopIteration",
    "text score": "is no number",
    "nan box": "which is no number to count with",
    "nothing": "among its critiques",
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_critique_costs_a_loop_no_picture(raising, kind) -> None:
    result = raising.run(shown(with_critic(loop_graph(**PLAIN), "loop", 1, kind), report=("loop", 6)))
    assert result.status == "success", result.error
    assert "What round 1 drew could not be judged." in (report := text(result, "report")) and ODD[kind] in report
    message = error(raising, shown(with_critic(loop_graph(**PLAIN), "loop", 0, kind), report=("loop", 6)))
    assert ODD[kind] in message and "saved as xLARD_unjudged_" in message
    as_graph = raising.run(with_critic(shown(looped(**PLAIN), report=("end", 6)), "critique", 2, kind))
    assert as_graph.status == "success", as_graph.error
    assert ODD[kind] in text(as_graph, "report")


def test_numbers_of_numpy_are_taken(raising) -> None:
    for graph, node in ((loop_graph(**PLAIN), "loop"), (looped(**PLAIN), "critique")):
        end = "end" if node == "critique" else "loop"
        result = raising.run(with_critic(shown(graph, report=(end, 6)), node, 0, "numpy"))
        assert result.status == "success", result.error
        assert "could not be judged" not in text(result, "report")


@pytest.mark.parametrize("spared", [0, 1])
def test_cancelling_in_a_judge_ends_the_job_as_cancelled(raising, spared) -> None:
    loop = shown(loop_graph(**PLAIN), report=("loop", 6))
    as_graph = shown(looped(**PLAIN), report=("end", 6))
    assert raising.run(with_critic(loop, "loop", spared, "cancelled")).status == "interrupted"
    assert raising.run(with_critic(as_graph, "critique", spared, "cancelled")).status == "interrupted"
    # The next run is a clean one.
    assert pictures(raising, demo_graph(), "decoded").shape[0] == 1


@pytest.mark.parametrize(
    ("kind", "cause"), [("KeyError", CAUSE), ("stop", "StopIteration"), ("few", "gave 0 verdicts")]
)
def test_outside_of_a_loop_the_error_says_that_the_critic_failed(raising, kind, cause) -> None:
    graph = demo_graph()
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": "a red circle"},
    }
    result = raising.run(shown(with_critic(graph, "critique", 0, kind), report=("critique", 6)))
    assert result.status == "error" and result.error["exception_type"].endswith("CriticError")
    assert "The critic failed" in str(result.error) and cause in str(result.error)


@pytest.mark.parametrize(("kind", "cause"), [("KeyError", CAUSE), ("few", "gave 0 verdicts")])
def test_collecting_says_that_the_critic_failed_and_keeps_what_was_judged_before(raising, kind, cause) -> None:
    name = f"raising_{kind}"
    message = error(raising, with_critic(collect_graph(name), "collect", 1, kind))
    assert cause in message
    assert "4 pictures drawn, 2 were there already" in text(raising.run(collect_graph(name)), "report")


@pytest.mark.parametrize(
    ("kind", "cause"),
    [("mute", "Mute: it gives no reason"), ("garbled", "Garbled: half: \ufffd"), ("noted", "ValueError: whole")],
)
def test_an_error_that_cannot_be_written_ends_neither_the_loop_nor_comfyui(raising, kind, cause) -> None:
    result = raising.run(shown(with_critic(loop_graph(**PLAIN), "loop", 1, kind), report=("loop", 6)))
    assert result.status == "success", result.error
    assert f"The critic failed ({cause})." in text(result, "report")
    graph = demo_graph()
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": "a red circle"},
    }
    result = raising.run(shown(with_critic(graph, "critique", 0, kind), report=("critique", 6)))
    assert result.status == "error" and cause.split(":")[0] in str(result.error)
    assert pictures(raising, demo_graph(), "decoded").shape[0] == 1
