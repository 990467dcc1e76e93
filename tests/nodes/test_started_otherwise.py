"""ComfyUI started with other options: the demo's loops run, in one node and as a graph."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.demo_jobs import demo_job
from tests.support.faulty_server import FaultyServer

OPTIONS = {"no cache": ("--cache-none",), "a cache of one, no metadata": ("--cache-lru", "1", "--disable-metadata")}


@pytest.fixture(scope="module", params=OPTIONS, ids=list(OPTIONS))
def server(request: pytest.FixtureRequest) -> Iterator[FaultyServer]:
    with FaultyServer(arguments=OPTIONS[request.param]) as running:
        yield running


@pytest.mark.parametrize("name", ["demo_self_correct", "demo_loop_graph", "demo_step_by_step"])
def test_a_demo_workflow_runs(server, name: str) -> None:
    for seed in (1, 2):
        result = server.run(demo_job(server, name, seed))
        assert (result.status, result.node_errors) == ("success", {}), result.error
    assert "Traceback" not in server.log()
