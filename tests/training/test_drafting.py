"""Drafts of prompts out of collected pictures, and a corrector that learns to draw them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.support.drafted_pictures import CELL, CHANNELS, SIDE, pictures, things
from xlard.detections import Detection
from xlard.models.corrector import CorrectorConfig
from xlard.models.head import HeadConfig, RewardHead
from xlard.prompts import claims_from_prompt
from xlard.rewards import critique_from_detections
from xlard.training.drafting import Drafting
from xlard.training.drafts import MOST_OBJECTS, Drafts, arrangements, typical
from xlard.training.objectives import evenly_chosen, sized_like

CONFIG = CorrectorConfig(
    CHANNELS,
    8,
    "a test",
    width=64,
    layers=2,
    heads=4,
    trust_region=5.0,
    noise_level_range=(0.5, 0.75),
    single_step_level=0.5,
)


def encode(prompts: list[str]) -> Tensor:
    """Embeddings that differ from prompt to prompt."""
    return torch.stack([torch.randn(4, 8, generator=torch.Generator().manual_seed(len(prompt))) for prompt in prompts])


@pytest.mark.parametrize(
    "prompt",
    [
        "a red circle and a blue square",
        "a red circle left of a blue square",
        "a red circle right of a blue square",
        "a blue square above a red circle",
    ],
)
def test_in_a_draft_the_claims_hold(prompt: str) -> None:
    drafts = Drafts(pictures(12))
    assert drafts.has(prompt)
    critique = critique_from_detections(claims_from_prompt(prompt), things(drafts.draft(prompt, 0)), SIDE * CELL)
    assert critique.passed, [(verdict.claim, verdict.passed) for verdict in critique.verdicts]


def test_a_draft_stands_on_its_pictures_background() -> None:
    drafts = Drafts(pictures(12))
    for picture, shade in ((0, 0.0), (1, 0.1), (2, 0.2)):
        latent = drafts.draft("a red circle", picture)
        assert latent[2, 0, 0].item() == pytest.approx(shade, abs=1e-4) and ((latent[0] + 1).abs() > 0.3).all()


def test_a_wall_that_fills_the_picture_hinders_no_draft() -> None:
    plain, wall = pictures(12), Detection(0, 0, SIDE * CELL, SIDE * CELL, "wall")
    walled = replace(plain, objects=[[wall, *objects] for objects in plain.objects])
    drawn, without = (Drafts(of).draft("a red circle and a blue square", 4) for of in (walled, plain))
    assert torch.equal(drawn, without)


def test_a_prompt_has_one_draft() -> None:
    first, second = (Drafts(pictures(12)).draft("a red circle and a blue square", 4) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("prompt", ["a green circle", "a photo", "twelve red circles"])
def test_what_no_picture_shows_or_has_no_room_has_no_draft(prompt: str) -> None:
    drafts = Drafts(pictures(12))
    assert not drafts.has(prompt)
    with pytest.raises(KeyError):
        drafts.draft(prompt, 0)


def test_a_wrong_label_does_not_become_the_typical_piece() -> None:
    records = pictures(12)
    # The critic took one square for a red circle.
    records.objects[0][0] = Detection(records.objects[0][1].x, records.objects[0][1].y, 23.5, 23.5, "circle", "red")
    records.objects[0] = records.objects[0][:1]
    assert things(Drafts(records).draft("a red circle and a blue square", 3))[0].color == "red"
    assert typical([]) is None


def test_arrangements_are_the_same_every_time_and_the_most_spread_come_first() -> None:
    arrangements.cache_clear()
    first = arrangements(3)
    arrangements.cache_clear()
    assert first == arrangements(3)
    ((x, y),) = arrangements(1)[0]
    assert abs(x - 0.5) < 0.05 and abs(y - 0.5) < 0.05 and len(arrangements(MOST_OBJECTS)[0]) == MOST_OBJECTS


@pytest.mark.model
def test_a_corrector_learns_to_draw_drafts() -> None:
    records = pictures(24)
    torch.manual_seed(0)
    objective = Drafting(CONFIG, records, encode, 32, "cpu")
    optimizer = torch.optim.Adam(objective.module.parameters(), lr=2e-3)
    chosen = objective.choose(records)
    before = objective.validation_loss(objective.module, chosen)
    for step in range(150):
        loss = objective.loss(torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert objective.validation_loss(objective.module, chosen) < 0.25 * before
    corrector = objective.corrector(objective.module)
    assert corrector.config == CONFIG
    x0, prompts = chosen.latents[:8], chosen.prompts[:8]
    drafts = torch.stack([Drafts(records).draft(prompt, picture) for picture, prompt in enumerate(prompts)])
    drawn = x0 + corrector(x0, encode(prompts), torch.full((8,), 0.5))
    assert (drawn - drafts).square().mean() < 0.3 * (x0 - drafts).square().mean()


def test_it_begins_with_what_a_head_has_learnt() -> None:
    torch.manual_seed(0)
    head = RewardHead(HeadConfig(CHANNELS, 8, "a test", width=32, layers=1, heads=4))
    module = Drafting(sized_like(CONFIG, head), pictures(12), encode, 8, "cpu", head).module
    assert torch.equal(module.body.embed.weight, head.body.embed.weight) and not module.out.weight.any()


def test_pictures_without_boxes_have_no_drafts() -> None:
    with pytest.raises(ValueError, match="No prompt of these records has a draft"):
        Drafting(CONFIG, pictures(12, boxes=False), encode, 8, "cpu")


def test_without_a_draft_among_the_prompts_kept_out_the_error_says_what_to_do() -> None:
    objective, others = Drafting(CONFIG, pictures(24), encode, 8, "cpu"), pictures(4)
    strangers = replace(others, prompts=["two purple horses"] * len(others.prompts))
    with pytest.raises(ValueError, match="Collect more prompts"):
        evenly_chosen(objective.choose(strangers))
