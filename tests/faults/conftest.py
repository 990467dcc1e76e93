"""What tests of faults share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.faulty_server import FaultyServer


@pytest.fixture(scope="session")
def faulty() -> Iterator[FaultyServer]:
    """A running ComfyUI with faults on demand."""
    with FaultyServer() as running:
        yield running
