"""Training pictures with objects left out, moved and copied: their rewards follow from what they show."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
import torch

from tests.support.latent_scenes import SIDE, VALUES, box, drawn, seen
from xlard.detections import Detection
from xlard.models.head import LATENT_KINDS
from xlard.training.recompose import critique_by_boxes, recomposed
from xlard.training.records import FINAL, Records, reward_rows

PROMPT = "a red circle left of a blue square and a green triangle"
OBJECTS = [box("red circle", 1, 1), box("blue square", 8, 1), box("green triangle", 4, 8)]


def records(number: int, objects: list[Detection] = OBJECTS, prompt: str = PROMPT) -> Records:
    """So many finished pictures of the objects, judged by boxes."""
    critique = critique_by_boxes(prompt, objects, SIDE)
    return Records(
        prompts=[prompt] * number,
        latents=torch.stack([drawn(objects)] * number),
        noise_level=torch.zeros(number),
        kinds=torch.full((number,), FINAL),
        renoised=torch.zeros(number, dtype=torch.bool),
        rewards=reward_rows([critique] * number),
        passed=torch.full((number,), critique.passed),
        confidence=torch.ones(number),
        pictures=torch.arange(number),
        finals=torch.stack([drawn(objects)] * number),
        objects=[objects] * number,
        side=SIDE,
        repair_index=torch.full((number,), -1),
        repairs=torch.zeros(0, 4, 12, 12),
    )


def test_the_objects_and_rewards_are_those_that_the_latent_shows() -> None:
    before = records(200)
    after = recomposed(before, 1.0, random.Random(0))
    for row, objects in enumerate(after.seen):
        assert seen(after.latents[row]) == {
            label: 4 * number for label, number in Counter(d.label for d in objects).items()
        }
        for d in objects:
            at = after.latents[
                row, 0, int(d.y) // 8 : int(d.y + d.height) // 8, int(d.x) // 8 : int(d.x + d.width) // 8
            ]
            assert (at == VALUES[d.label]).all()
        critique = critique_by_boxes(PROMPT, objects, SIDE)
        assert torch.equal(after.rewards[row], reward_rows([critique])[0]) and after.passed[row] == critique.passed
    numbers = Counter(len(objects) for objects in after.seen)
    assert numbers[1] and numbers[2] and numbers[4], "objects are left out and copied"
    moved = [objects for objects in after.seen if len(objects) == 3 and objects != OBJECTS]
    assert moved and 0.1 < after.passed.float().mean() < 0.9
    assert torch.equal(before.latents, records(1).latents.expand(200, -1, -1, -1)), "what was collected stays as it is"


def test_a_wall_that_fills_the_picture_hinders_no_object() -> None:
    wall = Detection(0, 0, SIDE, SIDE, "wall")
    plain = records(40)
    before = replace(plain, objects=[[wall, *objects] for objects in plain.objects])
    after, without = recomposed(before, 1.0, random.Random(0)), recomposed(plain, 1.0, random.Random(0))
    assert torch.equal(after.latents, without.latents) and not torch.equal(after.latents, plain.latents)
    assert after.objects == [[wall, *objects] for objects in without.objects]


def test_a_share_of_none_changes_nothing_and_a_half_about_half() -> None:
    before = records(200)
    assert torch.equal(recomposed(before, 0.0, random.Random(0)).latents, before.latents)
    half = recomposed(before, 0.5, random.Random(0))
    changed = (half.latents != before.latents).flatten(1).any(dim=1).float().mean()
    assert 0.25 < changed < 0.5


@pytest.mark.parametrize("what", ["another verdict", "no confidence", "nothing seen", "a relation"])
def test_pictures_that_boxes_do_not_decide_stay(what: str) -> None:
    before = records(20)
    if what == "another verdict":
        before.rewards[:, 0] = 0.4
    elif what == "no confidence":
        before.confidence[:] = 0
    elif what == "a relation":
        before.prompts[:] = ["a red circle on a sofa"] * 20
    else:
        before = records(20, [])
    after = recomposed(before, 1.0, random.Random(0))
    assert torch.equal(after.latents, before.latents) and torch.equal(after.rewards, before.rewards)
    assert after.seen == before.seen


def test_objects_that_touch_stay_together() -> None:
    near = [box("red circle", 1, 1), box("blue square", 3, 1), box("green triangle", 8, 8)]
    after = recomposed(records(50, near, "a red circle and a blue square"), 1.0, random.Random(1))
    assert all(set(near[:2]) <= set(objects) for objects in after.seen)


def test_views_of_one_picture_become_pictures_of_their_own() -> None:
    before = records(6)
    before.pictures[:] = 0
    before.kinds[3:] = LATENT_KINDS.index("x0")
    after = recomposed(before, 1.0, random.Random(2))
    assert after.pictures.tolist() == list(range(6)) and len(after.seen) == len(after.targets) == 6
    assert len({tuple(objects) for objects in after.seen}) > 2
