"""Strategies of the loop: what they read out of a critique, where they redraw, what they cost, and their order."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xlard.claims import Claim, count_claim, custom_claim, object_claim
from xlard.critique import Critique, Verdict, critique_of
from xlard.detections import Detection, ObjectKind
from xlard.loop.faults import Faults, faults_of
from xlard.loop.ground import without_ground
from xlard.loop.plan import Situation
from xlard.loop.regions import region_grid, region_of
from xlard.loop.router import SURE, router
from xlard.loop.state import SOURCE, LoopState, Round
from xlard.loop.strategies import Correct, Rearrange, Region, Resample, Rewrite
from xlard.prompts import claims_from_prompt
from xlard.rewards import critique_from_detections
from xlard.worlds.things.judging import verdict, whole_place

SIDE = 96


def box(color: str, noun: str, x: float, y: float, size: float = 16) -> Detection:
    return Detection(x, y, size, size, noun, color)


def judged(prompt: str, *objects: Detection):
    return critique_from_detections(claims_from_prompt(prompt), objects, SIDE)


def faults(prompt: str, *objects: Detection) -> Faults:
    return faults_of(judged(prompt, *objects), random.Random(0))


def situation(critique, rejected: int = 0) -> Situation:
    """A picture with that critique, and so many later rounds that were no better."""

    def entry(number: int) -> Round:
        return Round(
            "sample", 1.0, number, 20, 0.1, 1, critique, torch.zeros(4, 12, 12), torch.zeros(SIDE, SIDE, 3), not number
        )

    state = LoopState("", (), [entry(number) for number in range(1 + rejected)])
    return Situation(state, 7, lambda noise_level: round(20 * noise_level), lambda noise_level: 2)


def test_one_too_many_is_wrong_and_the_rest_is_right() -> None:
    read_faults = faults("two red circles", *(box("red", "circle", x, 10) for x in (0, 30, 60)))
    assert (
        len(read_faults.right) == 2 and len(read_faults.wrong) == 1 and not read_faults.missing and read_faults.located
    )


def test_a_wrong_colour_is_wrong_and_something_is_missing() -> None:
    read_faults = faults("a red circle and a blue square", box("red", "circle", 10, 10), box("green", "square", 60, 60))
    assert [d.label for d in read_faults.right] == ["red circle"] and [d.label for d in read_faults.wrong] == [
        "green square"
    ]
    assert read_faults.missing == (ObjectKind("square", "blue"),)


def test_what_nobody_spoke_of_is_neither() -> None:
    read_faults = faults("a red circle", box("red", "circle", 10, 10), box("blue", "square", 60, 60))
    assert len(read_faults.right) == 1 and not read_faults.located


def test_a_pair_that_stands_wrongly_is_a_relation() -> None:
    read_faults = faults(
        "a red circle left of a blue square", box("red", "circle", 70, 40), box("blue", "square", 10, 40)
    )
    (relation,) = read_faults.relations
    assert len(read_faults.right) == 2 and relation.direction == "left of" and relation.firsts[0].noun == "circle"


def test_what_a_failed_claim_of_another_type_rests_on_is_wrong() -> None:
    hat = box("red", "hat", 10, 10)
    critique = critique_of([Verdict(custom_claim("the hat is furry"), False, 0.1, (hat,))], [hat])
    assert faults_of(critique, random.Random(0)).wrong == (hat,)


def test_only_the_wrong_object_and_its_rim_are_opened() -> None:
    read_faults = faults("a red circle", box("red", "circle", 8, 8), box("red", "circle", 64, 64))
    mask = region_of(read_faults, region_grid((12, 12), (SIDE, SIDE)), random.Random(0))
    (kept,) = read_faults.right
    assert mask.any() and not mask[region_grid((12, 12), (SIDE, SIDE)).cells([kept])].any()
    assert mask.sum() == 16


def test_all_but_right_objects_is_opened_where_something_is_missing() -> None:
    read_faults = faults("a red circle and a blue square", box("red", "circle", 8, 8))
    mask = region_of(read_faults, region_grid((12, 12), (SIDE, SIDE)), random.Random(0))
    assert (~mask).sum() == 16 and not mask[1:3, 1:3].any()


def test_a_relation_opens_the_wedge_where_the_other_may_stand() -> None:
    circle, square = box("red", "circle", 70, 40), box("blue", "square", 10, 40)
    mask = region_of(
        faults("a red circle left of a blue square", circle, square),
        region_grid((12, 12), (SIDE, SIDE)),
        random.Random(1),
    )
    grid = region_grid((12, 12), (SIDE, SIDE))
    kept, moved = (circle, square) if not mask[grid.cells([circle])].any() else (square, circle)
    assert mask[grid.cells([moved])].all() and not mask[grid.cells([kept])].any()


def test_nothing_to_open_is_no_region() -> None:
    grid = region_grid((12, 12), (SIDE, SIDE))
    assert region_of(faults("a red circle", box("red", "circle", 8, 8)), grid, random.Random(0)) is None
    assert region_of(faults("a red circle"), grid, random.Random(0)) is None


@given(
    st.lists(st.tuples(st.floats(-20, 110), st.floats(-20, 110), st.floats(0, 120)), max_size=6),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_boxes_cover_at_least_themselves(boxes, rows, columns) -> None:
    mask = region_grid((rows, columns), (SIDE, SIDE)).cells(
        [Detection(x, y, size, size, "thing") for x, y, size in boxes]
    )
    assert mask.shape == (rows, columns)
    for x, y, size in boxes:
        middle = (x + size / 2) / SIDE, (y + size / 2) / SIDE
        if all(0 <= value < 1 for value in middle):
            assert mask[int(middle[1] * rows), int(middle[0] * columns)]


def test_strategies_say_what_they_cost() -> None:
    failed = situation(judged("a red circle", box("red", "circle", 8, 8), box("red", "circle", 64, 64)))
    assert Resample().plan(failed).nfe == 20 and Region().plan(failed).nfe == 18
    assert Correct().plan(failed).nfe == 18 + 2 and Correct(0.5).plan(failed).nfe == 10 + 2
    assert Region(0.7).plan(failed).noise_level == 0.7 and Region().plan(failed).region.any()


def test_without_boxes_a_region_has_nothing_to_offer() -> None:
    assert Region().plan(situation(critique_of([Verdict(custom_claim("it is night"), False, 0.0)]))) is None


def test_the_router_asks_in_order_and_restarts_after_two_rounds_without_progress() -> None:
    failed = judged("a red circle", box("red", "circle", 8, 8), box("red", "circle", 64, 64))
    chosen = [router().plan(situation(failed, rejected)).strategy for rejected in range(4)]
    assert chosen == ["rearrange", "rearrange", "resample", "rearrange"]
    chosen = [router(["region", "correct"]).plan(situation(failed, rejected)).strategy for rejected in range(4)]
    assert chosen == ["region"] * 4
    assert router(["correct"]).plan(situation(failed, 2)).strategy == "correct"


def test_the_router_falls_back_where_the_first_has_nothing_to_offer() -> None:
    unlocated = critique_of([Verdict(custom_claim("it is night"), False, 0.0)])
    assert router().plan(situation(unlocated)).strategy == "resample"
    assert router(["region", "correct"]).plan(situation(unlocated)).strategy == "correct"
    assert router(["region"]).plan(situation(unlocated)) is None


def test_other_words_are_offered_where_somebody_finds_them() -> None:
    failed = situation(judged("a red circle"))
    assert Rewrite().plan(failed) is None and Rewrite().plan(replace(failed, rewrite=lambda critique: None)) is None
    plan = Rewrite().plan(replace(failed, rewrite=lambda critique: f"now without {critique.failed_claims} faults"))
    assert (plan.prompt, plan.noise_level, plan.seed, plan.nfe, plan.region) == (
        "now without 2 faults",
        1.0,
        7,
        20,
        None,
    )


@pytest.mark.parametrize("strategy", [Correct(), Region(), Rearrange()])
def test_what_keeps_a_part_of_the_picture_keeps_its_wording(strategy) -> None:
    failed = situation(judged("a red circle", box("red", "circle", 8, 8), box("red", "circle", 64, 64)))
    failed.state.rounds[0] = replace(failed.state.best, prompt="one red circle")
    assert strategy.plan(failed).prompt == "one red circle" and Resample().plan(failed).prompt == ""


def drawn(rewrite, *names: str) -> list[str]:
    """What the router chooses in six rounds of a picture without boxes."""
    failed = replace(situation(critique_of([Verdict(custom_claim("it is night"), False, 0.0)])), rewrite=rewrite)
    for _ in range(6):
        chosen = router(names).plan(failed)
        failed.state.rounds.append(
            replace(failed.state.first, strategy=chosen.strategy, accepted=False, prompt=chosen.prompt)
        )
    return [entry.strategy for entry in failed.state.rounds[1:]]


def test_the_router_takes_other_words_instead_of_every_second_fresh_draw() -> None:
    assert (
        drawn(lambda critique: "night", "rearrange", "resample", "region", "correct", "rewrite")
        == ["resample", "rewrite"] * 3
    )
    assert drawn(lambda critique: None, "resample", "rewrite") == ["resample"] * 6
    assert drawn(None, "resample", "correct", "rewrite") == ["resample"] * 6


def test_without_fresh_draws_other_words_are_how_the_router_restarts() -> None:
    assert drawn(lambda critique: "night", "region", "correct", "rewrite") == ["correct", "correct", "rewrite"] * 2
    assert drawn(lambda critique: "night", "region", "rewrite") == ["rewrite"] * 6


@pytest.mark.parametrize("names", [[], ["regoin"]])
def test_unknown_strategies_are_refused(names) -> None:
    with pytest.raises(ValueError, match="name at least one of rearrange, region, correct, resample, rewrite"):
        router(names)


def test_a_corrector_that_acts_once_is_asked_at_its_level_and_once_for_a_picture() -> None:
    critique = judged("two red circles", box("red", "circle", 10, 10))
    first = replace(situation(critique), single_step_level=0.5)
    plan = Correct().plan(first)
    assert (plan.noise_level, plan.nfe) == (0.5, 12)
    # It was of no use; nothing has changed since.
    first.state.rounds.append(replace(first.state.first, strategy="correct", accepted=False))
    assert Correct().plan(first) is None and Correct().plan(replace(first, single_step_level=0.0)) is not None
    # A fresh draw is another picture, if it is better.
    first.state.rounds.append(replace(first.state.first, strategy="resample", accepted=True))
    assert Correct().plan(first) is not None
    # What came of it is not given to it again.
    first.state.rounds.append(replace(first.state.first, strategy="correct", accepted=True))
    assert Correct().plan(first) is None


def test_a_corrector_that_acts_once_is_asked_before_a_fresh_draw() -> None:
    # One circle alone and nothing to copy the square from: rearranging has nothing to offer.
    where = replace(
        situation(judged("a red circle and a blue square", box("red", "circle", 10, 10))), single_step_level=0.5
    )
    assert router(single_step=True).plan(where).strategy == "correct"
    assert router().plan(where).strategy == "resample"
    assert router(single_step=True, editing=True).plan(where).strategy == "region"


def test_boxes_that_the_critic_is_unsure_of_are_not_built_on_first() -> None:
    def where(confidence: float, **asked) -> Situation:
        failed = judged("a red circle", box("red", "circle", 8, 8), box("red", "circle", 64, 64))
        return replace(situation(replace(failed, confidence=confidence)), single_step_level=0.5, **asked)

    unsure, sure = where(SURE - 0.01), where(SURE)
    assert (
        router(single_step=True).plan(unsure).strategy == "correct"
        and router(single_step=True).plan(sure).strategy == "rearrange"
    )
    # Only a corrector that acts once has more to say than the boxes; and only once of a picture.
    assert router().plan(unsure).strategy == router(single_step=True, editing=True).plan(unsure).strategy == "rearrange"
    assert router(["rearrange", "resample"], single_step=True).plan(unsure).strategy == "rearrange"
    unsure.state.rounds.append(replace(unsure.state.first, strategy="correct", accepted=False))
    assert router(single_step=True).plan(unsure).strategy == "rearrange"


def test_a_corrector_that_moves_the_noise_alone_has_nothing_to_correct_later() -> None:
    assert Correct().plan(replace(situation(judged("a red circle")), single_step_level=1.0, draw_nfe=1)) is None


@pytest.mark.parametrize("fresh", [Resample(), Rewrite()])
@pytest.mark.parametrize("draw_nfe", [1, 2])
def test_a_fresh_draw_that_a_corrector_has_part_in_takes_its_calls_more(fresh, draw_nfe: int) -> None:
    where = replace(
        situation(judged("a red circle")),
        single_step_level=0.5,
        draw_nfe=draw_nfe,
        rewrite=lambda critique: "one red circle",
    )
    assert fresh.plan(where).correction == "draw" and fresh.plan(where).nfe == 20 + draw_nfe
    # Inside of what an edit may change nothing is drawn from noise alone.
    where.state.rounds[0] = replace(where.state.first, strategy=SOURCE)
    assert not fresh.plan(where).correction == "draw" and fresh.plan(where).nfe == 20


def test_the_ground_is_no_object_that_has_to_stay() -> None:
    snow, dog = Detection(0, 30, SIDE, 66, "snow"), Detection(8, 8, 16, 16, "dog")
    claims = [object_claim("snow"), count_claim("dog", 1), count_claim("cat", 1)]
    plan = Region().plan(situation(critique_from_detections(claims, [snow, dog], SIDE)))
    assert plan is not None and plan.region is not None
    assert not plan.region[1:3, 1:3].any() and plan.region[6:].all()


def read(claims: list[Claim], objects: list[Detection]) -> Critique:
    """As a critic judges that reads relations, too."""
    return critique_of([verdict(claim, objects) for claim in claims], objects)


@pytest.mark.parametrize("prompt", ["two dogs on a wooden table", "a cat and a dog in front of a brick wall"])
def test_one_table_with_something_on_it_is_ground(prompt: str) -> None:
    claims = claims_from_prompt(prompt)
    place = Detection(0, 0, SIDE, SIDE, "table" if "table" in prompt else "wall")
    dog = Detection(8, 8, 16, 16, "dog")
    critique = read(claims, [place, dog])
    seen = without_ground(critique, (SIDE, SIDE))
    assert seen.detections == (dog,)
    assert [verdict.claim.noun for verdict in seen.verdicts if verdict.claim.type == "count"] == sorted(
        {claim.noun for claim in claims if claim.type == "count"} - {place.noun}
    )
    plan = Region().plan(situation(critique))
    assert plan is not None and plan.region is not None and not plan.region[1:3, 1:3].any()


@pytest.mark.parametrize("strategy", [Rearrange(), Region()], ids=lambda strategy: strategy.name)
def test_what_fills_the_picture_and_no_claim_speaks_of_takes_no_place_from_objects(strategy) -> None:
    wall, dogs = Detection(0, 0, SIDE, SIDE, "wall"), [Detection(8, 8, 16, 16, "dog"), Detection(64, 64, 16, 16, "dog")]
    for prompt in ("one dog", "three dogs"):
        plan = strategy.plan(situation(read(claims_from_prompt(prompt), [wall, *dogs])))
        assert plan is not None and plan.region is not None and not plan.region.all()


def test_what_is_there_without_a_box_is_ground_and_not_missing() -> None:
    claims, dog = claims_from_prompt("a dog and a cat on grass"), Detection(8, 8, 16, 16, "dog")
    verdicts = [verdict(claim, [dog, whole_place("grass")]) for claim in claims]
    faults = faults_of(without_ground(critique_of(verdicts, [dog]), (SIDE, SIDE)), random.Random(0))
    assert [kind.noun for kind in faults.missing] == ["cat"]


def test_a_cat_that_somebody_holds_is_no_ground() -> None:
    claims = claims_from_prompt("a man holding a cat")
    critique = read(claims, [Detection(0, 0, SIDE, SIDE, "cat")])
    assert without_ground(critique, (SIDE, SIDE)) is critique


def test_a_ground_that_is_missing_is_asked_for() -> None:
    dog = Detection(8, 8, 16, 16, "dog")
    plan = Region().plan(
        situation(critique_from_detections([object_claim("snow"), count_claim("dog", 1)], [dog], SIDE))
    )
    assert plan is not None and plan.region is not None and plan.region[6:].all()


@pytest.mark.parametrize(
    ("claims", "objects"),
    [
        ([count_claim("dog", 1)], [Detection(0, 0, 90, 90, "dog")]),
        ([object_claim("dog", 2)], [Detection(0, 0, 30, 30, "dog"), Detection(50, 50, 30, 30, "dog")]),
        ([count_claim("dog", 1)], [Detection(0, 0, 60, 90, "horse")]),
    ],
)
def test_what_is_counted_or_small_or_large_beside_others_is_no_ground(
    claims: list[Claim], objects: list[Detection]
) -> None:
    critique = critique_from_detections(claims, objects, SIDE)
    assert without_ground(critique, (SIDE, SIDE)) is critique
