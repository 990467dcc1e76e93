"""ComfyUI's own Start Loop and End Loop around xLARD Loop Start and End: one round in the body, the state carried on.

Only newer releases have these nodes; on others the tests are skipped.
"""

from __future__ import annotations

import pytest

from tests.graphs import demo_graph, pictures, shown
from tests.loop_graphs import ALWAYS, NEVER, add_loop, looped, ran, recorded, rounds_of


@pytest.fixture(scope="module")
def native(comfy):
    """The server, where ComfyUI has loops of its own."""
    if "StartLoop" not in comfy.object_info():
        pytest.skip("This ComfyUI has no Start Loop.")
    return comfy


def carried(iterations: int, batch: int = 1, **loop) -> dict:
    """The demo world drawing a round in each iteration of ComfyUI's loop: native, start, drawn, decoded, critique, end, closed."""
    graph = add_loop(demo_graph(batch), rounds=0, state=["native", 4], **loop)
    graph["native"] = {"class_type": "StartLoop", "inputs": {
        "mode": "simple", "mode.num_iterations": iterations, "cache_iterations": False}}
    graph["closed"] = {"class_type": "EndLoop", "inputs": {
        "output_value": ["end", 3], "next_iteration_value": ["end", 3], "accumulate": False}}
    return graph


def comparable(rounds: list) -> list[tuple]:
    """Rounds without their seconds."""
    return [(entry.strategy, entry.sigma, entry.seed, entry.nfe, entry.critic_calls) for entry in rounds]


def test_the_state_goes_through_comfyuis_loop_as_through_ours(native) -> None:
    own = recorded(native, looped(batch=2, prompt=NEVER, rounds=2))
    found = rounds_of(ran(native, shown(carried(3, batch=2, prompt=NEVER), state=("closed", 0))))
    assert [comparable(rounds) for rounds in found] == [comparable(rounds) for rounds in own]
    assert [len(rounds) for rounds in found] == [3, 3]


def test_the_best_pictures_are_those_of_our_loop(native) -> None:
    own = pictures(native, looped(prompt=NEVER, rounds=2), "end", 1)
    graph = carried(3, prompt=NEVER)
    graph["result"] = {"class_type": "XLARDLoopResult", "inputs": {"state": ["closed", 0]}}
    assert (pictures(native, graph, "result", 1) == own).all()


def test_what_passes_is_left_alone_in_the_iterations_that_remain(native) -> None:
    rounds, = rounds_of(ran(native, shown(carried(3, prompt=ALWAYS), state=("closed", 0))))
    assert len(rounds) == 1
