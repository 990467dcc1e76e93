"""Many jobs in one server: memory, files, threads and temporary files stay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.faulty_server import FaultyServer
from tests.support.long_runs import check_flat, queue_loops, used

pytestmark = pytest.mark.faults


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def test_a_hundred_queued_jobs(server) -> None:
    queue_loops(server, range(10))
    before = used(server)
    queue_loops(server, range(10, 110))
    check_flat(before, used(server))
