"""A training step that fails on the server: said with its cause, nothing is left behind, and the same job succeeds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.faulty_server import FaultyServer
from tests.support.graphs import error
from tests.support.made_up_dataset import made_up
from tests.support.training_graphs import corrector_graph, head_graph

pytestmark = pytest.mark.faults

STEP = "xlard.training.trainer:Trainer._take_step"
SAID = {"memory": "out of memory", "foreign": "'Patch' object has no attribute 'weight'"}
GRAPHS: dict[str, Callable[..., dict]] = {"head": head_graph, "corrector": corrector_graph}


@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("trained", GRAPHS)
def test_a_step_that_fails(faulty: FaultyServer, tmp_path, trained: str, kind: str) -> None:
    data = made_up(tmp_path / "data").folder
    graph, settled = GRAPHS[trained](data, f"{trained}_{kind}"), faulty.settled()
    files = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    with faulty.fault(STEP, kind, 15):
        assert SAID[kind] in error(faulty, graph)
    assert {path: path.read_bytes() for path in files} == files
    assert faulty.settled() == settled
    result = faulty.run(graph)
    assert result.status == "success", result.error
