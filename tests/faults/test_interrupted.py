"""The demo workflows, cancelled at random moments, and jobs of two clients at once: nothing is left behind."""

from __future__ import annotations

import itertools
import random
import threading
import time

import pytest

from tests.conftest import WORKFLOWS
from tests.support.broken_loops import best, broken_loop
from tests.support.demo_jobs import demo_job
from tests.support.faulty_server import MODEL, FaultyServer
from tests.support.graphs import demo_graph, pictures
from xlard.comfy_server.job_result import JobResult

pytestmark = pytest.mark.faults

SEEDS = itertools.count(1000)
NAMES = sorted(path.stem for path in WORKFLOWS if path.stem.startswith("demo_") and path.stem != "demo_train")
"""Cancelling what collects and trains has tests of its own."""


@pytest.fixture(scope="module")
def events(faulty) -> dict[str, int]:
    """How often each workflow that this ComfyUI can run says how far it is."""
    counted = {}
    for name in NAMES:
        job = demo_job(faulty, name, next(SEEDS))
        if job is not None:
            said: list[tuple] = []
            result = faulty.run(job, on_progress=lambda *event: said.append(event))
            assert succeeded(result), (name, result.error)
            counted[name] = len(said)
    return counted


def succeeded(result: JobResult) -> bool:
    """Whether a job succeeded; one whose gate lets no picture of its seed through has done so."""
    return result.status == "success" or result.error["exception_type"] == "ExecutionBlocked"


@pytest.mark.parametrize("number", range(20))
def test_a_demo_workflow_that_is_cancelled_at_a_random_moment(faulty, events, number: int) -> None:
    name = sorted(events)[number % len(events)]
    chance, seed = random.Random(number), next(SEEDS)
    last = chance.randrange(events[name])
    plain = pictures(faulty, demo_graph(), "decoded")
    settled, said = faulty.settled(), itertools.count()

    def cancel(*event: object) -> None:
        if next(said) == last:
            faulty.interrupt()

    result = faulty.run(demo_job(faulty, name, seed), on_progress=cancel)
    # The last node may have ended before it heard of it.
    assert result.status == "interrupted" or succeeded(result), result.error
    faulty.wait_until_idle()
    assert (pictures(faulty, demo_graph(), "decoded") == plain).all()
    assert faulty.settled() == settled
    again = faulty.run(demo_job(faulty, name, seed))
    assert succeeded(again), again.error


def queue_together(faulty: FaultyServer, *graphs: dict) -> list:
    """The results of graphs that as many clients queue at the same time."""
    results: list = [None] * len(graphs)

    def run(place: int) -> None:
        results[place] = faulty.run(graphs[place])

    clients = [threading.Thread(target=run, args=(place,)) for place in range(len(graphs))]
    for client in clients:
        client.start()
    for client in clients:
        client.join(300)
    return results


def test_two_clients_get_their_own_pictures(faulty) -> None:
    seeds = (11, 12)
    alone = [best(faulty, faulty.run(broken_loop(seed=seed))) for seed in seeds]
    together = queue_together(faulty, *(broken_loop(seed=seed) for seed in seeds))
    assert [(best(faulty, result) == picture).all() for result, picture in zip(together, alone)] == [True, True]


def test_one_client_cancels_and_the_other_gets_its_picture(faulty) -> None:
    alone = best(faulty, faulty.run(broken_loop(seed=13)))
    graph, results = broken_loop(64, seed=14), {}
    cancelled = threading.Thread(target=lambda: results.update(cancelled=faulty.run(graph)))
    cancelled.start()
    while not faulty.get_json("/queue")["queue_running"]:
        time.sleep(0.02)
    other = threading.Thread(target=lambda: results.update(other=faulty.run(broken_loop(seed=13))))
    other.start()
    while not faulty.get_json("/queue")["queue_pending"]:
        time.sleep(0.02)
    faulty.interrupt()
    cancelled.join(120)
    other.join(120)
    assert results["cancelled"].status == "interrupted"
    assert (best(faulty, results["other"]) == alone).all()


def test_one_clients_job_fails_and_the_other_gets_its_picture(faulty) -> None:
    alone = best(faulty, faulty.run(broken_loop(seed=15)))
    with faulty.fault(MODEL, "foreign", 1):
        results = queue_together(faulty, broken_loop(seed=15), broken_loop(seed=15))
    statuses = sorted(result.status for result in results)
    assert statuses == ["error", "success"]
    (other,) = (result for result in results if result.status == "success")
    assert (best(faulty, other) == alone).all()
