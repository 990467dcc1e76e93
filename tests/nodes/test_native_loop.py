"""ComfyUI's own Start Loop and End Loop around xLARD Loop Start and End: one round in the body, the state carried on.

Only newer releases have these nodes; on others the tests that run them are skipped.
"""

from __future__ import annotations

import pytest

from tests.support.graphs import demo_graph, pictures, shown
from tests.support.loop_graphs import ALWAYS, NEVER, add_loop, looped, ran, recorded, rounds_of
from tests.support.object_info import declaration
from tests.support.workflows import saved
from xlard.comfy_server.workflow import workflow_to_api

DECLARED = {
    "StartLoop": declaration(
        {
            "mode": [
                "COMFY_DYNAMICCOMBO_V3",
                {"options": [{"key": "simple", "inputs": {"required": {"num_iterations": ["INT", {"default": 4}]}}}]},
            ],
            "cache_iterations": ["BOOLEAN", {"default": False}],
        },
        {"parent_iteration": ["INT", {"forceInput": True}], "initial_iteration_value": ["COMFY_MATCHTYPE_V3", {}]},
    ),
    "EndLoop": declaration(
        {"accumulate": ["BOOLEAN", {"default": False}]},
        {
            "output_value": ["COMFY_MATCHTYPE_V3", {}],
            "next_iteration_value": ["COMFY_MATCHTYPE_V3", {}],
            "terminations": ["COMFY_AUTOGROW_V3", {}],
        },
    ),
}
"""What newer releases say of the two nodes, as far as a saved workflow is read by it."""


@pytest.fixture(scope="module")
def native(comfy):
    """The server, where ComfyUI has loops of its own."""
    if "StartLoop" not in comfy.object_info():
        pytest.skip("This ComfyUI has no Start Loop.")
    return comfy


def carried(iterations: int, batch: int = 1, **loop) -> dict:
    """The demo world drawing a round in each iteration of ComfyUI's loop: native, start, drawn, decoded, critique, end,
    closed.
    """
    graph = add_loop(demo_graph(batch), rounds=0, state=["native", 4], **loop)
    graph["native"] = {
        "class_type": "StartLoop",
        "inputs": {"mode": "simple", "mode.num_iterations": iterations, "cache_iterations": False},
    }
    graph["closed"] = {
        "class_type": "EndLoop",
        "inputs": {"output_value": ["end", 3], "next_iteration_value": ["end", 3], "accumulate": False},
    }
    return graph


def inputs_of(graph: dict, kind: str) -> dict:
    """The inputs of the only node of a class; a link as the class that it comes from, and the slot."""
    (inputs,) = (node["inputs"] for node in graph.values() if node["class_type"] == kind)
    return {
        name: (graph[value[0]]["class_type"], value[1]) if isinstance(value, list) else value
        for name, value in inputs.items()
    }


def comparable(rounds: list) -> list[tuple]:
    """Rounds without their seconds."""
    return [(round_.strategy, round_.noise_level, round_.seed, round_.nfe, round_.critic_calls) for round_ in rounds]


def test_the_state_goes_through_comfyuis_loop_as_through_ours(native) -> None:
    expected = recorded(native, looped(batch=2, prompt=NEVER, rounds=2))
    carried_rounds = rounds_of(ran(native, shown(carried(3, batch=2, prompt=NEVER), state=("closed", 0))))
    assert [comparable(rounds) for rounds in carried_rounds] == [comparable(rounds) for rounds in expected]
    assert [len(rounds) for rounds in carried_rounds] == [3, 3]


def test_the_best_pictures_are_those_of_our_loop(native) -> None:
    expected = pictures(native, looped(prompt=NEVER, rounds=2), "end", 1)
    graph = carried(3, prompt=NEVER)
    graph["result"] = {"class_type": "XLARDLoopResult", "inputs": {"state": ["closed", 0]}}
    assert (pictures(native, graph, "result", 1) == expected).all()


def test_what_passes_is_left_alone_in_the_iterations_that_remain(native) -> None:
    (rounds,) = rounds_of(ran(native, shown(carried(3, prompt=ALWAYS), state=("closed", 0))))
    assert len(rounds) == 1


def test_the_shipped_workflow_has_the_nodes_wired_as_here(comfy) -> None:
    shipped = workflow_to_api(saved("demo_native_loop"), {**DECLARED, **comfy.object_info()})
    graph = carried(5)
    for kind in ("StartLoop", "EndLoop", "XLARDLoopEnd"):
        assert inputs_of(shipped, kind) == inputs_of(graph, kind)
    assert (
        inputs_of(shipped, "XLARDLoopStart")["state"] == inputs_of(graph, "XLARDLoopStart")["state"] == ("StartLoop", 4)
    )
    assert (
        inputs_of(shipped, "XLARDLoopResult")["state"] == inputs_of(shipped, "XLARDReport")["state"] == ("EndLoop", 0)
    )
