"""Objects erased, copied and moved in a latent by the critic's boxes."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.latent_scenes import GRID, SIDE, VALUES, box, drawn, seen
from xlard.detections import Detection
from xlard.loop.grid import Grid
from xlard.loop.hole_filling import fill
from xlard.loop.plan import Situation
from xlard.loop.rearrange import pieces_of, rearranged
from xlard.loop.regions import region_grid
from xlard.loop.state import LoopState, Round
from xlard.loop.strategies import Rearrange
from xlard.prompts import claims_from_prompt
from xlard.rewards import critique_from_detections


def state(prompt: str, *attempts: list[Detection]) -> LoopState:
    """A picture whose first attempt is the best; the later ones were not kept."""
    claims = claims_from_prompt(prompt)
    rounds = [
        Round(
            "sample",
            1.0,
            0,
            20,
            0.1,
            1,
            critique_from_detections(claims, objects, SIDE),
            drawn(objects),
            torch.zeros(SIDE, SIDE, 3),
            not number,
        )
        for number, objects in enumerate(attempts)
    ]
    return LoopState(prompt, tuple(claims), rounds)


def rearrange(state: LoopState, grid: Grid = GRID, seed: int = 0):
    """What becomes of the best attempt, with the others as donors."""
    best = state.best
    donors = [
        piece
        for entry in state.rounds
        if entry is not best
        for piece in pieces_of(entry.latent, entry.critique.detections, grid)
    ]
    result = rearranged(best.latent, best.critique, grid, random.Random(seed), donors)
    return None if result is None else (result.latent, result.touched)


def test_one_too_many_is_erased_and_the_others_stay() -> None:
    loop_state = state("two red circles", [box("red circle", 0, 0), box("red circle", 4, 4), box("red circle", 8, 8)])
    latent, touched = rearrange(loop_state)
    assert seen(latent) == {"red circle": 8} and touched.sum() == 4
    assert (latent[:, touched].abs() < 1e-6).all() and (
        latent[:, ~touched] == loop_state.best.latent[:, ~touched]
    ).all()


def test_what_is_missing_is_copied_from_the_picture_itself() -> None:
    latent, touched = rearrange(state("three red circles", [box("red circle", 0, 0), box("red circle", 4, 4)]))
    assert seen(latent) == {"red circle": 12} and touched.sum() == 4


def test_what_is_missing_is_copied_from_an_earlier_attempt_in_place_of_what_is_wrong() -> None:
    loop_state = state(
        "a red circle and a blue square",
        [box("red circle", 0, 0), box("green triangle", 6, 6)],
        [box("green triangle", 2, 2), box("blue square", 8, 1)],
    )
    latent, _ = rearrange(loop_state)
    assert seen(latent)["blue square"] == 4 and seen(latent)["red circle"] == 4


def test_without_anything_to_copy_there_is_no_plan() -> None:
    assert rearrange(state("a red circle and a blue square", [box("red circle", 0, 0)])) is None
    assert rearrange(state("a red circle", [])) is None


def test_a_picture_in_which_all_holds_is_left_alone() -> None:
    assert rearrange(state("a red circle", [box("red circle", 0, 0)])) is None


@pytest.mark.parametrize("direction", ["left of", "right of", "above", "below"])
def test_a_pair_is_put_where_it_belongs(direction) -> None:
    prompt = f"a red circle {direction} a blue square"
    for circle, square in (((5, 5), (0, 0)), ((0, 0), (5, 5)), ((10, 0), (0, 10)), ((5, 0), (5, 10))):
        loop_state = state(prompt, [box("red circle", *circle), box("blue square", *square)])
        if loop_state.passed:
            continue
        latent, touched = rearrange(loop_state)
        assert seen(latent) == {"red circle": 4, "blue square": 4}
        assert (latent[:, ~touched] == loop_state.best.latent[:, ~touched]).all()


def test_two_that_both_have_to_move_do() -> None:
    prompt = "a red circle left of a blue square"
    loop_state = state(prompt, [box("red circle", 7, 3, 5), box("blue square", 0, 3, 5)])
    latent, _ = rearrange(loop_state)
    columns = {
        label: (latent[0] == VALUES[label]).any(dim=0).nonzero().float().mean()
        for label in ("red circle", "blue square")
    }
    assert columns["red circle"] < columns["blue square"]


objects = st.lists(
    st.tuples(st.sampled_from(sorted(VALUES)), st.floats(-10, 100), st.floats(-10, 100), st.floats(1, 40)), max_size=5
)


@settings(max_examples=150, deadline=None)
@given(
    objects,
    objects,
    st.sampled_from(
        [
            "two red circles",
            "a red circle left of a blue square",
            "a green triangle",
            "a red circle and a blue square and a green triangle",
        ]
    ),
    st.integers(0, 9),
)
def test_outside_of_what_was_touched_nothing_changes(first, second, prompt, seed) -> None:
    attempts = [
        [Detection(x, y, size, size, label.split()[1], label.split()[0]) for label, x, y, size in attempt]
        for attempt in (first, second)
    ]
    loop_state = state(prompt, *attempts)
    result = rearrange(loop_state, region_grid((12, 12), (SIDE, SIDE)), seed)
    if result is not None:
        latent, touched = result
        assert latent.shape == (4, 12, 12) and touched.any() and torch.isfinite(latent).all()
        assert (latent[:, ~touched] == loop_state.best.latent[:, ~touched]).all()


def test_a_hole_is_filled_smoothly() -> None:
    slope = torch.linspace(0, 11, 12).expand(2, 12, 12).clone()
    hole = torch.zeros(12, 12, dtype=torch.bool)
    hole[4:7, 4:7] = True
    torn = torch.where(hole, 99.0, slope)
    assert (fill(torn, hole) - slope).abs().max() < 0.01
    everything = torch.ones(12, 12, dtype=torch.bool)
    assert fill(torn, everything) is torn and fill(torn, ~everything) is torn


def test_a_large_hole_in_a_large_latent_is_filled_too_and_each_of_a_batch_by_itself() -> None:
    slope = torch.linspace(0, 1, 130).expand(2, 100, 130).clone()
    hole = torch.zeros(100, 130, dtype=torch.bool)
    hole[30:70, 40:90] = True
    torn = torch.where(hole, 99.0, slope)
    filled = fill(torn, hole)
    assert (filled - slope).abs().max() < 0.1 and (filled[:, ~hole] == slope[:, ~hole]).all()
    both = fill(torch.stack([torn, slope * 2]), torch.stack([hole, torch.ones_like(hole)]))
    assert torch.allclose(both[0], filled, atol=1e-5) and torch.equal(both[1], slope * 2)


def test_the_strategy_says_what_it_would_do_and_what_it_costs() -> None:
    failed = state("two red circles", [box("red circle", 0, 0), box("red circle", 4, 4), box("red circle", 8, 8)])
    plan = Rearrange().plan(Situation(failed, 3, lambda noise_level: round(20 * noise_level)))
    assert plan.nfe == 10 and plan.reason == "1 wrong" and plan.region.any() and plan.latent.shape == (4, 12, 12)
