"""The canonical repair of a scene: every claim holds, what was right stays, and nothing is drawn at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.worlds.test_things_repairs import failed
from xlard.worlds.things.canonical import canonical_repair
from xlard.worlds.things.prompts import PROMPTS
from xlard.worlds.things.repairs import damaged
from xlard.worlds.things.scenes import OVERLAP, Scene, Thing, scene_of, shared_area

CUP = Thing("cup", "red", (0.1, 0.6, 0.25, 0.25))
OTHER = Thing("cup", "blue", (0.6, 0.6, 0.3, 0.3))
DOG = Thing("dog", None, (0.1, 0.1, 0.3, 0.3))


def repaired(prompt: str, *things: Thing, place: str = "grass") -> tuple[Thing, ...] | None:
    scene = canonical_repair(Scene(place, things), prompt)
    return scene and scene.things


def test_what_is_right_stays_as_it_is() -> None:
    assert repaired("a red cup and a dog on grass", CUP, DOG) == (CUP, DOG)


def test_the_smaller_of_two_is_left_out() -> None:
    assert repaired("one cup", CUP, OTHER) == (OTHER,)


def test_a_wrong_colour_is_changed_in_place() -> None:
    assert repaired("two red cups", CUP, OTHER) == (CUP, replace(OTHER, color="red"))


def test_what_is_too_many_becomes_what_is_missing() -> None:
    things = repaired("a dog and a cup", DOG, OTHER, CUP, place="snow")
    assert things == (DOG, OTHER)
    things = repaired("a dog and a cat", DOG, replace(DOG, box=(0.6, 0.6, 0.2, 0.2)))
    assert things and things[0] == DOG and things[1].name == "cat"
    left, top, width, height = things[1].box
    assert (left + width / 2, top + height / 2) == pytest.approx((0.7, 0.7), abs=0.05)


def test_what_is_missing_stands_far_from_all_others() -> None:
    things = repaired("a dog and a cup", DOG)
    assert things and things[0] == DOG and things[1].name == "cup"
    assert things[1].box[0] > 0.5 and things[1].box[1] > 0.5


def test_two_that_stand_wrongly_swap_their_places() -> None:
    things = repaired("a dog right of a blue cup", DOG, replace(OTHER, box=(0.6, 0.1, 0.3, 0.3)))
    assert things and [thing.box[0] for thing in things] == pytest.approx([0.6, 0.1])


def test_another_place_has_no_repair() -> None:
    assert repaired("a dog in snow", DOG) is None


def test_damaged_scenes_are_repaired_always_in_the_same_way() -> None:
    rng, repairs = np.random.default_rng(0), 0
    for prompt in PROMPTS.evaluation_prompts("validation", 60):
        scene = damaged(scene_of(prompt.text, rng), rng)
        after = canonical_repair(scene, prompt.text)
        if after is None:
            continue
        repairs += 1
        assert not failed(after, prompt.text) and canonical_repair(scene, prompt.text) == after
        assert canonical_repair(after, prompt.text) == after
        assert all(shared_area(a.box, b.box) <= OVERLAP for n, a in enumerate(after.things) for b in after.things[:n])
    assert repairs >= 50
