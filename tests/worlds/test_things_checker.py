"""The things world's checker: what it makes of its network's reading, and what it learns from."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.support.things_icons import discs
from xlard.detections import Detection
from xlard.prompts import claims_from_prompt
from xlard.worlds.critic_model import build_processor
from xlard.worlds.things.checker import Sight, judge, read, sights
from xlard.worlds.things.detector import STRIDE, TINTS, Detector, Reading
from xlard.worlds.things.judging import whole_place
from xlard.worlds.things.training.checker import agreement, distorted, loss_of
from xlard.worlds.things.training.labelled import LabelledRenders, annotated, labelled_renders
from xlard.worlds.things.vocabulary import CLASSES, PLACES, SIDE
from xlard.worlds.things.world import ThingsWorld
from xlard.worlds.training.conversations import Conversations
from xlard.worlds.training.lessons import TASKS, Lessons
from xlard.worlds.training.statements import judged_claim

CELLS = SIDE // STRIDE


def empty(pictures: int = 1) -> Reading:
    return Reading(
        torch.full((pictures, len(CLASSES), CELLS, CELLS), -9.0),
        torch.full((pictures, 4, CELLS, CELLS), 16.0),
        torch.zeros(pictures, len(TINTS), CELLS, CELLS),
        torch.zeros(pictures, len(PLACES)),
    )


def put(reading: Reading, name: str, row: int, column: int, color: str | None = None, logit: float = 3.0) -> None:
    reading.middles[0, CLASSES.index(name), row, column] = logit
    if color:
        reading.tints[0, TINTS.index(color), row, column] = 5


def perfect(data: LabelledRenders) -> Reading:
    """The reading of a network that knows."""
    reading = empty(len(data))
    reading.places[torch.arange(len(data)), data.places.long()] = 9
    for index in range(len(data)):
        for box, kind, tint in zip(data.boxes[index].float(), data.kinds[index].tolist(), data.tints[index].tolist()):
            if kind >= 0:
                column, row = ((box[:2] + box[2:]) / 2 / STRIDE).long().tolist()
                near = slice(row - 1, row + 2), slice(column - 1, column + 2)
                y, x = torch.meshgrid(*((torch.arange(s.start, s.stop) + 0.5) * STRIDE for s in near), indexing="ij")
                reading.middles[index, kind, row, column] = 9
                edges = torch.stack([x - box[0], y - box[1], box[2] - x, box[3] - y])
                reading.edges[(index, slice(None), *near)] = edges
                reading.tints[index, tint][near] = 9
    return reading


@pytest.fixture(scope="module")
def renders() -> LabelledRenders:
    return labelled_renders(24, discs(), 0)


def test_peaks_become_objects_with_boxes_and_colours() -> None:
    reading = empty()
    put(reading, "cup", 4, 5, "green")
    put(reading, "cat", 10, 11, "green")
    reading.places[0, tuple(PLACES).index("snow")] = 3
    (sight,) = sights(reading)
    assert sight.place == "snow"
    assert sorted(detection.label for detection in sight.objects) == ["cat", "green cup"]
    cup = next(detection for detection in sight.objects if detection.noun == "cup")
    assert (cup.x, cup.y, cup.width, cup.height) == (5.5 * STRIDE - 16, 4.5 * STRIDE - 16, 32, 32)


def test_where_two_classes_are_seen_at_one_place_the_surer_one_counts() -> None:
    reading = empty()
    put(reading, "dog", 6, 6, logit=1.0)
    put(reading, "horse", 7, 6, logit=2.0)
    put(reading, "cow", 12, 12, logit=-1.0)
    assert [detection.noun for detection in sights(reading)[0].objects] == ["horse"]


@pytest.mark.parametrize(
    ("prompt", "place", "passed"),
    [
        ("a cat on grass", "grass", True),
        ("a cat on grass", "snow", False),
        ("a cat in snow", "snow", True),
        ("a cat on a beach", "beach", True),
        ("a cat on a wooden table", "table", True),
        ("a cat on a wooden table", "bricks", False),
        ("a cat in front of a brick wall", "bricks", True),
        ("a cat in front of a brick wall", "night", False),
        ("a dog in snow", "snow", False),
        ("a cat", "night", True),
    ],
)
def test_a_claim_that_names_the_place_is_judged_by_it(prompt: str, place: str, passed: bool) -> None:
    sight = Sight([Detection(10, 10, 40, 40, "cat")], place)
    assert judge(sight, claims_from_prompt(prompt)).passed == passed


def test_a_perfect_reading_has_hardly_any_loss_and_a_blank_one_much(renders: LabelledRenders) -> None:
    def loss(reading: Reading) -> float:
        labels: list[Tensor] = [values.long() for values in (renders.kinds, renders.tints, renders.places)]
        return loss_of(reading, renders.boxes.float(), *labels).item()

    assert loss(perfect(renders)) < 0.1 < 2 < loss(empty(len(renders)))


def test_a_perfect_reading_agrees_with_the_renders(renders: LabelledRenders) -> None:
    assert agreement(sights(perfect(renders)), renders) == {"objects": 1.0, "places": 1.0}
    assert agreement(sights(empty(len(renders))), renders)["objects"] == 0


def test_boxes_move_with_the_pictures() -> None:
    pictures = np.zeros((16, SIDE, SIDE, 3), np.uint8)
    pictures[:, 40:80, 30:60] = 255
    boxes = torch.zeros(16, 5, 4, dtype=torch.int16)
    boxes[:, 0] = torch.tensor([30, 40, 60, 80])
    data = LabelledRenders(torch.from_numpy(pictures), boxes, *(torch.zeros(16, 5).long(),) * 2, torch.zeros(16).long())
    moved, moved_boxes = distorted(data, torch.arange(16), torch.Generator().manual_seed(0))
    assert len({tuple(box) for box in moved_boxes[:, 0].tolist()}) > 8
    for picture, box in zip(moved, moved_boxes[:, 0].int().tolist()):
        left, top, right, bottom = box
        inside = picture[:, top + 2 : bottom - 2, left + 2 : right - 2]
        outside = torch.cat([picture[:, : top - 2].flatten(), picture[:, bottom + 2 :].flatten()])
        assert inside.min() > outside.max()


def test_the_network_reads_every_cell() -> None:
    reading = Detector(4)(torch.zeros(2, 3, SIDE, SIDE))
    assert reading.middles.shape == (2, len(CLASSES), CELLS, CELLS) and reading.edges.shape == (2, 4, CELLS, CELLS)
    assert reading.tints.shape == (2, len(TINTS), CELLS, CELLS) and reading.places.shape == (2, len(PLACES))
    assert (reading.edges > 0).all()


def test_every_word_of_the_critics_lessons_is_in_its_vocabulary(renders: LabelledRenders) -> None:
    world, rng = ThingsWorld(), random.Random(0)
    conversations = Conversations(build_processor(world.critic_design), SIDE, "cpu")
    for task in dict.fromkeys(TASKS):
        inputs = conversations.inputs(*Lessons(world).batch_of(task, annotated(renders), 6, rng))
        assert not (inputs["input_ids"] == conversations.tokenizer.unk_token_id).any(), task
        assert (inputs["labels"] >= 0).any(dim=1).all()


def test_lessons_about_places_are_right_and_of_both_kinds(renders: LabelledRenders) -> None:
    world, rng = ThingsWorld(), random.Random(1)
    objects = annotated(renders).objects
    verdicts = [judged_claim(world, rng.choice(objects), rng, passed) for passed in (True, False) * 60]
    assert {verdict.claim.type for verdict in verdicts} >= {"count", "color", "position", "relation", "attribute"}
    assert 40 <= sum(bool(verdict.passed) for verdict in verdicts) <= 75


def test_lessons_say_of_the_pictures_own_place_nearly_as_often_as_of_others() -> None:
    world, rng = ThingsWorld(), random.Random(2)
    scenes = [[Detection(30, 60, 30, 30, "cat"), whole_place(place)] for place in PLACES]
    verdicts = [judged_claim(world, scenes[index % 6], rng, index // 6 % 2 > 0) for index in range(1200)]
    passed = [bool(verdict.passed) for verdict in verdicts if verdict.claim.type == "relation"]
    assert len(passed) > 120 and 0.37 <= sum(passed) / len(passed) <= 0.63


def test_a_mirror_image_is_read_as_the_picture_is(renders: LabelledRenders) -> None:
    torch.manual_seed(0)
    detector = Detector(4).eval()
    pictures = renders.pictures[:4].permute(0, 3, 1, 2).float() / 127.5 - 1
    straight, other = read(detector, pictures), read(detector, pictures.flip(-1)).mirrored()
    for name in ("middles", "edges", "tints", "places"):
        torch.testing.assert_close(getattr(straight, name), getattr(other, name), rtol=1e-4, atol=1e-4)
    assert (straight.edges[:, 0] - straight.edges[:, 2]).abs().max() > 1e-3
