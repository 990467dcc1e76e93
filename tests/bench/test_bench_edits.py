"""The bench of edits: its instructions, its sources, its figures."""

from __future__ import annotations

import random

import pytest
import torch

from xlard.bench.worlds.edit_tasks import EDIT_TYPES, EditTask, has_room, instruction
from xlard.bench.worlds.edits import figures_of, method, run_method, table
from xlard.critics.backend import Answer
from xlard.critics.boxes import THOUSANDTHS
from xlard.critics.mllm import MLLMCritic
from xlard.critique import critique_of
from xlard.detections import Detection
from xlard.editing.instructions import read_instruction
from xlard.editing.steps import edit_of
from xlard.loop.state import LoopState, Round
from xlard.worlds.registry import load_world
from xlard.worlds.shapes.checker import detect
from xlard.worlds.shapes.render import render
from xlard.worlds.shapes.scenes import Thing
from xlard.worlds.shapes.vocabulary import COLORS, SIDE

SCENE = (("circle", "red", 0.2, 0.2), ("square", "blue", 0.75, 0.25), ("triangle", "green", 0.5, 0.75))


def image(scene=SCENE, seed: int = 0) -> torch.Tensor:
    """A picture (H, W, 3) of shapes of one size."""
    things = [Thing(shape, color, x, y, 0.14, COLORS[color]) for shape, color, x, y in scene]
    return render([things], seed)[0].permute(1, 2, 0)


def task(text: str) -> EditTask:
    picture = image()
    return EditTask(
        "remove",
        0,
        torch.zeros(4, 12, 12),
        edit_of(text, read_instruction(text), picture, detect(picture.permute(2, 0, 1))),
    )


def state(picture: torch.Tensor, region: torch.Tensor, latent: torch.Tensor) -> LoopState:
    round_ = Round("region", 1.0, 0, 20, 0.1, 1, critique_of([]), latent, picture, True, region=region)
    return LoopState("", (), [round_])


@pytest.mark.parametrize("edit_type", EDIT_TYPES)
def test_every_type_gives_instructions_that_can_be_read(edit_type) -> None:
    objects = detect(image().permute(2, 0, 1))
    for seed in range(10):
        (step,) = read_instruction(instruction(load_world(), edit_type, objects, random.Random(seed)))
        assert step.action == edit_type.split()[0] and step.thing.color


def test_without_a_thing_of_its_own_kind_there_is_no_instruction() -> None:
    alike = [Detection(10, 10, 20, 20, "circle", "red"), Detection(60, 60, 20, 20, "circle", "red")]
    assert instruction(load_world(), "remove", alike, random.Random(0)) is None
    assert instruction(load_world(), "move beside", alike[:1], random.Random(0)) is None


def test_there_is_room_below_but_not_above_a_thing_at_the_upper_edge() -> None:
    objects = [Detection(30, 2, 30, 30, "square", "blue"), Detection(30, 60, 30, 30, "circle", "red")]
    for place, room in (("above", False), ("to the right of", True)):
        text = f"move the red circle {place} the blue square"
        assert has_room(edit_of(text, read_instruction(text), torch.zeros(96, 96, 3), objects), SIDE) == room


def test_figures_tell_what_was_done_from_what_was_kept() -> None:
    region = torch.zeros(12, 12, dtype=torch.bool)
    region[1:4, 1:4] = True
    touched = torch.where(region, 1.0, torch.zeros(4, 12, 12))
    elsewhere = touched.clone()
    elsewhere[:, 11] = 1.0
    made = {
        "done": state(image(SCENE[1:]), region, touched),
        "lost": state(image(SCENE[1:2]), region, elsewhere),
        "nothing": None,
    }
    figures = figures_of(load_world().checker, [task("remove the red circle")] * 3, list(made.values()))["all"]
    assert (figures["done"][0], figures["kept"][0], figures["both"][0]) == pytest.approx((2 / 3, 2 / 3, 1 / 3))
    assert figures["edits"] == 3 and figures["read"][0] == pytest.approx(2 / 3)
    assert figures["changed"] == pytest.approx(12 / 135 / 3) and figures["nfe"] == pytest.approx(40 / 3)
    assert "| some | all | 3 | 0.667" in table({"some": {"all": figures}})


def test_a_source_that_the_critic_cannot_list_is_not_read_and_does_not_end_the_bench() -> None:
    class Silent:
        name, boxes = "a silent model", THOUSANDTHS

        def seen_size(self, image):
            return 96, 96

        def answer(self, asks, sampling=None):
            return [Answer("")] * len(asks)

    # No model is asked for anything but the list.
    assert run_method("edit_1", None, MLLMCritic(Silent()), [task("remove the red circle")] * 2, 1) == [None, None]


@pytest.mark.parametrize("name", ["edit_4", "rearrange_2", "region_1", "draw_8", "renoise"])
def test_methods_are_known_by_name(name) -> None:
    assert callable(method(name))


@pytest.mark.parametrize("name", ["edit", "loop_4", "draw_x"])
def test_other_names_are_refused(name) -> None:
    with pytest.raises(ValueError, match="There is no method"):
        method(name)
