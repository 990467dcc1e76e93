"""A fill model in the loop: which holes it is given, with which prompts, and what counts of its pictures."""

from __future__ import annotations

import pytest
import torch

from tests.support.edit_stage import CELLS, FOUND, SIDE, DrawingStage, box, decoded, drawn
from xlard.detections import ObjectKind
from xlard.loop.attempt import first_attempt
from xlard.loop.correction import Correction
from xlard.loop.critic_failure import RoundError
from xlard.loop.engine import Engine, better
from xlard.loop.object_prompts import prompt_without
from xlard.loop.painted import Painted
from xlard.loop.registry import DEFAULT_STRATEGIES
from xlard.loop.router import Router
from xlard.loop.run import plan_for, self_correct, try_plans
from xlard.loop.settings import LoopSettings
from xlard.loop.state import LoopState
from xlard.loop.strategies import Region
from xlard.prompts import claims_from_prompt
from xlard.protocols import CropTerms

SURPLUS = "a blue square and a green triangle, and no red circle"
"""What ``FOUND`` has a circle too much for."""

MOVED = "a red circle right of a blue square"
"""What ``FOUND`` has, the other way round."""

MISSING = "two red circles and a blue square"

CLEAN = 0.003
"""What a fill model makes of the ground; a little off, so that it is known."""


class Filler:
    """Paints holes, and some things in them if it is given any; notes what it was asked."""

    def __init__(self, *things, fault: Exception | torch.Tensor | None = None):
        self.things, self.fault, self.asked = things, fault, []

    def fill(self, images, holes, prompts, avoided, seeds):
        self.asked.append((images.clone(), holes.clone(), list(prompts), list(avoided), list(seeds)))
        if isinstance(self.fault, Exception):
            raise self.fault
        painted = torch.full_like(images, 0.5) if self.fault is None else self.fault
        if self.fault is None:
            shown = decoded(drawn(self.things)[None]).expand_as(images)
            painted[holes == 1] = torch.where(shown == 0, torch.full_like(shown, CLEAN), shown)[holes == 1]
        return painted

    def nfe(self):
        # Known exactly only once it has drawn.
        return 9 if self.asked else 20


class CroppingStage(DrawingStage):
    """Also draws parts of its pictures from prompts of their own, and notes what it was asked."""

    def __init__(self, terms: CropTerms | None = None):
        super().__init__()
        self._terms, self.asked, self.resumed = terms or CropTerms(takes_prompts=True), [], []

    def crop_terms(self, row):
        return self._terms

    def cropped(self, rows, windows, size, prompt=None, avoid=""):
        self.asked.append((list(rows), list(windows), size, prompt, avoid))
        return self

    def resume(self, latents, noise_level, rows, seeds, guidance=None, regions=None):
        self.resumed.append((latents.clone(), noise_level, list(seeds)))
        return super().resume(latents, 1.0, rows, seeds, guidance, regions)


def corrected(filler: Filler | None, prompt: str, rounds: int = 1, stage=None, batch: int = 1, **asked):
    stage = stage or DrawingStage()
    settings = LoopSettings(rounds, **{"strategies": ("region",), **asked.pop("settings", {})})
    states = self_correct(
        [prompt] * batch,
        [asked.pop("claims", claims_from_prompt(prompt))] * batch,
        [3 + row for row in range(batch)],
        stage,
        stage,
        stage,
        settings=settings,
        encoder=stage,
        filler=filler,
        **asked,
    )
    return states if batch > 1 else states[0]


def pixels(cells: torch.Tensor) -> torch.Tensor:
    return cells.repeat_interleave(8, 0).repeat_interleave(8, 1)


def check_rest_is_kept(state: LoopState) -> None:
    first, filled = state.rounds
    hole = pixels(filled.region)
    assert 0 < hole.float().mean() < 0.9
    assert torch.equal(filled.image[~hole], first.image[~hole])
    assert torch.equal(filled.latent[:, ~filled.region], first.latent[:, ~filled.region])


def test_what_region_opens_is_redrawn_by_the_fill_model_and_all_other_pixels_stay() -> None:
    filler = Filler()
    state = corrected(filler, SURPLUS)
    ((images, holes, prompts, avoided, (seed,)),) = filler.asked
    filled = state.best
    assert torch.equal(images[0], state.first.image) and torch.equal(holes[0] == 1, pixels(filled.region))
    assert seed == filled.seed != 3
    assert (filled.strategy, filled.noise_level, filled.nfe, filled.stitched) == ("region", 1.0, 9, True)
    assert filled.reason == "1 wrong, redrawn by the fill model"
    assert state.passed and (filled.image[8:24, 8:24] == CLEAN).all()
    check_rest_is_kept(state)


def test_the_hole_of_what_is_only_removed_is_told_nothing_of_it() -> None:
    filler = Filler()
    corrected(filler, SURPLUS)
    ((_, _, (prompt,), (avoided,), _),) = filler.asked
    assert "circle" not in prompt and "square" not in prompt and avoided == "red circle"


def test_where_something_is_missing_the_hole_is_told_the_whole_prompt() -> None:
    filler = Filler(box("red circle", 5, 4))
    state = corrected(filler, MISSING)
    ((_, _, (prompt,), (avoided,), _),) = filler.asked
    assert (prompt, avoided) == (MISSING, "") and not state.passed
    assert state.best is state.first or state.best.strategy == "region"
    nameless = Filler(box("red circle", 5, 4))
    corrected(nameless, "", claims=claims_from_prompt(MISSING))
    ((_, _, (prompt,), _, _),) = nameless.asked
    assert prompt == "two circles, one square, two circles are red, the square is blue"


def test_each_picture_of_a_batch_has_its_own_seed() -> None:
    filler = Filler()
    states = corrected(filler, SURPLUS, batch=2)
    ((images, _, prompts, _, (one, other)),) = filler.asked
    assert len(images) == len(prompts) == 2 and one != other and all(state.passed for state in states)


def test_rearrange_has_the_places_that_it_empties_redrawn_and_samples_nothing_else() -> None:
    filler, stage = Filler(), DrawingStage()
    state = corrected(filler, SURPLUS, stage=stage, settings={"strategies": ("rearrange",)})
    filled = state.best
    assert (filled.strategy, filled.noise_level, filled.nfe, stage.nfe_made) == ("rearrange", 1.0, 9, 0)
    assert filled.reason == "1 wrong, redrawn by the fill model" and state.passed
    assert (filled.image[8:24, 8:24] == CLEAN).all()
    ((_, _, _, (avoided,), _),) = filler.asked
    assert avoided == "red circle"
    check_rest_is_kept(state)


def test_what_rearrange_moves_is_sampled_first_and_only_its_old_place_is_filled() -> None:
    filler, stage = Filler(), DrawingStage()
    state = corrected(filler, MOVED, stage=stage, settings={"strategies": ("rearrange",)})
    moved = state.best
    assert moved.strategy == "rearrange" and state.passed and moved.noise_level == 0.5
    assert moved.nfe == stage.nfe_made + 9 and stage.nfe_made == 10
    ((images, holes, _, _, _),) = filler.asked
    # The fill model sees what was moved where it is now.
    assert {seen.label for seen in stage.seen(images[0])} >= {"red circle", "blue square"}
    hole = holes[0] == 1
    assert hole.any() and not (hole & ~pixels(moved.region)).any() and not (images[0][hole] == 1).any()
    assert (moved.image == CLEAN).any()
    check_rest_is_kept(state)


def test_it_is_asked_before_a_fresh_draw_only_where_there_is_a_fill_model() -> None:
    for filler, strategy in ((Filler(box("blue circle", 5, 4)), "region"), (None, "resample")):
        state = corrected(filler, "a red circle and a blue circle", settings={"strategies": DEFAULT_STRATEGIES})
        assert state.rounds[1].strategy == strategy


def test_the_noise_mask_and_what_is_painted_are_kept() -> None:
    left, nothing = torch.zeros(CELLS, CELLS), torch.zeros(CELLS, CELLS)
    left[:, :2] = 1
    for strategy in ("region", "rearrange"):
        for stage, painted in ((DrawingStage(left), None), (DrawingStage(), [Painted(fix_here=left)])):
            filler = Filler()
            state = corrected(filler, SURPLUS, stage=stage, painted=painted, settings={"strategies": (strategy,)})
            first, filled = state.rounds
            assert torch.equal(filled.image[:, 16:], first.image[:, 16:]), strategy
            assert not torch.equal(filled.image[:, :16], first.image[:, :16]), strategy
        filler = Filler()
        corrected(filler, SURPLUS, stage=DrawingStage(nothing), settings={"strategies": (strategy,)})
        assert filler.asked == []


@pytest.mark.parametrize("fault", [RuntimeError("out of memory"), torch.zeros(1, 8, 8, 3)])
def test_a_fault_in_the_fill_leaves_the_picture_before_it(fault) -> None:
    with pytest.raises(RoundError) as failed:
        corrected(Filler(fault=fault), SURPLUS)
    (state,) = failed.value.states
    assert len(state.rounds) == 1 and "Round 1 could not be drawn" in state.ended


def test_a_round_that_is_no_better_is_dropped() -> None:
    state = corrected(Filler(FOUND[0]), SURPLUS, rounds=2)
    assert [round_.accepted for round_ in state.rounds] == [True, False, False] and state.best is state.first


def test_without_a_fill_model_plans_are_as_before() -> None:
    state = corrected(None, SURPLUS)
    assert (state.rounds[1].noise_level, state.rounds[1].reason, state.rounds[1].stitched) == (0.9, "1 wrong", False)


def test_the_prompt_for_a_hole_names_a_place_that_is_none_of_what_was_there() -> None:
    prompt = "a photo of two red cups on a wooden table, a cat on a sofa, soft light"
    claims = claims_from_prompt(prompt)
    cups, table = ObjectKind("cup", "red"), ObjectKind("table", None)
    assert prompt_without([cups], prompt, claims) == "a photo of a wooden table, soft light"
    assert prompt_without([cups, table], prompt, claims) == "a photo of a sofa, soft light"
    assert prompt_without([], prompt, claims) == ""
    assert SIDE == 8 * CELLS


def after_a_round(stage: CroppingStage, prompt: str, region: Region) -> LoopState:
    """A picture after one round of a strategy."""
    engine = Engine(stage, stage, stage, [prompt], [claims_from_prompt(prompt)], [3], encoder=stage)
    settings = LoopSettings(strategies=("region",))
    correction = Correction.resolve(None, None, settings)
    engine.try_rows([0], lambda: first_attempt(engine, [0], settings, correction), better)
    plan = plan_for(engine, 0, 1, Router((region,)), correction, settings)
    assert plan is not None
    try_plans(engine, {0: plan}, correction, better)
    return engine.states[0]


def test_region_can_empty_what_has_to_go_and_draw_the_place_from_a_prompt_of_its_own() -> None:
    stage = CroppingStage()
    state = after_a_round(stage, SURPLUS, Region(empties=True))
    ((rows, (window,), size, prompt, avoid),), ((begun, level, seeds),) = stage.asked, stage.resumed
    assert (rows, tuple(window), size) == ([0], (0.0, 0.0, 1.0, 1.0), (CELLS, CELLS))
    assert "circle" not in prompt and avoid == "red circle"
    redrawn = state.rounds[1]
    # The circle is gone before anything is drawn.
    assert (begun[0][:3, redrawn.region].abs() < 1e-3).all() and (state.first.latent[:3, redrawn.region] > 0.1).any()
    assert (level, seeds, redrawn.nfe, redrawn.reason) == (0.9, [redrawn.seed], 18, "1 wrong")
    assert state.passed
    check_rest_is_kept(state)


@pytest.mark.parametrize(
    ("prompt", "region", "terms", "emptied"),
    [
        (MISSING, Region(empties=True), CropTerms(takes_prompts=True), False),
        (SURPLUS, Region(empties=False), CropTerms(takes_prompts=True), False),
        (SURPLUS, Region(empties=True), CropTerms(takes_prompts=False), True),
        (SURPLUS, Region(empties=True), CropTerms(takes_prompts=True, area=torch.ones(CELLS, CELLS)), True),
    ],
)
def test_it_draws_from_the_whole_prompt_where_more_is_wrong_or_prompts_cannot_be_replaced(
    prompt, region, terms, emptied
) -> None:
    stage = CroppingStage(terms)
    after_a_round(stage, prompt, region)
    ((begun, _, _),) = stage.resumed
    assert stage.asked == [] and (begun[0][0, 1, 1] < 1e-3) == emptied
    assert emptied or torch.equal(begun[0], drawn())
