"""Many jobs, many rounds, many pictures and sizes in one server: memory, files, threads and temporary files stay."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest

from tests.support.broken_loops import broken_loop
from tests.support.collecting import collect_graph
from tests.support.faulty_server import FaultyServer
from tests.support.graphs import text
from tests.support.long_runs import check_flat, queue_loops, used
from tests.support.loop_graphs import looped, only

pytestmark = pytest.mark.faults


CARD = 27
"""Pictures on a card at most: of the last 24 rounds, the first, the best, and the best as it is shown."""


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def run(server: FaultyServer, graph: dict) -> None:
    result = server.run(graph)
    assert result.status == "success", result.error


def test_a_hundred_queued_jobs(server) -> None:
    queue_loops(server, range(10))
    before = used(server)
    queue_loops(server, range(10, 110))
    check_flat(before, used(server))


def test_fifty_rounds_in_one_node_and_as_a_graph(server) -> None:
    def as_a_graph(rounds: int, seed: int) -> dict:
        return looped(rounds=rounds, steps=2, seed=seed, **only("resample"))

    run(server, broken_loop(10, steps=2, seed=1))
    # So many previews of a node stay.
    run(server, as_a_graph(64, seed=1))
    before = used(server)
    run(server, broken_loop(50, steps=2, seed=2))
    run(server, as_a_graph(50, seed=2))
    check_flat(before, used(server), new_files=2 * CARD)


def test_two_hundred_collected_pictures(server) -> None:
    prompts = [f"{number} {color} circles" for number in ("two", "three") for color in ("red", "blue")]
    run(server, collect_graph("first", prompts, pictures_per_prompt=3, steps=2))
    before = used(server)
    result = server.run(collect_graph("first", prompts, pictures_per_prompt=53, steps=2))
    assert "200 pictures drawn, 12 were there already" in text(result, "report")
    check_flat(before, used(server))


def test_prompts_of_changing_sizes(server) -> None:
    chance = random.Random(0)
    sizes = [(64 + 32 * chance.randrange(5), 64 + 32 * chance.randrange(5), 1 + number % 3) for number in range(24)]

    def drawn(seed: int, sizes: list[tuple[int, int, int]]) -> None:
        for number, (width, height, batch) in enumerate(sizes):
            prompt = f"{number % 3 + 7} red circles left of nine blue squares"
            graph = broken_loop(1, prompt=prompt, seed=seed + number, steps=2)
            graph["empty"]["inputs"].update(width=width, height=height, batch_size=batch)
            run(server, graph)

    # The largest, which need the most memory, first.
    drawn(0, sorted(sizes, key=math.prod)[-8:])
    before = used(server)
    drawn(100, sizes)
    check_flat(before, used(server))
