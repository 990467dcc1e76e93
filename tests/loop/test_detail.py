"""Small objects redrawn enlarged: what is planned, what is drawn, and what stays as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from xlard.claims import Claim
from xlard.critique import Critique, Verdict, critique_of
from xlard.detections import Detection
from xlard.loop.detail import CLAIM_NOISE_LEVELS, COLOR_NOISE_LEVELS, HOLE_NOISE_LEVELS, OBJECT_NOISE_LEVELS, Detail
from xlard.loop.edit_region import within_edit_region
from xlard.loop.painted import Painted
from xlard.loop.plan import Plan, Situation
from xlard.loop.router import router
from xlard.loop.run import self_correct
from xlard.loop.settings import LoopSettings
from xlard.loop.state import LoopState, Round
from xlard.prompts import claims_from_prompt
from xlard.protocols import CropTerms
from xlard.rewards import critique_from_detections, decidable

SIDE, CELLS, CELL = 128, 16, 8
GREY, DRAWN = 0.6, torch.tensor([0.1, 0.2, 0.9])


def box(color: str, noun: str, x: float, y: float, size: float = 20) -> Detection:
    return Detection(x, y, size, size, noun, color)


def critique(prompt: str, *objects: Detection) -> Critique:
    claims = [claim for claim in claims_from_prompt(prompt) if decidable(claim) and claim.noun in ("circle", "square")]
    return critique_from_detections(claims, objects, SIDE)


def situation(prompt: str, *objects: Detection, rounds: int = 0, **asked) -> Situation:
    return of_critique(prompt, critique(prompt, *objects), rounds, **asked)


def of_critique(prompt: str, judged: Critique, rounds: int = 0, terms: CropTerms | None = None, **asked) -> Situation:
    image = torch.full((SIDE, SIDE, 3), GREY)
    first = Round("sample", 1.0, 0, 20, 0.1, 1, judged, torch.zeros(3, CELLS, CELLS), image, True)
    later = [replace(first, strategy="detail", accepted=False)] * rounds
    state = LoopState(prompt, tuple(claims_from_prompt(prompt)), [first, *later])
    terms = terms or CropTerms(takes_prompts=True)
    return Situation(state, 7, lambda noise_level: round(20 * noise_level), **{"crop_terms": lambda: terms, **asked})


PROMPT, RED, GREEN = "a red circle and a blue square", box("red", "circle", 8, 8), box("green", "square", 90, 80)


def test_an_object_of_a_wrong_colour_is_enlarged_and_redrawn_as_what_is_missing() -> None:
    plan = Detail().plan(situation(PROMPT, RED, GREEN))
    assert (plan.noise_level, plan.failing, plan.reason) == (COLOR_NOISE_LEVELS[0], 0, "green square to blue square")
    crop = plan.crop
    assert (crop.prompt, crop.avoid, crop.emptied, crop.size) == ("a blue square", "", False, (CELLS, CELLS))
    assert plan.nfe == round(20 * COLOR_NOISE_LEVELS[0]) and plan.prompt == ""
    rows, columns = crop.place
    assert rows.start < 80 and rows.stop > 100 and columns.start < 90 and columns.stop > 110
    assert rows.stop - rows.start <= SIDE // 2 and rows.stop <= SIDE and columns.stop <= SIDE
    assert plan.region[10:12, 12:13].all() and not plan.region[:8, :8].any()


@pytest.mark.parametrize(
    ("prompt", "objects", "levels", "drawn", "avoid"),
    [
        ("a red circle and a blue square", (RED, box("red", "circle", 90, 80)), OBJECT_NOISE_LEVELS,
         "a blue square", ""),
        ("a photo of a red circle in snow, film grain", (RED, box("red", "circle", 90, 80)), HOLE_NOISE_LEVELS,
         "a photo of snow, film grain", "red circle"),
        ("a red circle", (RED, box("red", "circle", 90, 80)), HOLE_NOISE_LEVELS, "", "red circle"),
    ],
)  # fmt: skip
def test_another_object_is_drawn_from_noise_and_a_surplus_one_erased(prompt, objects, levels, drawn, avoid) -> None:
    plan = Detail().plan(situation(prompt, *objects))
    assert (plan.noise_level, plan.crop.prompt, plan.crop.avoid) == (levels[0], drawn, avoid)
    assert plan.crop.emptied == bool(avoid) == plan.reason.endswith("erased")


def test_what_no_box_shows_is_redrawn_where_the_critic_points() -> None:
    hat = box("red", "hat", 90, 80)
    claims = claims_from_prompt("a red hat on a table, oil painting")
    woollen = Claim("attribute", "the hat is woollen", "hat")
    seen = critique_from_detections([c for c in claims if c.type in ("count", "color")], [hat], SIDE)
    judged = critique_of([*(v for v in seen.verdicts if v.claim.noun == "hat"), failed(woollen, hat)], [hat])
    where = of_critique("a red hat on a table, oil painting", judged)
    where.state.claims = (*claims, woollen)
    plan = Detail().plan(where)
    assert plan.noise_level == CLAIM_NOISE_LEVELS[0] and plan.failing == 0
    assert plan.crop.prompt == f"a red hat on a table, {woollen.text}, oil painting"
    assert plan.reason == f"red hat: {woollen.text}"


def failed(claim: Claim, detection: Detection) -> Verdict:
    return Verdict(claim, False, 0.0, (detection,))


def test_the_second_try_starts_from_another_level_and_there_is_no_third() -> None:
    plans = [Detail().plan(situation("a red circle", RED, GREEN, rounds=number)) for number in range(3)]
    assert plans[2] is None
    plans = [
        Detail().plan(situation("a red circle", RED, box("red", "circle", 90, 80), rounds=number)) for number in (0, 1)
    ]
    assert [plan.noise_level for plan in plans] == list(HOLE_NOISE_LEVELS)
    assert Detail(0.4).plan(situation(PROMPT, RED, GREEN)).noise_level == 0.4


@pytest.mark.parametrize(
    "where",
    [
        situation(PROMPT, RED, box("green", "square", 30, 30, 80)),
        situation(PROMPT, RED),
        situation("a red circle right of a green square", RED, GREEN),
        situation(PROMPT, RED, GREEN, crop_terms=None),
        situation(PROMPT, RED, GREEN, crop_terms=lambda: None),
        situation(PROMPT, RED, GREEN, terms=CropTerms(True, torch.zeros(CELLS, CELLS))),
    ],
    ids=["large", "missing", "misplaced", "no sampler of parts", "conditioning of the whole", "noise mask elsewhere"],
)
def test_it_has_nothing_to_offer(where) -> None:
    assert Detail().plan(where) is None


def test_without_prompts_of_its_own_the_artist_s_counts() -> None:
    plan = Detail().plan(situation(PROMPT, RED, GREEN, terms=CropTerms(takes_prompts=False)))
    assert plan.crop.prompt is None and plan.crop.avoid == ""


def test_a_neighbour_s_pixels_stay() -> None:
    near = box("red", "circle", 68, 80)
    crop = Detail().plan(situation(PROMPT, near, GREEN)).crop
    rows, columns = (side.start for side in crop.place)
    assert (crop.opacity[80 - rows : 100 - rows, max(68 - columns, 0) : 88 - columns] == 0).all()
    assert crop.opacity[90 - rows, 100 - columns] == 1


def test_the_size_to_enlarge_to_is_on_the_grid_of_the_picture_s_and_costs_its_share() -> None:
    plan = Detail().plan(situation(PROMPT, RED, GREEN, crop_side=64))
    assert plan.crop.size == (8, 8) and plan.nfe == 4
    assert Detail().plan(situation(PROMPT, RED, GREEN, crop_side=250)).crop.size == (32, 32)


def test_only_what_is_painted_is_stitched_in() -> None:
    where = situation(PROMPT, RED, GREEN)
    where.state.painted = Painted(fix_here=torch.ones(2, 2).triu(1))
    assert Detail().plan(where) is None
    where.state.painted = Painted(protect=torch.tensor([[0.0] * 13 + [1.0] * 3] * 16))
    allowed = within_edit_region(Detail().plan(where), where)
    assert not allowed.region[:, 13:].any() and allowed.region.any()


def test_the_router_asks_it_before_a_fresh_draw() -> None:
    where = situation(PROMPT, RED, GREEN)
    assert router(("detail", "resample")).plan(where).strategy == "detail"


class Coder:
    """A latent cell is the mean of its pixels and a little more: decoding what was encoded changes a picture."""

    def encode(self, images: Tensor) -> Tensor:
        return F.avg_pool2d(images.movedim(-1, 1), CELL) + 0.01

    def decode(self, latents: Tensor) -> Tensor:
        return F.interpolate(latents, scale_factor=CELL, mode="nearest").movedim(1, -1).clamp(0, 1)


@dataclass
class Drawing:
    """Draws a grey picture, and ``DRAWN`` wherever it is told to redraw. Notes what was asked."""

    asked: list = field(default_factory=list)
    size: tuple[int, int] = (CELLS, CELLS)

    def context(self, rows: Sequence[int]) -> Tensor:
        return torch.zeros(len(rows), 1, 1)

    def generate(self, rows, seeds, guidance=None):
        return torch.full((len(rows), 3, *self.size), GREY)

    def resume(self, latents, noise_level, rows, seeds, guidance=None, regions=None):
        self.asked.append((tuple(latents.shape), noise_level, list(rows), list(seeds)))
        return torch.where(regions[:, None], DRAWN[None, :, None, None], latents)

    def predict(self, latents, noise_level, rows, seeds):
        raise AssertionError

    def with_prompt(self, prompt):
        raise AssertionError

    def nfe(self, noise_level=1.0):
        return round(20 * noise_level)

    def crop_terms(self, row):
        return CropTerms(takes_prompts=True)

    def cropped(self, rows, windows, size, prompt=None, avoid=""):
        self.asked.append((list(rows), list(windows), size, prompt, avoid))
        return self


class Script:
    """Critiques in order, one list for each round."""

    def __init__(self, *rounds: list[Critique]):
        self.rounds, self.seen = list(rounds), []

    def judge(self, images, claims):
        self.seen.append(images)
        return self.rounds.pop(0)


def corrected(judge: Script, pictures: int, rounds: int, strategies: tuple[str, ...], **asked) -> list[LoopState]:
    claims = claims_from_prompt(PROMPT)
    return self_correct(
        [PROMPT] * pictures,
        [claims] * pictures,
        list(range(pictures)),
        asked.pop("sampler", Drawing()),
        Coder(),
        judge,
        settings=LoopSettings(rounds=rounds, strategies=strategies, **asked),
        encoder=Coder(),
    )


def test_a_batch_is_drawn_together_and_each_picture_keeps_all_pixels_around_its_own_part() -> None:
    wrong, corner = critique(PROMPT, RED, GREEN), critique(PROMPT, RED, box("green", "square", 2, 100))
    right = critique(PROMPT, RED, box("blue", "square", 90, 80))
    sampler, judge = Drawing(), Script([wrong, right, corner], [right, right])
    states = corrected(judge, 3, 1, ("detail",), sampler=sampler)
    (rows, windows, size, prompt, _), (shape, level, own_rows, seeds) = sampler.asked
    assert rows == [0, 2] and size == (CELLS, CELLS) and prompt == "a blue square" and len(set(windows)) == 2
    assert shape == (2, 3, CELLS, CELLS) and own_rows == [0, 1] and len(set(seeds)) == 2
    for state, y, x in ((states[0], 90, 100), (states[2], 110, 12)):
        before, after = state.rounds
        assert state.best is after and after.stitched and not before.stitched and after.prompt == ""
        changed = (before.image != after.image).any(dim=-1)
        assert changed[y, x] and 0 < changed.float().mean() < 0.2
        in_region = after.region.repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)
        assert not changed[~in_region].any()
        assert torch.allclose(after.image[y, x], DRAWN, atol=0.02)
        assert torch.equal(after.latent[:, ~after.region], before.latent[:, ~after.region])
        assert (after.latent[:, y // CELL, x // CELL] - 0.01 - DRAWN).abs().max() < 0.05
    assert len(states[1].rounds) == 1


def test_a_round_that_redraws_another_part_keeps_the_stitched_pixels() -> None:
    wrong, other = critique(PROMPT, RED, GREEN), box("green", "square", 2, 100)
    better = critique(PROMPT, RED, box("blue", "square", 90, 80), other)
    right = critique(PROMPT, RED, box("blue", "square", 90, 80))
    worse = critique(PROMPT, RED, GREEN, other)
    (state,) = corrected(Script([worse], [better], [right]), 1, 2, ("detail", "region"))
    assert [round_.strategy for round_ in state.rounds] == ["sample", "detail", "detail"]
    (state,) = corrected(Script([wrong], [better], [right]), 1, 1, ("detail",))
    sampler, first = Drawing(), state.best
    engine_judge = Script([worse], [better], [worse], [worse], [right])
    (state,) = corrected(engine_judge, 1, 4, ("detail", "region"), sampler=sampler)
    assert first.stitched and [round_.strategy for round_ in state.rounds][-1] == "region"
    detail, region = state.rounds[1], state.rounds[-1]
    kept = ~region.region.repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)
    assert region.stitched and torch.equal(region.image[kept], detail.image[kept])
    assert not torch.equal(region.image, Coder().decode(region.latent[None])[0])


def test_a_plan_of_a_part_is_told_apart_from_those_of_other_sizes_and_prompts() -> None:
    plan = Detail().plan(situation(PROMPT, RED, GREEN))
    again = Detail().plan(situation(PROMPT, box("red", "circle", 60, 8), GREEN))
    erased = Detail().plan(situation("a red circle", RED, box("red", "circle", 90, 80)))
    smaller = replace(plan, crop=replace(plan.crop, size=(8, 8)))
    assert plan.group == again.group and len({plan.group, erased.group, smaller.group}) == 3
    assert isinstance(plan, Plan) and 0 < plan.change < 0.2
