"""A pack of somebody else's that adds a critic backend, a strategy and a scorer, on the real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.graphs import demo_graph, loop_graph, shown, text
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer
from xlard.loop.registry import BUNDLED


@pytest.fixture(scope="module")
def extended() -> Iterator[ComfyServer]:
    with ServerWithNodes("foreign_pack.py") as server:
        yield server


def judged(critic: list, scoring: str | None = None) -> dict:
    """A picture of the demo world before a critic, with its report shown."""
    graph = demo_graph(steps=2)
    if scoring:
        graph["scored"] = {
            "class_type": "XLARDScoring",
            "inputs": {"critic": critic, "scoring": scoring, "judgements": 1, "temperature": 0.7, "regions": False},
        }
        critic = ["scored", 0]
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": critic, "prompt": "two red circles"},
    }
    return shown(graph, report=("critique", 6))


def with_loaded_critic(graph: dict, name: str) -> dict:
    graph["critic"] = {
        "class_type": "XLARDLoadCritic",
        "inputs": {"critic_name": name, "dtype": "auto", "attention": "sdpa"},
    }
    return graph


def test_what_it_adds_is_offered_last(extended) -> None:
    info = extended.object_info()
    for node in ("XLARDSelfCorrect", "XLARDLoopStart"):
        optional = list(info[node]["input"]["optional"])
        assert optional[-1] == "strategy_mirror" and "rearrange" in optional
    assert info["XLARDLoadCritic"]["input"]["required"]["critic_name"][1]["options"][-1] == "red circle seer"
    assert info["XLARDScoring"]["input"]["required"]["scoring"][1]["options"][-1] == "brightness"


def test_its_critic_judges(extended) -> None:
    result = extended.run(with_loaded_critic(judged(["critic", 0]), "red circle seer"))
    assert result.status == "success", result.error
    assert "two circles: 1 found, 2 asked for" in text(result, "report")


def test_its_scorer_scores(extended) -> None:
    result = extended.run(judged(["world", 3], "brightness"))
    assert result.status == "success", result.error
    assert "2 of 2 claims hold" in text(result, "report")


def test_its_strategy_takes_part_in_the_loop(extended) -> None:
    switches = {
        **dict.fromkeys((name for name in BUNDLED if name not in ("introduce", "compose")), False),
        "strategy_mirror": True,
    }
    graph = shown(loop_graph(prompt="five red circles", rounds=1, **switches), state=("loop", 3))
    result = extended.run(graph)
    assert result.status == "success", result.error
    assert "'mirror'" in text(result, "state") and "turned over" in text(result, "state")
