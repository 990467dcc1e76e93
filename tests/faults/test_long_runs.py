"""Long runs in one server: memory, files, threads and temporary files stay.

Each test first does once what it repeats, so that all code is loaded and all models have room; then nothing may grow.
Memory is what the process holds after garbage and free memory have been given back: ``tests/support/long_runs.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from tests.support.broken_loops import broken_loop
from tests.support.collecting import collect_graph
from tests.support.faulty_server import FaultyServer
from tests.support.graphs import text
from tests.support.long_runs import check_flat, queue_loops, used
from tests.support.loop_graphs import ran

pytestmark = pytest.mark.big

SIZES = tuple(product(range(64, 160, 16), range(64, 128, 16)))
"""24 widths and heights in pixels."""

ASKED_FOR = tuple(
    f"{number} {color} {shape}"
    for color, shape, number in product(
        ("red", "blue", "green", "yellow"), ("circles", "squares", "triangles"), ("two", "nine")
    )
)
"""As many prompts."""

COLLECTED = ("a red circle", "two squares", "a blue circle left of a green square", "three yellow triangles")


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def test_a_hundred_queued_jobs(server) -> None:
    queue_loops(server, range(10))
    before = used(server)
    queue_loops(server, range(10, 110))
    check_flat(before, used(server))


def test_fifty_rounds(server) -> None:
    for first_seed in (0, 100):
        before = used(server) if first_seed else {}
        ran(server, broken_loop(rounds=50, steps=2, seed=first_seed + 50))
        # Short loops take the place of what ComfyUI and the cards of the node's last 8 runs hold of 50 rounds.
        queue_loops(server, range(first_seed, first_seed + 8))
    check_flat(before, used(server))


def test_a_collection_of_200_pictures(server) -> None:
    cheap = {"steps": 2, "views": 0, "levels": "0.5"}
    for seed, name in enumerate(("first", "second")):
        before = used(server) if seed else {}
        result = ran(server, collect_graph(name, seed=seed, prompts=COLLECTED, pictures_per_prompt=50, **cheap))
        assert "200 pictures of 4 prompts" in text(result, "report")
    check_flat(before, used(server))


def test_24_prompts_of_changing_sizes(server) -> None:
    queue_sizes(server, first_seed=0)
    before = used(server)
    queue_sizes(server, first_seed=100)
    check_flat(before, used(server))


def queue_sizes(server: FaultyServer, first_seed: int) -> None:
    """Queue a loop for each of ``SIZES``, each with a prompt of its own, and wait until all have run."""
    for seed, ((width, height), asked) in enumerate(zip(SIZES, ASKED_FOR, strict=True), first_seed):
        graph = broken_loop(rounds=1, steps=2, seed=seed, prompt=asked)
        graph["positive"]["inputs"]["text"] = asked
        graph["empty"]["inputs"].update(width=width, height=height)
        server.submit(graph)
    server.wait_until_idle(3600)
