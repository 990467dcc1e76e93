"""How much of a picture repairs may change, and where: the artist's masks, and the router that keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.loop_fakes import FakeDecoder, FakeJudge
from xlard.claims import custom_claim
from xlard.critique import Verdict, critique_of
from xlard.detections import Detection
from xlard.loop.edit_region import within_edit_region
from xlard.loop.engine import better, better_and_kept
from xlard.loop.painted import Painted, painted_on
from xlard.loop.plan import Plan, Situation
from xlard.loop.rounds import first_round
from xlard.loop.router import Router, router
from xlard.loop.run import self_correct
from xlard.loop.settings import ANYTHING, AS_NEEDED, KEEP_ALL, LoopSettings
from xlard.loop.state import LoopState, Round
from xlard.loop.strategies import Correct, Region, Resample
from xlard.prompts import claims_from_prompt
from xlard.rewards import critique_from_detections

SIDE = 96


def box(color: str, noun: str, x: float, y: float, size: float = 16) -> Detection:
    return Detection(x, y, size, size, noun, color)


def situation(critique, rejected: int = 0, painted: Painted | None = None, strategy: str = "sample") -> Situation:
    first = Round("sample", 1.0, 0, 20, 0.1, 1, critique, torch.zeros(4, 12, 12), torch.zeros(SIDE, SIDE, 3), True)
    later = [replace(first, strategy=strategy, accepted=False)] * rejected
    state = LoopState("", tuple(v.claim for v in critique.verdicts), [first, *later], painted=painted)
    return Situation(state, 7, lambda noise_level: round(20 * noise_level))


def judged(prompt: str, *objects: Detection):
    return critique_from_detections(claims_from_prompt(prompt), objects, SIDE)


SURPLUS = judged("a red circle", box("red", "circle", 8, 8), box("red", "circle", 64, 64))
MISSING = judged("a red circle and a blue square", box("red", "circle", 8, 8))


def half(size: int = 96, dimension: int = 1) -> torch.Tensor:
    """A mask of the right half, or of the lower one."""
    mask = torch.zeros(size, size)
    mask.narrow(dimension, size // 2, size - size // 2).fill_(1)
    return mask


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 300), st.integers(1, 300), st.data())
def test_each_painted_pixel_counts_at_any_size(rows, columns, height, width, data) -> None:
    mask = torch.zeros(height, width)
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    mask[y, x] = 1
    protected = ~Painted(protect=mask).area((rows, columns))
    assert protected.any() and torch.equal(protected, Painted(fix_here=mask).area((rows, columns)))
    assert protected[int((y + 0.5) / height * rows), int((x + 0.5) / width * columns)]


def test_what_both_masks_mark_is_protected() -> None:
    area = Painted(half(), half(dimension=0)).area((12, 12))
    assert area.sum() == 36 and area[6:, :6].all()


def test_masks_serve_all_pictures_or_one_each_and_empty_ones_count_as_none() -> None:
    both = painted_on(half()[None], None, 2, (12, 12))
    assert all(torch.equal(masks.protect, half()) for masks in both)
    first, second = painted_on(None, torch.stack([torch.zeros(64, 64), half(64)]), 2, (12, 12))
    assert first is None and second.protect is None and second.area((12, 12)).sum() == 72
    assert painted_on(None, torch.zeros(1, 64, 64), 2, (12, 12)) == painted_on(None, None, 2, (12, 12)) == (None, None)


@pytest.mark.parametrize(
    ("protect", "fix_here", "message"),
    [
        (torch.ones(1, 8, 8), None, "protect leaves nothing of picture 1 to change, at latents of 12 x 12"),
        (half()[None], half()[None], "nothing of picture 1 to change inside of fix_here"),
        (torch.ones(2, 8, 8), None, "protect holds 2 masks for 3 pictures"),
        (None, torch.full((1, 8, 8), torch.nan), "fix_here holds NaN"),
    ],
)
def test_masks_that_cannot_be_used_are_refused(protect, fix_here, message) -> None:
    with pytest.raises(ValueError, match=message):
        painted_on(protect, fix_here, 3, (12, 12))


@pytest.mark.parametrize("names", [["region"], ["rearrange"], ["resample"], ["correct"]])
def test_every_strategy_keeps_to_what_is_painted(names) -> None:
    for critique in (SURPLUS, MISSING):
        where = situation(critique, painted=Painted(fix_here=half()))
        plan = router(names).plan(where, within_edit_region)
        if plan is not None:
            assert plan.region is not None and plan.region.any() and not plan.region[:, :6].any()
    assert router(["resample"]).plan(where, within_edit_region).region.sum() == 72


def test_a_repair_that_would_cut_a_protected_object_is_not_planned() -> None:
    painted = Painted(protect=torch.ones(SIDE, SIDE) - half())
    for critique in (SURPLUS, judged("three red circles", box("red", "circle", 8, 8), box("red", "circle", 30, 8))):
        plan = router(["rearrange"]).plan(situation(critique, painted=painted), within_edit_region)
        assert plan is not None and not plan.region[:, :6].any()
    everything_else = Painted(protect=(half() + half(dimension=0)).clamp(max=1))
    assert router(["rearrange"]).plan(situation(SURPLUS, painted=everything_else), within_edit_region) is not None


def test_where_the_critic_locates_nothing_the_painted_part_is_redrawn() -> None:
    unlocated = critique_of([Verdict(custom_claim("it is night"), False, 0.0)])
    assert Region().plan(situation(unlocated, painted=Painted(protect=half()))) is None
    plan = Region().plan(situation(unlocated, painted=Painted(fix_here=half())))
    assert plan.region.sum() == 72 and plan.reason == "where it is painted"


def test_an_object_that_is_drawn_alone_is_drawn_whole() -> None:
    where, claims = situation(MISSING, painted=Painted(fix_here=half())), tuple(claims_from_prompt("a blue square"))
    alone = Plan("introduce", 1.0, 7, 20, claims=claims)
    assert within_edit_region(alone, where) is alone


def test_levels_are_kept_inside_of_what_is_painted_too() -> None:
    where = situation(MISSING, painted=Painted(fix_here=half()))
    plan = Plan("rearrange", 1.0, 7, 20, region=torch.ones(12, 12, dtype=torch.bool), levels=torch.full((12, 12), 0.5))
    clipped = within_edit_region(plan, where)
    assert torch.equal(clipped.levels > 0, clipped.region) and clipped.change == pytest.approx(0.25)


@dataclass(frozen=True)
class Offers:
    """A strategy that always offers the same plan."""

    name: str
    level: float
    cells: int | None
    failing: int = 0

    def plan(self, situation: Situation) -> Plan | None:
        region = None if self.cells is None else torch.arange(144).view(12, 12) < self.cells
        return Plan(self.name, self.level, 1, 20, region=region, failing=self.failing)


WHOLE, LARGE, SMALL = Offers("whole", 0.2, None), Offers("large", 1.0, 80), Offers("small", 0.5, 20)


def test_of_plans_of_equal_promise_the_one_that_changes_least_is_taken_where_all_else_is_kept() -> None:
    def chosen(*strategies, **asked) -> str:
        return Router(strategies, keeps=True).plan(situation(MISSING, **asked)).strategy

    assert chosen(WHOLE, LARGE, SMALL) == "small" and chosen(WHOLE, LARGE) == "large"
    assert chosen(LARGE, replace(SMALL, failing=1)) == "large"
    assert chosen(Offers("first", 0.5, 20), SMALL) == "first"
    # What was of no use twice makes way once.
    assert chosen(LARGE, SMALL, rejected=2, strategy="small") == "large"
    assert chosen(SMALL, rejected=2, strategy="small") == "small"
    assert Router((WHOLE,), keeps=True).plan(situation(MISSING)) is None
    assert Router((WHOLE, LARGE, SMALL)).plan(situation(MISSING)).strategy == "whole"


def test_a_fresh_picture_comes_never_late_or_soon() -> None:
    def chosen(may_change: str) -> list[str | None]:
        plans = [router(may_change=may_change).plan(situation(SURPLUS, rejected)) for rejected in range(5)]
        return [plan and plan.strategy for plan in plans]

    assert chosen(AS_NEEDED) == ["rearrange", "rearrange", "resample", "rearrange", "rearrange"]
    assert chosen(ANYTHING) == ["rearrange", "resample", "rearrange", "resample", "rearrange"]
    assert set(chosen(KEEP_ALL)) == {"rearrange"}
    with pytest.raises(ValueError, match="'some' does not say how much may change"):
        router(may_change="some")
    with pytest.raises(ValueError, match="'some' does not say how much may change"):
        LoopSettings(may_change="some")


def test_a_round_that_loses_what_was_right_does_not_count_where_all_else_is_kept() -> None:
    claims = [custom_claim(text) for text in ("a", "b", "c")]

    def holding(*passed: bool):
        return critique_of([Verdict(claim, held, float(held)) for claim, held in zip(claims, passed)])

    state = situation(holding(True, False, False)).state
    assert better(state, holding(False, True, True)) and not better_and_kept(state, holding(False, True, True))
    assert better_and_kept(state, holding(True, True, False)) and not better_and_kept(
        state, holding(True, False, False)
    )


def test_fresh_draws_inside_of_what_is_painted_are_not_corrected_on_their_way() -> None:
    where = replace(situation(MISSING, painted=Painted(fix_here=half())), single_step_level=0.5, draw_nfe=1)
    plan = Resample().plan(where)
    assert plan.correction == "none" and plan.nfe == 20 and not where.corrects_draws
    assert Correct().plan(where) is not None


class Recording:
    """A sampler whose pictures show two circles, and never another number where it is asked to go on."""

    def __init__(self) -> None:
        self.regions: list = []

    def context(self, rows):
        return torch.zeros(len(rows), 1, 1)

    def generate(self, rows, seeds, guidance=None):
        return torch.full((len(rows), 1, 4, 4), 2.0)

    def resume(self, latents, noise_level, rows, seeds, guidance=None, regions=None):
        self.regions.append(regions)
        return latents

    def nfe(self, noise_level=1.0):
        return round(20 * noise_level)


class FirstCell(FakeDecoder):
    def decode(self, latents):
        return latents[:, :, :1, :1].view(-1, 1, 1, 1).expand(-1, 8, 8, 3)


def test_in_a_loop_each_picture_has_its_own_masks_and_the_first_is_drawn_whole() -> None:
    sampler, claims = Recording(), claims_from_prompt("three circles")
    painted = (Painted(fix_here=half(8)), None)
    states = self_correct(
        ["three circles"] * 2,
        [claims] * 2,
        [1, 2],
        sampler,
        FirstCell(),
        FakeJudge(),
        settings=LoopSettings(rounds=1, strategies=("resample",)),
        painted=painted,
    )
    assert states[0].rounds[0].region is None and states[1].rounds[1].region is None
    assert states[0].rounds[1].region[:, 2:].all() and not states[0].rounds[1].region[:, :2].any()


def test_as_a_graph_too() -> None:
    claims = claims_from_prompt("a red circle")
    begun = first_round("a red circle", claims, 1, 3, ("resample",), painted=(Painted(fix_here=half(8)),))
    assert begun.fresh == (True,)
    (state,) = begun.finished(torch.zeros(1, 4, 12, 12), torch.zeros(1, SIDE, SIDE, 3), [judged("a red circle")], 20, 1)
    following = begun.after([state])
    assert following.fresh == (False,) and following.redrawn((12, 12)).sum() == 72
