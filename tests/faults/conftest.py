"""What tests of faults share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.faulty_server import FaultyServer
from tests.support.server_critics import KEY


@pytest.fixture(scope="session")
def faulty() -> Iterator[FaultyServer]:
    """A running ComfyUI with faults on demand, and with a key for the servers of critics."""
    running = FaultyServer("dataset_loader.py")
    running.variables["XLARD_API_KEY"] = KEY
    with running:
        yield running


@pytest.fixture
def key(faulty: FaultyServer) -> str:
    """The key that the server has, and that nobody may see."""
    return faulty.variables["XLARD_API_KEY"]
