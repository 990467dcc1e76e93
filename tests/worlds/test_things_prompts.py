"""The things world's prompts, and the scenes that are drawn for them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from xlard.detections import Detection
from xlard.prompts import claims_from_prompt
from xlard.worlds.prompts import SPLITS
from xlard.worlds.things.checker import Sight, judge
from xlard.worlds.things.prompts import PROMPTS, SHARES, vocabulary
from xlard.worlds.things.scenes import place_of, scene_of, stands
from xlard.worlds.things.training.labels import KINDS, MAP_SIDE, TINTS, label_maps
from xlard.worlds.things.vocabulary import CLASSES, SIDE


def test_no_prompt_is_in_two_splits_or_two_tasks() -> None:
    by_text: dict[str, set[tuple[str, str]]] = {}
    for prompt in PROMPTS.all:
        by_text.setdefault(prompt.text, set()).add((prompt.task, prompt.split))
    assert all(len(found) == 1 for found in by_text.values())


@pytest.mark.parametrize("task", SHARES)
def test_every_split_has_prompts_of_every_task(task: str) -> None:
    assert all(len(PROMPTS.of_split(split, task)) >= 10 for split in SPLITS)


@pytest.mark.parametrize("task", SHARES)
def test_every_claim_of_a_prompt_holds_in_its_scene(task: str) -> None:
    rng = np.random.default_rng(0)
    for prompt in random.Random(0).sample([prompt for prompt in PROMPTS.all if prompt.task == task], 40):
        scene = scene_of(prompt.text, rng)
        objects = [Detection(*(share * SIDE for share in thing.box), thing.name, thing.color) for thing in scene.things]
        critique = judge(Sight(objects, scene.place), claims_from_prompt(prompt.text))
        assert critique.passed, (prompt.text, critique.verdicts)


@pytest.mark.parametrize(
    ("prompt", "place", "labels"),
    [
        ("a cat left of a dog on grass", "grass", ["cat", "dog"]),
        ("three blue cars in snow", "snow", ["blue car"] * 3),
        ("a red apple and a green cup on a wooden table", "table", ["red apple", "green cup"]),
        ("two teddy bears at night", "night", ["teddy bear"] * 2),
    ],
)
def test_a_scene_shows_what_its_prompt_says(prompt: str, place: str, labels: list[str]) -> None:
    scene = scene_of(prompt, np.random.default_rng(0))
    assert scene.place == place
    assert [" ".join(word for word in (thing.color, thing.name) if word) for thing in scene.things] == labels
    assert place_of(prompt)[1] == place


def test_what_a_prompt_leaves_open_is_drawn() -> None:
    scenes = [scene_of("a cup", np.random.default_rng(seed)) for seed in range(40)]
    assert len({scene.place for scene in scenes}) > 3 and len({scene.things[0].color for scene in scenes}) > 3


@pytest.mark.parametrize("prompt", ["", "a giraffe", "a blue cat", "six cups", "a brown cup", "a castle in snow"])
def test_what_the_world_cannot_draw_is_refused_by_name(prompt: str) -> None:
    with pytest.raises(ValueError, match=f"cannot draw '{prompt}'"):
        scene_of(prompt, np.random.default_rng(0))


def test_directions_are_those_of_the_picture() -> None:
    left, right = (0.1, 0.5, 0.2, 0.2), (0.6, 0.45, 0.2, 0.2)
    assert stands(left, "left of", right) and stands(right, "right of", left)
    assert not stands(left, "right of", right) and not stands(left, "above", right)
    high, low = (0.5, 0.1, 0.2, 0.2), (0.45, 0.6, 0.2, 0.2)
    assert stands(high, "above", low) and stands(low, "below", high)


def test_every_word_of_the_prompts_is_in_the_vocabulary() -> None:
    words = set(vocabulary())
    assert {word for prompt in PROMPTS.all for word in prompt.text.split()} <= words
    assert {word for name in CLASSES for word in name.split()} <= words


def test_label_maps_show_the_place_and_the_objects_in_their_cells() -> None:
    scene = scene_of("a red cup at night", np.random.default_rng(3))
    kinds, tints = label_maps(scene)
    left, top, width, height = scene.things[0].box
    row, column = int((top + height / 2) * MAP_SIDE), int((left + width / 2) * MAP_SIDE)
    assert KINDS[kinds[row, column]] == "cup" and TINTS[tints[row, column]] == "red"
    assert {KINDS[kind] for kind in np.unique(kinds)} == {"night", "cup"}
    assert ((tints == 0) == (kinds == KINDS.index("night"))).all()
