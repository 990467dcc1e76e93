"""Editing in the loop: what of a source may change, and that nothing else does."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from tests.support.edit_stage import CELLS, FOUND, SIDE, VALUES, Stage, box, corrected, decoded, drawn, edit
from xlard.critics.scoring.preservation import judge_with_source
from xlard.detections import Detection
from xlard.editing.claims import edit_claims
from xlard.loop.edit_region import within_edit_region
from xlard.loop.faults import faults_of
from xlard.loop.grid import Grid
from xlard.loop.plan import Plan, Situation
from xlard.loop.regions import area_of, region_grid, region_of
from xlard.loop.rounds import first_round, resumed_round
from xlard.loop.run import self_correct
from xlard.loop.settings import LoopSettings
from xlard.loop.state import LoopState
from xlard.prompts import claims_from_prompt
from xlard.report.page import report_page
from xlard.rewards import critique_from_detections


def test_only_the_boxes_of_what_is_touched_may_change_and_all_that_is_free_where_something_comes() -> None:
    grid = region_grid((CELLS, CELLS), (SIDE, SIDE))
    area = area_of(edit("make the red circle blue"), grid)
    assert area[1:3, 1:3].all() and area.sum() == 16
    area = area_of(edit("move the red circle to the bottom right"), grid)
    assert area[11, 11] and not area[1:3, 8:10].any() and not area[8:10, 4:6].any()
    assert edit("make the red circle blue").may_change.sum() == 28 * 28


def test_a_cell_that_two_things_share_belongs_to_the_one_that_covers_more() -> None:
    grid = region_grid((CELLS, CELLS), (SIDE, SIDE))
    detections = (Detection(8, 8, 19, 16, "circle", "red"), Detection(28, 8, 20, 16, "square", "blue"))
    area = area_of(edit("remove the circle", detections), grid)
    assert area[1:3, 1:3].all() and not area[1:3, 3:].any()


def test_a_larger_thing_around_it_does_not_hold_on_to_what_is_touched() -> None:
    grid = region_grid((CELLS, CELLS), (SIDE, SIDE))
    small, large = Detection(35, 19, 10, 10, "circle", "red"), Detection(24, 16, 40, 72, "triangle", "green")
    area = area_of(edit("remove the circle", (small, large)), grid)
    assert area.equal(grid.cells([small]))
    beside = area_of(edit("remove the circle", (small, large, Detection(46, 19, 10, 10, "square", "blue"))), grid)
    assert beside[2:4, 4].all() and not beside[2:4, 6].any() and not (beside & ~area).any()
    # Where it may go is all that the larger one leaves.
    moved = area_of(edit("move the circle to the left", (small, large)), grid)
    assert moved[:, :3].all() and moved[2, 4] and not moved[6:11, 3:8].any()


def test_an_erased_thing_is_gone_and_all_else_stays_to_the_last_bit() -> None:
    state, stage = corrected("remove the red circle")
    assert state.passed and [entry.strategy for entry in state.rounds] == ["source", "rearrange"]
    assert (state.first.nfe, state.first.noise_level, stage.nfe_made) == (0, 0.0, 10)
    assert torch.equal(state.first.latent, drawn())
    changed = (state.best.latent != drawn()).any(dim=0)
    assert (
        changed[1:3, 1:3].all()
        and not (changed & ~area_of(state.edit, region_grid((CELLS, CELLS), (SIDE, SIDE)))).any()
    )


@pytest.mark.parametrize(
    "place", ["at the bottom right", "to the right of the green triangle", "below the blue square"]
)
def test_a_moved_thing_stands_where_it_was_asked_to(place) -> None:
    state, _ = corrected(f"move the red circle {place}")
    assert state.passed and state.rounds[-1].strategy == "rearrange"
    for d in FOUND[1:]:
        span = Grid((CELLS, CELLS), (SIDE, SIDE), 0.0).span(d)
        assert torch.equal(state.best.latent[(..., *span)], drawn()[(..., *span)])


def test_of_several_that_are_moved_those_in_place_stay() -> None:
    there, elsewhere = box("red circle", 1, 1), box("red circle", 8, 8)
    claims = edit_claims(edit("move both circles to the left", (there, elsewhere)))
    faults = faults_of(
        critique_from_detections([claim for claim in claims if claim.edit is None], (there, elsewhere), SIDE),
        random.Random(0),
    )
    region = region_of(faults, region_grid((CELLS, CELLS), (SIDE, SIDE)), random.Random(0))
    assert region[8:10, 8:10].all() and region[6, 1] and not region[1:3, 1:3].any()


def test_what_is_recoloured_is_drawn_anew_in_its_place_only() -> None:
    state, stage = corrected("make the red circle blue", VALUES["blue circle"])
    assert state.passed and state.best.strategy == "region" and stage.nfe_made == 20
    assert ((state.best.latent != drawn()).any(dim=0) == state.best.region).all() and state.best.region.sum() == 16


def test_even_what_cannot_be_done_leaves_the_source_alone() -> None:
    state, stage = corrected("make the red circle blue", VALUES["red square"], rounds=6)
    assert not state.passed and stage.nfe_made == state.nfe > 0
    everywhere = torch.stack([entry.region for entry in state.rounds]).any(dim=0)
    assert everywhere.sum() == 16
    assert all(torch.equal(entry.latent[:, ~everywhere], drawn()[:, ~everywhere]) for entry in state.rounds)


def test_an_edit_that_may_change_all_of_a_picture_does_not_open_its_neighbour_in_the_batch() -> None:
    class Painting(Stage):
        def generate(self, rows, seeds, guidance=None):
            return torch.full((len(rows), 4, CELLS, CELLS), self.value)

    part = edit("make the red circle blue")
    # A statement opens the whole picture; this judge knows boxes alone.
    whole = [claim for claim in edit_claims(replace(part, statements=("it is night",))) if claim.text != "it is night"]
    for claims in ([whole, edit_claims(part)], [edit_claims(part), whole]):
        stage = Painting(VALUES["red square"])
        states = self_correct(
            ["", ""],
            claims,
            [3, 4],
            stage,
            stage,
            stage,
            settings=LoopSettings(1, ("resample",)),
            sources=drawn().expand(2, -1, -1, -1),
        )
        confined_one = states[claims.index(whole) - 1].rounds[-1]
        assert confined_one.region.sum() == 16
        assert torch.equal(confined_one.latent[:, ~confined_one.region], drawn()[:, ~confined_one.region])


def test_one_of_two_is_erased_and_the_other_one_held() -> None:
    detections = (Detection(8, 8, 16, 16, "circle", "red"), Detection(64, 64, 16, 16, "circle", "red"))
    claims = edit_claims(edit("remove a red circle", detections))
    state = LoopState("", tuple(claims))
    start = first_round("", claims, 1, 5, sources=drawn(detections)[None])
    critique = critique_from_detections([claim for claim in claims if claim.edit is None], detections, SIDE)
    (state,) = start.finished(
        drawn(detections)[None],
        decoded(drawn(detections)[None]),
        [judge_with_source(decoded(drawn(detections)[None]), [claims], lambda own: [critique])[0]],
        0,
        0.1,
    )
    (touched,) = state.edit.touched
    (plan,) = resumed_round([state], claims, 1, 5).plans
    assert plan.region[1:3, 1:3].all() and not plan.region[8:10, 8:10].any() and touched.x == 8


def test_a_source_needs_claims_of_an_edit_and_one_for_each_picture() -> None:
    stage = Stage()
    with pytest.raises(ValueError, match="Connect those of xLARD Edit Claims"):
        self_correct(["a dog"], [claims_from_prompt("a dog")], [0], stage, stage, stage, sources=drawn()[None])
    with pytest.raises(ValueError, match="2 sources for 1 pictures"):
        first_round("", edit_claims(edit("remove the circle")), 1, 0, sources=drawn().expand(2, -1, -1, -1))


def test_a_source_that_is_full_of_what_stays_cannot_be_added_to() -> None:
    stage, ground = Stage(), Detection(0, 0, SIDE, SIDE, "square", "blue")
    claims = edit_claims(edit("add a yellow circle", (*FOUND, ground)))
    with pytest.raises(ValueError, match="what is to stay covers all of it .red circle, blue square, green triangle."):
        self_correct([""], [claims], [0], stage, stage, stage, sources=drawn()[None])


def test_plans_for_pictures_without_a_source_are_not_confined() -> None:
    start = first_round("a dog", claims_from_prompt("a dog"), 1, 0)
    plan = Plan("resample", 1.0, 0, 20)
    situation = Situation(start.states[0], 0, lambda noise_level: 20)
    assert within_edit_region(plan, situation) is plan and situation.area is None


def test_the_report_shows_instruction_and_both_kinds_and_preservation_over_the_rounds() -> None:
    state, _ = corrected("remove the red circle")
    page = report_page([state], "Edits")
    assert "1. remove the red circle" in page and "keep: all else is as it was" in page
    assert "<td>nothing</td>" in page and "<td>all</td>" not in page
    assert "Before: the source<" in page and "After: round 1, rearrange, seed" in page
    assert 'class="preservation"' in page and "Bright is redrawn" in page
    assert state.to_dict()["instruction"] == "remove the red circle"
    assert [claim["keep"] for claim in state.to_dict()["rounds"][0]["critique"]["claims"]] == [False, True, True, True]
