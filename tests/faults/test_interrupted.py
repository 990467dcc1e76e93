"""The demo workflows, cancelled at random moments, and jobs of two clients at once: nothing is left behind."""

from __future__ import annotations

import io
import itertools
import random
import threading
import time
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from tests.conftest import WORKFLOWS
from tests.support.broken_loops import best, broken_loop
from tests.support.demo_jobs import few_steps
from tests.support.faulty_server import MODEL, FaultyServer
from tests.support.graphs import demo_graph, pictures
from xlard.comfy_server.job_result import JobResult

pytestmark = pytest.mark.faults

SEEDS = itertools.count(1000)
NAMES = sorted(path.stem for path in WORKFLOWS if path.stem.startswith("demo_") and path.stem != "demo_train")
"""Cancelling what collects and trains has tests of its own."""

MOMENTS = 20


@pytest.fixture(scope="module")
def events(faulty) -> dict[str, int]:
    """How often each workflow that this ComfyUI can run says how far it is."""
    counted = {}
    for name in NAMES:
        job = few_steps(faulty, name, next(SEEDS))
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

    result = faulty.run(few_steps(faulty, name, seed), on_progress=cancel)
    # The last node may have ended before it heard of it.
    assert result.status == "interrupted" or succeeded(result), result.error
    faulty.wait_until_idle()
    assert (pictures(faulty, demo_graph(), "decoded") == plain).all()
    assert faulty.settled() == settled
    again = faulty.run(few_steps(faulty, name, seed))
    assert succeeded(again), again.error


@pytest.mark.big
@pytest.mark.parametrize("name", [*NAMES, "demo_train"])
def test_a_demo_workflow_that_is_cancelled_at_twenty_random_moments(faulty, name: str) -> None:
    """After each the same job, which may take from ComfyUI's cache what was done before, shows what it always shows."""
    job = few_steps(faulty, name, next(SEEDS))
    if job is None:
        pytest.skip("This ComfyUI lacks a node of it.")
    said: list[tuple] = []
    expected = shown(faulty, job, faulty.run(job))
    # What it collects and trains is there from the first time on: the second time is as long as all others.
    faulty.forget()
    faulty.run(job, on_progress=lambda *event: said.append(event))
    plain, settled, chance = pictures(faulty, demo_graph(), "decoded"), faulty.settled(), random.Random(name)
    moments = [chance.randrange(len(said)) for _ in range(MOMENTS)]
    statuses: Counter[str] = Counter()
    for moment in moments:
        faulty.forget()
        counted = itertools.count()

        def cancel(*event: object) -> None:
            if next(counted) == moment:
                # Within what this event begins, or, where that is short, after it.
                time.sleep(chance.random() / 10)
                faulty.interrupt()

        result = faulty.run(job, on_progress=cancel)
        assert result.status == "interrupted" or succeeded(result), (moment, result.error)
        statuses[result.status] += 1
        faulty.wait_until_idle()
        assert (pictures(faulty, demo_graph(), "decoded") == plain).all() and faulty.settled() == settled, moment
        again = shown(faulty, job, faulty.run(job))
        assert again.keys() == expected.keys() and all((again[file] == expected[file]).all() for file in again), moment
    print(f"{name}: {len(said)} events, cancelled at {sorted(moments)}: {dict(statuses)}")


def shown(faulty: FaultyServer, job: dict, result: JobResult) -> dict[tuple[str, int], np.ndarray]:
    """The pictures that a job shows and saves, by node and place, but for reports and curves, which tell seconds."""
    assert succeeded(result), result.error
    telling = {node for node, spec in job.items() if spec["class_type"] in ("XLARDReport", "LossGraphNode")}
    found: dict[tuple[str, int], np.ndarray] = {}
    for file in result.files():
        if file["filename"].endswith(".png") and file["node"] not in telling:
            place = sum(node == file["node"] for node, _ in found)
            found[file["node"], place] = np.asarray(Image.open(io.BytesIO(faulty.view(file))))
    return found


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
