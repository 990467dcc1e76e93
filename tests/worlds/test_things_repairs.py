"""Pairs of scenes that differ by one repair: what changed, what stayed, and that the instruction says so."""

from __future__ import annotations

import re
from random import Random

import numpy as np
import pytest

from tests.support.things_icons import discs
from xlard.prompts import claims_from_prompt
from xlard.worlds.things.architecture import EDIT_TOKENS
from xlard.worlds.things.judging import verdict, whole_place
from xlard.worlds.things.prompts import PROMPTS
from xlard.worlds.things.repairs import KINDS, UNCHANGED, detection_of, draw_repair, edit_vocabulary
from xlard.worlds.things.scenes import Scene
from xlard.worlds.things.training.edit_latents import drawn_repairs, rendered
from xlard.worlds.things.vocabulary import SIDE

PROMPT = "two red cups and a dog left of a blue car on grass"


def failed(scene: Scene, prompt: str) -> int:
    objects = [*map(detection_of, scene.things), whole_place(scene.place)]
    return sum(not verdict(claim, objects).passed for claim in claims_from_prompt(prompt))


@pytest.mark.parametrize("kind", KINDS)
def test_a_repair_makes_every_claim_hold_and_changes_one_thing(kind: str) -> None:
    for seed in range(6):
        repair = draw_repair(PROMPT, np.random.default_rng(seed), kind)
        assert repair is not None and repair.kind == kind and repair.before.place == repair.after.place
        assert failed(repair.after, PROMPT) == 0
        before, after = set(repair.before.things), set(repair.after.things)
        changed = {
            "add": (0, 1),
            "erase": (1, 0),
            "recolour": (1, 1),
            "swap": (2, 2),
            "move": (1, 1),
            "replace": (1, 1),
            UNCHANGED: (0, 0),
        }
        assert (len(before - after), len(after - before)) == changed[kind]
        assert (failed(repair.before, PROMPT) == 0) == (kind == UNCHANGED) == repair.instruction.startswith("keep ")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("erase", r"^remove one of the "),
        ("add", r"^add (a|another) "),
        ("recolour", r"^make (one of )?the .* (red|blue)"),
        ("swap", r"move |make "),
        ("move", r"move the "),
        ("replace", r"^(replace|make) "),
        (UNCHANGED, r"^keep .* as they are$"),
    ],
)
def test_the_instruction_says_what_changed(kind: str, says: str) -> None:
    for seed in range(6):
        repair = draw_repair("two red cups and a dog left of a blue car", np.random.default_rng(seed), kind)
        assert repair is not None and re.search(says, repair.instruction), repair.instruction


def test_a_prompt_without_colours_has_nothing_to_recolour_and_kinds_have_names() -> None:
    assert draw_repair("a cat", np.random.default_rng(0), "recolour") is None
    with pytest.raises(ValueError, match="no repair 'mend': add, erase"):
        draw_repair("a cat", np.random.default_rng(0), "mend")


def test_every_word_of_instructions_is_known_and_none_is_too_long() -> None:
    known = set(edit_vocabulary())
    for prompt in PROMPTS.sample_prompts("generator", 150, Random(3)):
        repair = draw_repair(prompt.text, np.random.default_rng(1))
        words = re.findall(r"\w+|[^\w\s]+", repair.instruction) if repair else []
        assert set(words) <= known and len(words) <= EDIT_TOKENS - 2, words


def test_pairs_are_the_same_every_time_and_of_all_kinds() -> None:
    repairs = drawn_repairs("generator", 40, [5])
    assert repairs == drawn_repairs("generator", 40, [5]) and len(repairs) == 40
    assert {repair.kind for repair in repairs} == set(KINDS)


def test_around_what_changed_the_pictures_are_the_same() -> None:
    repair = draw_repair("a red cup and a dog", np.random.default_rng(2), "recolour")
    before, after = rendered(repair, discs(), [4])
    assert before.shape == after.shape == (SIDE, SIDE, 3) and (before != after).any()
    (thing,) = set(repair.after.things) - set(repair.before.things)
    rows, columns = np.nonzero((before != after).any(axis=-1))
    left, top, width, height = (side * SIDE for side in thing.box)
    assert left - 1 <= columns.min() and columns.max() <= left + width + 1
    assert top - 1 <= rows.min() and rows.max() <= top + height + 1
    same = draw_repair("a red cup and a dog", np.random.default_rng(2), UNCHANGED)
    assert np.array_equal(*rendered(same, discs(), [4]))
