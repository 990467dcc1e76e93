"""Many jobs, many rounds, many pictures and sizes in one server: memory, files, threads and temporary files stay."""

from __future__ import annotations

import random
from collections.abc import Iterator

import psutil
import pytest

from tests.support.broken_loops import broken_loop
from tests.support.collecting import collect_graph
from tests.support.faulty_server import FaultyServer
from tests.support.graphs import demo_graph, text
from tests.support.loop_graphs import looped

pytestmark = pytest.mark.big

SHARE = 0.02
"""By how much memory may grow, relative to what it was when all had run once."""


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def used(server: FaultyServer) -> dict[str, float]:
    """What the server uses: memory in bytes, open files, threads, and files of cards in the temporary folder."""
    left = server.left()
    cards = len(list((server.base / "temp").glob("xlard_*")))
    return {
        "memory": psutil.Process(server.pid).memory_info().rss,
        "files": left["files"],
        "threads": left["threads"],
        "cards": cards,
    }


def check_flat(before: dict[str, float], after: dict[str, float]) -> None:
    """Check that what is used is what it was."""
    print({name: (before[name], after[name]) for name in before})
    assert after["memory"] <= before["memory"] * (1 + SHARE)
    # Sockets of the page and of the last request come and go.
    assert after["files"] <= before["files"] + 2
    assert after["threads"] <= before["threads"]
    assert after["cards"] <= before["cards"]


def run(server: FaultyServer, graph: dict) -> None:
    result = server.run(graph)
    assert result.status == "success", result.error


def test_a_hundred_queued_jobs(server) -> None:
    def queue(seeds: range) -> None:
        for seed in seeds:
            server.submit(broken_loop(1, seed=seed))
        server.wait_until_idle(3600)

    queue(range(20))
    before = used(server)
    queue(range(20, 120))
    check_flat(before, used(server))


def test_fifty_rounds_in_one_node_and_as_a_graph(server) -> None:
    for _ in range(2):
        run(server, broken_loop(50))
        run(server, looped(rounds=50))
    before = used(server)
    for _ in range(2):
        run(server, broken_loop(50))
        run(server, looped(rounds=50))
    check_flat(before, used(server))


def test_two_hundred_collected_pictures(server) -> None:
    prompts = [f"{number} {color} circles" for number in ("two", "three") for color in ("red", "blue", "green")]
    run(server, collect_graph("first", prompts, pictures_per_prompt=10))
    before = used(server)
    result = server.run(collect_graph("first", prompts, pictures_per_prompt=45))
    assert "210 pictures drawn, 60 were there already" in text(result, "report")
    check_flat(before, used(server))


def test_prompts_of_changing_sizes(server) -> None:
    chance = random.Random(0)

    def drawn(number: int) -> None:
        graph = broken_loop(1, prompt=f"{number % 7 + 2} circles", seed=number)
        sides = [64 + 32 * chance.randrange(5) for _ in "wh"]
        graph["empty"]["inputs"].update(width=sides[0], height=sides[1], batch_size=1 + number % 3)
        run(server, graph)

    for number in range(24):
        drawn(number)
    before = used(server)
    for number in range(24, 72):
        drawn(number)
    check_flat(before, used(server))
    assert server.run(demo_graph() | {"shown": {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}})
