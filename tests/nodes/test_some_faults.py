"""A share of what ``python -m pytest -m faults`` tries, on one server."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.broken_loops import best, broken_loop, report
from tests.support.collecting import collect_graph
from tests.support.faulty_server import CRITIC, FSYNC, MODEL, FaultyServer
from tests.support.graphs import shown, text
from tests.support.long_runs import check_flat, queue_loops, used
from tests.support.loop_graphs import looped, only


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture(scope="module")
def good(server) -> np.ndarray:
    """What a loop draws where nothing fails."""
    return best(server, server.run(broken_loop(1)))


def test_memory_that_does_not_suffice_once_costs_nothing(server, good) -> None:
    with server.fault(MODEL, "memory", 6):
        result = server.run(broken_loop(1))
        # Two of the steps before it were taken twice.
        assert server.left()["called"] == 4 + 2 + 4
    assert (best(server, result) == good).all() and "ended" not in report(result)


def test_a_batch_that_memory_does_not_suffice_for_is_drawn_one_by_one(server) -> None:
    plain = best(server, server.run(broken_loop(1, batch=2))).astype(int)
    with server.fault(MODEL, "memory", 6):
        result = server.run(broken_loop(1, batch=2))
        assert server.left()["called"] == 4 + 2 + 2 * 4
    assert abs(best(server, result).astype(int) - plain).max() <= 2 and "ended" not in report(result)


def test_a_foreign_patch_that_fails_in_a_later_round_leaves_the_picture_before(server, good) -> None:
    first = best(server, server.run(broken_loop(0)))
    settled = server.settled()
    with server.fault(MODEL, "foreign", 6, 100):
        result = server.run(broken_loop(1))
    assert (best(server, result) == first).all() and "The loop ended there." in report(result)
    assert server.settled() == settled
    assert (best(server, server.run(broken_loop(1))) == good).all()


def test_what_ended_early_runs_again_and_what_succeeded_does_not(server, good) -> None:
    graph = broken_loop(1)
    with server.fault(MODEL, "foreign", 6, 100):
        assert "The loop ended there." in report(server.run(graph))
    again = server.run(graph)
    assert (best(server, again) == good).all() and "ended" not in report(again)
    assert "loop" not in server.run(graph).executed


def test_a_loop_as_a_graph_that_ended_early_runs_again_from_the_round_that_failed(server) -> None:
    graph = shown(looped(rounds=1, **only("resample")), report=("end", 6))
    with server.fault(CRITIC, "foreign", 2, 100):
        assert "The loop ended there." in text(server.run(graph), "report")
    with server.fault(MODEL, "foreign", 1000):
        again = server.run(graph)
        # The steps of the first picture were not taken again.
        assert server.left()["called"] == 4
    assert "ended" not in text(again, "report")
    assert "end" not in server.run(graph).executed


def test_a_card_that_cannot_be_written_costs_no_picture(server, good) -> None:
    with server.fault("nodes.comfy.result_card:_write", "full disk", 1, 100):
        result = server.run(broken_loop(1))
    assert (best(server, result) == good).all()
    assert "Its pictures could not be written" in str(result.outputs["loop"])


def test_a_collection_that_is_killed_goes_on(server) -> None:
    server.kill_in(collect_graph("killed", pictures_per_prompt=1), FSYNC, 6)
    result = server.run(collect_graph("killed", pictures_per_prompt=1))
    assert "3 pictures of 3 prompts" in text(result, "report") and "0 were there already" not in text(result, "report")


@pytest.mark.parametrize("kind", ["foreign", "cancel"])
@pytest.mark.parametrize(
    "make", [lambda: broken_loop(1), lambda: collect_graph("lost", pictures_per_prompt=1)], ids=["loop", "collect"]
)
def test_a_job_that_fails_leaves_no_model_that_comfyui_has_lost_hold_of(server, make, kind: str) -> None:
    """ComfyUI would look for it, collecting all garbage, in each job from then on."""
    with server.fault(MODEL, kind, 1, 1):
        assert server.run(make()).status != "success"
    assert server.left(trim=True)["lost"] == 0


def test_queued_jobs_leave_nothing_behind(server) -> None:
    queue_loops(server, range(8))
    before = used(server)
    queue_loops(server, range(8, 14))
    check_flat(before, used(server))
