"""Rewards: bounds, signs and order, and which of two critiques is the better one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlard.claims import Claim
from xlard.critique import Critique, Verdict
from xlard.detections import Detection
from xlard.prompts import claims_from_prompt
from xlard.rewards import (
    DIRECTIONS,
    abstention,
    color_reward,
    count_reward,
    critique_from_detections,
    position_holds,
    position_reward,
)

SIDE = 96
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}

nouns = st.sampled_from(["circle", "square", "triangle"])
colors = st.sampled_from(["red", "green", "blue"])
directions = st.sampled_from(sorted(DIRECTIONS))
# Finer than a thousandth of a pixel, an offset is lost in the rounding of its reward.
pixels = st.floats(0, SIDE).map(lambda value: round(value, 3))
detections = st.builds(Detection, pixels, pixels, pixels, pixels, nouns, st.none() | colors)
prompts = st.sampled_from(
    [
        "a circle",
        "three red squares",
        "a red circle and a blue square",
        "a red circle left of a blue square",
        "two red circles above a blue square and a green triangle",
    ]
)


def object_at(x: float, y: float, noun: str = "circle", color: str = "red", size: float = 20) -> Detection:
    """An object by its centre, in pixels, y down."""
    return Detection(x - size / 2, y - size / 2, size, size, noun, color)


@given(st.integers(0, 50), st.integers(0, 50))
def test_count_reward_is_bounded_and_1_only_when_exact(number: int, target: int) -> None:
    reward = count_reward(number, target)
    assert 0 <= reward <= 1
    assert (reward == 1) == (number == target)


@given(st.integers(1, 10), st.integers(0, 20))
def test_count_reward_falls_with_the_distance_on_both_sides(target: int, distance: int) -> None:
    more = target + distance
    assert count_reward(more + 1, target) < count_reward(more, target)
    if distance < target:
        less = target - distance
        assert count_reward(less - 1, target) < count_reward(less, target)


@given(st.lists(st.none() | colors, max_size=8), colors, st.integers(1, 5))
def test_color_reward_is_bounded_and_1_only_when_exact(seen: list[str | None], target: str, number: int) -> None:
    reward = color_reward(seen, target, number)
    assert 0 <= reward <= 1
    assert (reward == 1) == (seen.count(target) == number)


def test_a_surplus_of_the_colour_costs() -> None:
    assert color_reward(["red", "red"], "red", 1) == 0.5


@pytest.mark.parametrize(
    ("direction", "a", "b"),
    [
        ("left of", (20, 48), (70, 48)),
        ("right of", (70, 48), (20, 48)),
        # y points down: what is above has the smaller y.
        ("above", (48, 20), (48, 70)),
        ("below", (48, 70), (48, 20)),
    ],
)
def test_position_has_the_right_sign(direction: str, a: tuple[float, float], b: tuple[float, float]) -> None:
    first, second = object_at(*a), object_at(*b, "square", "blue")
    assert position_holds(first, second, direction)
    assert position_reward(first, second, direction, SIDE) > 0.9
    assert not position_holds(second, first, direction)
    assert position_reward(second, first, direction, SIDE) < 0.1


@given(detections, detections, directions)
def test_position_is_bounded_and_its_opposite_adds_up_to_1(a: Detection, b: Detection, direction: str) -> None:
    reward = position_reward(a, b, direction, SIDE)
    assert 0 <= reward <= 1
    assert reward + position_reward(a, b, OPPOSITE[direction], SIDE) == pytest.approx(1)
    assert reward == pytest.approx(position_reward(b, a, OPPOSITE[direction], SIDE))


@given(detections, detections, directions)
def test_a_position_that_holds_excludes_its_opposite_and_is_rewarded(
    a: Detection, b: Detection, direction: str
) -> None:
    if position_holds(a, b, direction):
        assert not position_holds(a, b, OPPOSITE[direction])
        assert position_holds(b, a, OPPOSITE[direction])
        assert position_reward(a, b, direction, SIDE) > 0.5


@given(st.floats(10, 40), st.floats(0.5, 40))
def test_position_reward_rises_with_the_offset(x: float, further: float) -> None:
    near, far = object_at(50, 48, "square", "blue"), object_at(50 + further, 48, "square", "blue")
    a = object_at(x, 48)
    assert position_reward(a, far, "left of", SIDE) > position_reward(a, near, "left of", SIDE)


def test_objects_on_the_same_spot_are_in_no_direction() -> None:
    a, b = object_at(48, 48), object_at(48, 48, "square", "blue")
    assert not any(position_holds(a, b, direction) for direction in DIRECTIONS)
    assert position_reward(a, b, "above", SIDE) == 0.5


@given(prompts, st.lists(detections, max_size=6))
def test_every_score_and_reward_is_bounded(prompt: str, seen: list[Detection]) -> None:
    critique = critique_from_detections(claims_from_prompt(prompt), seen, SIDE)
    assert all(0 <= verdict.score <= 1 for verdict in critique.verdicts)
    assert all(0 <= reward <= 1 for reward in critique.rewards.values())
    assert 0 <= critique.score <= 1
    assert set(critique.rewards) == {verdict.claim.type for verdict in critique.verdicts}
    assert critique.passed == (critique.failed_claims == 0) == (critique.failed_aspects == ())


def test_a_colour_on_another_object_does_not_count() -> None:
    claims = claims_from_prompt("a red circle and a blue square")
    swapped = [object_at(20, 48, "circle", "blue"), object_at(70, 48, "square", "red")]
    critique = critique_from_detections(claims, swapped, SIDE)
    assert critique.rewards == {"count": 1.0, "color": 0.0}


def test_a_phrase_named_twice_can_be_fulfilled() -> None:
    claims = claims_from_prompt("a red circle and a blue square and a red circle")
    seen = [object_at(20, 20), object_at(20, 70), object_at(70, 48, "square", "blue")]
    assert critique_from_detections(claims, seen, SIDE).passed


def test_a_missing_object_fails_its_position_with_a_reason() -> None:
    claims = claims_from_prompt("a red circle left of a blue square")
    critique = critique_from_detections(claims, [object_at(20, 48)], SIDE)
    verdict = critique.verdicts[-1]
    assert (verdict.passed, verdict.score) == (False, 0.0)
    assert "blue square" in verdict.reason


def test_a_claim_that_boxes_cannot_decide_is_refused() -> None:
    with pytest.raises(ValueError, match="type 'text'"):
        critique_from_detections([Claim("text", "the sign says OPEN")], [], SIDE)


def test_no_claims_do_not_pass() -> None:
    critique = critique_from_detections([], [object_at(20, 20)], SIDE)
    assert not critique.passed
    assert critique.score is None


def critique_with(*scores: float) -> Critique:
    """A critique of a claim a score; a claim holds if its score is 1."""
    return Critique(
        tuple(Verdict(Claim("count", str(index), "circle"), score == 1, score) for index, score in enumerate(scores))
    )


def test_fewer_failed_claims_beat_a_higher_score() -> None:
    fewer, higher = critique_with(1, 0), critique_with(0.9, 0.9)
    assert fewer.score < higher.score
    assert fewer.better_than(higher)
    assert not higher.better_than(fewer)


def edited(done_score: float, kept_score: float) -> Critique:
    """A critique of an edit: a claim to do and one to keep, which hold where they are 1."""
    claims = Claim("count", "to do", "circle"), Claim("count", "to keep", "square", keep=True)
    return Critique(tuple(Verdict(claim, score == 1, score) for claim, score in zip(claims, (done_score, kept_score))))


def test_of_as_many_failures_one_that_breaks_what_is_to_stay_is_worse_whatever_the_score() -> None:
    untouched, broken = edited(0, 1), edited(1, 0.9)
    assert untouched.failed_claims == broken.failed_claims and untouched.score < broken.score
    assert untouched.better_than(broken) and not broken.better_than(untouched)
    assert edited(1, 0).better_than(edited(0, 0)), "fewer failures still come first"
    assert edited(0.5, 1).better_than(untouched), "and where nothing more is broken the score decides"


scores = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=2, max_size=2)


@pytest.mark.parametrize("of", [critique_with, edited])
@given(scores, scores)
def test_better_is_never_mutual_and_ties_are_not_better(of, mine: list[float], theirs: list[float]) -> None:
    a, b = of(*mine), of(*theirs)
    assert not (a.better_than(b) and b.better_than(a))
    assert not a.better_than(of(*mine))
    tie = (a.failed_claims, a.broken) == (b.failed_claims, b.broken) and a.score == b.score
    assert (a.better_than(b) or b.better_than(a)) != tie


def test_an_abstention_has_no_number_and_is_never_better() -> None:
    silent = abstention(claims_from_prompt("a red circle"), "hm", "The answer was no JSON.")
    worst = critique_with(0, 0)
    assert (silent.score, silent.rewards, silent.passed, silent.failed_claims) == (None, {}, False, 2)
    assert worst.better_than(silent)
    assert not silent.better_than(worst)
    assert not silent.better_than(silent)
