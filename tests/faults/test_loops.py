"""A loop whose model, VAE, critic, head or corrector fails at some call: the best picture comes out, the next runs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.broken_loops import after_rounds, best, broken_loop, report
from tests.support.faulty_server import CRITIC, DECODER, MODEL, FaultyServer
from tests.support.graphs import error

pytestmark = pytest.mark.faults

EVER = 10_000


@pytest.fixture(scope="module")
def good(faulty) -> list[np.ndarray]:
    return after_rounds(faulty)


@pytest.fixture(scope="module")
def settled(faulty, good) -> dict:
    return faulty.settled()


SAID = {
    "foreign": "AttributeError: 'Patch' object has no attribute 'weight'",
    "mismatch": "RuntimeError: The size of tensor a (77) must match the size of tensor b (154)",
    "assertion": "AssertionError: it gives no reason",
    "memory": "out of memory",
}
IN_ROUND = [(5, 0), (8, 0), (9, 1), (12, 1)]
"""Calls of the model of a loop of four steps, and how many rounds are complete then."""

OTHERS = [
    ("comfy.samplers:calc_cond_batch", 6, 0),
    ("comfy.samplers:cfg_function", 11, 1),
    ("comfy.samplers:CFGGuider.outer_sample", 2, 0),
    ("comfy.samplers:CFGGuider.outer_sample", 3, 1),
    ("comfy.samplers:process_conds", 3, 1),
    ("comfy.sampler_helpers:prepare_sampling", 2, 0),
    ("comfy.sampler_helpers:cleanup_models", 2, 0),
    ("comfy.sample:prepare_noise", 3, 1),
    ("latent_preview:prepare_callback", 2, 0),
    (DECODER, 2, 0),
    (DECODER, 3, 1),
    (CRITIC, 2, 0),
    (CRITIC, 3, 1),
]
"""What samples, decodes and judges, and which of its calls fails."""


def check(faulty: FaultyServer, result, picture: np.ndarray, said: str) -> None:
    """Check what came out of a loop that a fault ended."""
    assert (best(faulty, result) == picture).all()
    assert said in report(result) and "The loop ended there." in report(result)


def check_next(faulty: FaultyServer, good: list[np.ndarray], settled: dict) -> None:
    """Check that the next loop draws what it drew before anything failed, and that nothing is left behind."""
    assert (best(faulty, faulty.run(broken_loop(1))) == good[1]).all()
    assert faulty.settled() == settled


@pytest.mark.parametrize("kind", ["foreign", "mismatch", "assertion"])
@pytest.mark.parametrize(("call", "rounds"), IN_ROUND)
def test_a_model_that_fails(faulty, good, settled, call: int, rounds: int, kind: str) -> None:
    with faulty.fault(MODEL, kind, call, EVER):
        result = faulty.run(broken_loop())
    check(faulty, result, good[rounds], SAID[kind])
    check_next(faulty, good, settled)


@pytest.mark.parametrize(("target", "call", "rounds"), OTHERS)
def test_another_step_that_fails(faulty, good, settled, target: str, call: int, rounds: int) -> None:
    with faulty.fault(target, "foreign", call, EVER):
        result = faulty.run(broken_loop())
    check(faulty, result, good[rounds], SAID["foreign"])
    check_next(faulty, good, settled)


@pytest.mark.parametrize(("target", "call", "rounds"), [(MODEL, 5, 0), (MODEL, 12, 1), (DECODER, 3, 1), (CRITIC, 2, 0)])
def test_memory_that_does_not_suffice(faulty, good, settled, target: str, call: int, rounds: int) -> None:
    with faulty.fault(target, "memory", call, EVER):
        result = faulty.run(broken_loop())
    check(faulty, result, good[rounds], SAID["memory"])
    check_next(faulty, good, settled)


@pytest.mark.parametrize(("target", "call"), [(MODEL, 5), (MODEL, 12), (DECODER, 2), (CRITIC, 3)])
def test_memory_that_does_not_suffice_once(faulty, good, settled, target: str, call: int) -> None:
    with faulty.fault(target, "memory", call):
        result = faulty.run(broken_loop())
    assert (best(faulty, result) == good[2]).all() and "ended" not in report(result)
    check_next(faulty, good, settled)


@pytest.mark.parametrize("kind", ["foreign", "memory"])
def test_a_corrector_that_fails(faulty, good, settled, kind: str) -> None:
    with faulty.fault("xlard.models.corrector:LatentCorrector.forward", kind, 1, EVER):
        result = faulty.run(broken_loop(1, correct=True, resample=False))
        assert faulty.left()["called"]
    check(faulty, result, good[0], SAID[kind])
    check_next(faulty, good, settled)


@pytest.mark.parametrize("target", [MODEL, DECODER, CRITIC])
@pytest.mark.parametrize("kind", ["foreign", "memory"])
def test_what_fails_at_once_is_said_and_the_next_job_runs(faulty, good, settled, target: str, kind: str) -> None:
    with faulty.fault(target, kind, 1, EVER):
        message = error(faulty, broken_loop())
    assert SAID[kind].split(":")[-1].strip() in message
    assert target == MODEL or "saved as xLARD_unjudged_" in message
    check_next(faulty, good, settled)


def test_a_card_that_cannot_be_written_costs_no_picture(faulty, good, settled) -> None:
    """ComfyUI's temporary folder is full, or belongs to somebody else: what was drawn does not hang on a card."""
    for kind in ("full disk", "read only"):
        with faulty.fault("nodes.comfy.result_card:_write", kind, 1, EVER):
            result = faulty.run(broken_loop())
        assert (best(faulty, result) == good[2]).all()
        assert "Its pictures could not be written" in str(result.outputs["loop"])
    check_next(faulty, good, settled)
