"""Pictures of a critique: boxes, the card of claims, the mask of what is wrong, what was redrawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.report_states import PROMPT, RIGHT, SIDE, WRONG, judged, silent
from xlard.critique import Critique, Verdict
from xlard.detections import Detection
from xlard.prompts import claims_from_prompt
from xlard.report.drawing import annotate, boxes_of, card, object_state, summarise, wrong_mask
from xlard.report.pictures import redrawn


def test_objects_are_right_wrong_or_unasked() -> None:
    stranger = Detection(70, 5, 15, 15, "triangle", "red")
    critique = judged([*WRONG, stranger])
    assert [object_state(detection, critique) for detection in critique.detections] == ["right", "wrong", "unasked"]


@pytest.mark.parametrize(("passed", "state"), [(True, "right"), (False, "wrong"), (None, "unasked")])
def test_a_claim_that_the_critic_was_asked_about_is_about_the_objects_of_its_noun(passed, state) -> None:
    (claim,) = (claim for claim in claims_from_prompt("a cat in snow") if claim.type == "relation")
    cat, dog = Detection(10, 10, 20, 20, "tabby cat"), Detection(50, 50, 20, 20, "dog")
    verdict = Verdict(claim, passed, None if passed is None else float(passed), (), "as it said")
    critique = Critique((verdict,), (cat, dog))
    assert boxes_of(verdict, critique) == (cat,)
    assert [object_state(detection, critique) for detection in (cat, dog)] == [state, "unasked"]


def test_the_mask_covers_wrong_objects_and_only_them() -> None:
    mask = wrong_mask(judged(WRONG), SIDE, SIDE)
    assert mask.shape == (SIDE, SIDE)
    assert mask[50:74, 50:74].min() == 1
    assert mask.sum() == 24 * 24


def test_what_is_missing_leaves_no_mark_in_the_mask() -> None:
    assert wrong_mask(judged(WRONG[:1]), SIDE, SIDE).sum() == 0
    assert wrong_mask(silent(), SIDE, SIDE).sum() == 0


edges = st.floats(-200, 200, allow_nan=False)
sizes = st.floats(0, 200, allow_nan=False)


@settings(max_examples=25, deadline=None)
@given(edges, edges, sizes, sizes, st.integers(1, 40), st.integers(1, 40))
def test_boxes_anywhere_can_be_drawn_and_masked(
    x: float, y: float, box_width: float, box_height: float, height: int, width: int
) -> None:
    critique = judged([Detection(x, y, box_width, box_height, "circle", "green", 0.5)])
    mask = wrong_mask(critique, height, width)
    assert mask.shape == (height, width)
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert annotate(torch.rand(height, width, 3), critique, 2).size == (2 * width, 2 * height)


def test_small_pictures_are_enlarged_until_labels_can_be_read() -> None:
    assert annotate(torch.rand(SIDE, SIDE, 3), judged(WRONG)).size == (384, 384)
    assert annotate(torch.rand(512, 768, 3), judged(WRONG)).size == (768, 512)


def label_pixels(*detections: Detection) -> int:
    """How many pixels of an annotated picture are as bright as the words of labels."""
    picture = annotate(torch.full((256, 256, 3), 0.5), Critique((), detections), 1)
    return int((np.asarray(picture) > 140).all(axis=-1).sum())


def test_labels_of_neighbours_do_not_lie_on_each_other() -> None:
    left, right = Detection(40, 100, 50, 50, "circle", "red", 0.71), Detection(92, 100, 50, 50, "circle", "red", 0.71)
    assert label_pixels(left, right) == label_pixels(left) + label_pixels(right) > 0
    # At the picture's edges, too, where there is no room above or below.
    high = Detection(40, 0, 50, 255, "circle", "red", 0.71), Detection(92, 0, 50, 255, "circle", "red", 0.71)
    assert label_pixels(*high) == label_pixels(high[0]) + label_pixels(high[1])


def test_right_and_wrong_boxes_differ_without_colour() -> None:
    grey = torch.full((SIDE, SIDE, 3), 0.5)
    box = [Detection(20, 40, 60, 40, "circle", "red")]
    right = annotate(grey, judged(box, "a red circle"), 4).convert("L")
    wrong = annotate(grey, judged(box, "a blue circle"), 4).convert("L")
    edge = (20 * 4, 80 * 4 - 1, 80 * 4, 80 * 4)
    assert len(set(right.crop(edge).tobytes())) == 1
    assert len(set(wrong.crop(edge).tobytes())) == 2


def test_the_card_grows_with_its_claims_and_keeps_its_width() -> None:
    short, long = card(judged(RIGHT), 300), card(judged(RIGHT, f"{PROMPT} and a green triangle"), 300)
    assert short.width == long.width == 300
    assert long.height > short.height
    assert card(Critique(()), 300).width == 300
    assert card(Critique(()), 300, ["not checked: a mood"]).height > card(Critique(()), 300).height
    assert card(Critique(()), 300, ["word " * 5000]).height < 3 * card(Critique(()), 300).height
    assert summarise(Critique(())) == "nothing to check"


def test_an_image_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        annotate(torch.rand(1, SIDE, SIDE, 3), judged(RIGHT))


def test_what_was_redrawn_is_bright_and_what_stays_is_dark() -> None:
    region = torch.zeros(2, 2, dtype=torch.bool)
    region[0, 1] = True
    picture = redrawn(region, torch.full((8, 8, 3), 0.8), 8).convert("L")
    assert [picture.getpixel(place) for place in ((1, 1), (6, 1), (1, 6), (6, 6))] == [51, 204, 51, 51]
