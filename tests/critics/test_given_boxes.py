"""Boxes and masks of other programs: their forms, what they show, and what nobody has looked for."""

from __future__ import annotations

import pytest
import torch

from xlard.claims import Claim, count_claim, object_claim, text_claim
from xlard.critics.detector.given_boxes import critiques_of_boxes
from xlard.critique import Critique
from xlard.report.drawing import object_masks, wrong_mask

SIDE = 64
IMAGES = torch.full((2, SIDE, SIDE, 3), 0.5)
IMAGES[:, :20, :20] = torch.tensor([1.0, 0.0, 0.0])
CAT = {"x": 0, "y": 0, "width": 20, "height": 20, "label": "cat", "score": 0.9}
SECOND = {**CAT, "x": 40, "y": 40}
BARE = {name: CAT[name] for name in ("x", "y", "width", "height")}
ONE_CAT = [count_claim("cat", 1)]


def passed(boxes: object, claims: list[Claim] = ONE_CAT, label: str = "", **more) -> list[bool | None]:
    """The verdict on the first claim of each picture."""
    return [critique.verdicts[0].passed for critique in critiques_of_boxes(IMAGES, claims, boxes, label, **more)]


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        (CAT, [True, True]),
        ([CAT], [True, True]),
        ([CAT, SECOND], [False, False]),
        ([[CAT], [CAT, SECOND]], [True, False]),
        (([CAT], ()), [True, False]),
        ([[CAT], None], [True, False]),
    ],
    ids=["one box", "a list for all", "two for all", "a list each", "tuples", "none in one"],
)
def test_boxes_are_read_in_every_form_of_comfyui(boxes: object, expected: list[bool]) -> None:
    assert passed(boxes) == expected


def test_the_label_says_what_boxes_without_one_show() -> None:
    assert passed([[BARE], []], label="cats") == [True, False]


def test_a_label_of_the_critics_own_boxes_is_color_and_noun() -> None:
    assert passed([{**CAT, "label": "blue cat"}], [count_claim("cat", 1, "blue")]) == [True, True]


def test_what_nobody_has_looked_for_has_no_verdict_and_what_was_looked_for_and_not_found_is_not_there() -> None:
    dog = [object_claim("dog")]
    assert passed([[CAT], [CAT]], dog) == [None, None]
    assert passed([[CAT], [CAT]], dog, label="cat, dog") == [False, False]
    assert passed([[], []], ONE_CAT) == [None, None] and passed([[], []], ONE_CAT, label="cat") == [False, False]
    assert passed([[], []], [text_claim("EXIT")], label="cat") == [None, None]


def test_a_kind_of_what_is_asked_for_has_been_looked_for() -> None:
    assert passed([{**CAT, "label": "tabby cat"}]) == [True, True]
    assert passed([[], []], ONE_CAT, label="tabby cat") == [False, False]


@pytest.mark.parametrize("label", ["cat, cat", "cat;", "cat\ncats"])
def test_a_label_may_name_one_thing_twice_and_in_lines(label: str) -> None:
    assert passed([BARE], label=label) == [True, True]


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"width": -5}, "so it shows nothing"),
        ({"height": 0}, "so it shows nothing"),
        ({"x": 64}, "lies outside of the picture of 64 x 64"),
        ({"y": -20}, "lies outside of the picture of 64 x 64"),
    ],
)
def test_a_box_that_shows_nothing_of_the_picture_is_refused(changes: dict, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        passed([{**CAT, **changes}])
    assert passed([{**CAT, "x": -5, "y": 50}]) == [True, True]


def test_a_score_or_a_place_that_is_no_number_is_no_verdict_on_its_picture_alone() -> None:
    for name in ("score", "x"):
        assert passed([[CAT], [{**CAT, name: float("nan")}]]) == [True, None]


@pytest.mark.parametrize(
    ("boxes", "label", "message"),
    [
        ("cat", "", "The boxes cannot be read"),
        ([{"x": 1, "y": 2}], "", "must be BOUNDING_BOX, with x, y, width and height"),
        ([[CAT]] * 3, "", "lists of boxes for 3 pictures, and 2 pictures"),
        ([BARE], "", "label is empty"),
        ([BARE], "cat, dog", "label names 2 things"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_fix(boxes: object, label: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        critiques_of_boxes(IMAGES, ONE_CAT, boxes, label)


# Masks

RED = [count_claim("cat", 1, "red")]


def half_mask() -> torch.Tensor:
    """The left half of the red square, and a strip that no box covers."""
    mask = torch.zeros(SIDE, SIDE)
    mask[:20, :10] = 1
    mask[60:, :] = 1
    return mask


def critiques(masks: torch.Tensor | None, boxes: object, **more) -> list[Critique]:
    return critiques_of_boxes(IMAGES, RED, boxes, "cat", masks, **more)


def test_colors_are_read_inside_the_mask() -> None:
    wide = {**CAT, "width": SIDE, "height": SIDE}
    assert critiques(None, [wide])[0].passed is False
    assert critiques(torch.stack([half_mask()] * 2), [[wide], [{**wide, "height": 30}]])[1].passed


def test_an_object_has_the_part_of_its_pictures_mask_that_lies_in_its_box() -> None:
    first, second = critiques(torch.stack([half_mask(), torch.zeros(SIDE, SIDE)]), [[CAT, SECOND], [CAT]])
    cat, other = first.detections
    assert cat.mask is not None and cat.mask.sum() == 200 and other.mask is None
    assert second.detections[0].mask is None


def test_individual_masks_follow_the_boxes_from_picture_to_picture() -> None:
    masks = torch.zeros(3, SIDE, SIDE)
    for number, mask in enumerate(masks, 1):
        mask[:number, :number] = 1
    first, second = critiques(masks, [[CAT], [CAT, {**CAT, "width": 30}]], individual=True)
    assert [int(d.mask.sum()) for c in (first, second) for d in c.detections if d.mask is not None] == [1, 4, 9]


@pytest.mark.parametrize(
    ("masks", "individual", "message"),
    [
        (torch.zeros(2, 8, 8), False, "The masks are 8 x 8 pixels, the pictures 64 x 64"),
        (torch.zeros(3, SIDE, SIDE), False, "3 masks for 2 pictures, and individual_masks is off"),
        (torch.zeros(2, SIDE, SIDE), True, "2 masks for 3 boxes, and individual_masks is on"),
    ],
)
def test_masks_that_do_not_fit_are_an_error(masks: torch.Tensor, individual: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        critiques(masks, [[CAT], [CAT, SECOND]], individual=individual)


def test_each_object_has_a_mask_of_its_own_or_the_inside_of_its_box() -> None:
    critique = critiques(torch.stack([half_mask()] * 2), [[CAT, SECOND], []])[0]
    exact, boxed = object_masks(critique, SIDE, SIDE)
    assert exact.sum() == 200 and boxed.sum() == 400 and boxed[40:60, 40:60].all()
    assert object_masks(Critique(()), SIDE, SIDE).shape == (0, SIDE, SIDE)
    assert wrong_mask(critique, SIDE, SIDE).shape == (SIDE, SIDE)
    with pytest.raises(ValueError, match="in the size of the picture"):
        object_masks(critique, 8, 8)
