"""Boxes whose key or numbers say another convention than the one that was asked for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.properties import examples
from xlard.critics.backend import UnreadableAnswer
from xlard.critics.boxes import CONVENTIONS, FRACTIONS, PIXELS, THOUSANDTHS, Y_FIRST, BoxConvention
from xlard.critics.parsing import read_detections, read_json, validated
from xlard.critics.schemas import LISTED
from xlard.detections import Detection

WIDE = (1344, 768)


def read(
    boxes: list, asked: BoxConvention = THOUSANDTHS, seen: tuple[int, int] = WIDE, key: str = "bbox_2d"
) -> list[Detection]:
    """What an answer with these boxes means, in an image of the size at which it is seen."""
    answer = json.dumps([{key: box, "label": "circle"} for box in boxes])
    return read_detections(validated(LISTED, read_json(answer, "["), answer), asked, seen, *seen)


def corners(detections: list[Detection]) -> list[tuple[float, ...]]:
    return [tuple(round(number) for number in (d.x, d.y, d.x + d.width, d.y + d.height)) for d in detections]


@pytest.mark.parametrize("asked", [THOUSANDTHS, Y_FIRST, PIXELS])
def test_box_2d_is_y_first_in_thousandths(asked: BoxConvention) -> None:
    assert corners(read([[100, 700, 200, 800]], asked, (1000, 500), "box_2d")) == [(700, 50, 800, 100)]


@pytest.mark.parametrize("asked", [THOUSANDTHS, Y_FIRST])
def test_bbox_2d_is_x_first_whatever_was_asked(asked: BoxConvention) -> None:
    assert corners(read([[100, 700, 200, 800]], asked, (1000, 500))) == [(100, 350, 200, 400)]


def test_bbox_2d_of_a_model_that_writes_pixels_is_in_pixels() -> None:
    assert corners(read([[100, 300, 200, 400]], PIXELS)) == [(100, 300, 200, 400)]


@pytest.mark.parametrize("key", ["bbox", "box"])
def test_other_keys_mean_what_was_asked(key: str) -> None:
    assert corners(read([[100, 700, 200, 800]], Y_FIRST, (1000, 1000), key)) == [(700, 100, 800, 200)]


def test_boxes_of_both_keys_are_read_each_by_its_own() -> None:
    answer = '[{"bbox_2d": [700, 100, 800, 200], "label": "cat"}, {"box_2d": [100, 700, 200, 800], "label": "dog"}]'
    first, second = read_detections(validated(LISTED, read_json(answer, "["), answer), THOUSANDTHS, WIDE, *WIDE)
    assert corners([first]) == corners([second])


THREE = [[100, 300, 250, 450], [600, 300, 750, 450], [1100, 300, 1250, 450]]


@pytest.mark.parametrize("asked", [THOUSANDTHS, FRACTIONS])
def test_numbers_beyond_the_scale_are_pixels_where_the_picture_has_them(asked: BoxConvention) -> None:
    assert corners(read(THREE, asked)) == [tuple(box) for box in THREE]


def test_pixels_under_the_key_that_is_y_first_are_y_first() -> None:
    assert corners(read([[300, 1100, 450, 1250]], Y_FIRST, key="box_2d")) == [(1100, 300, 1250, 450)]


@pytest.mark.parametrize(
    ("asked", "seen", "box"),
    [
        (THOUSANDTHS, (1024, 768), [1100, 300, 1250, 450]),
        (THOUSANDTHS, (1344, 768), [300, 1100, 450, 1250]),
        (THOUSANDTHS, (512, 512), [990, 300, 1010, 450]),
        (FRACTIONS, (512, 512), [0.5, 0.5, 600, 600]),
        (PIXELS, (512, 512), [700, 300, 850, 450]),
        (THOUSANDTHS, (1344, 768), [-500, 300, 100, 450]),
        (Y_FIRST, (512, 512), [1100, 300, 1250, 450]),
    ],
)
def test_numbers_that_no_convention_has_are_unreadable(asked, seen, box) -> None:
    for boxes in ([box], [[1, 1, 300, 300], box]):
        with pytest.raises(UnreadableAnswer, match="a box beyond the picture, whose coordinates go from 0 to"):
            read(boxes, asked, seen)


@pytest.mark.parametrize(
    ("asked", "box", "clipped"),
    [
        (PIXELS, [1300, 700, 1350, 770], (1300, 700, 1344, 768)),
        (FRACTIONS, [0.9, 0.5, 1.01, 1.02], (1210, 384, 1344, 768)),
        (THOUSANDTHS, [-3, 0, 500, 1000], (0, 0, 672, 768)),
    ],
)
def test_a_box_that_is_a_little_too_large_is_clipped(asked, box, clipped) -> None:
    assert corners(read([box], asked)) == [clipped]


@pytest.mark.parametrize(
    ("asked", "box"),
    [(PIXELS, [1345, 300, 1350, 450]), (THOUSANDTHS, [-20, 300, -10, 450]), (FRACTIONS, [1.01, 0.2, 1.04, 0.4])],
)
def test_a_thing_that_clipping_would_lose_is_not_left_out(asked, box) -> None:
    with pytest.raises(UnreadableAnswer, match="a box outside of the picture"):
        read([box], asked)


def test_fractions_are_read_whatever_was_asked() -> None:
    for asked in CONVENTIONS.values():
        (found,) = read([[0.25, 0.25, 0.5, 0.5]], asked, (1000, 1000), asked.key)
        assert corners([found]) == [(250, 250, 500, 500)]


numbers = st.one_of(st.integers(-50, 2500), st.floats(0, 1), st.floats(0, 1344))
spans = st.tuples(numbers, numbers).filter(lambda pair: abs(pair[0] - pair[1]) > 1e-3)


@examples(500)
@given(
    st.lists(st.tuples(spans, spans), min_size=1, max_size=5),
    st.sampled_from(sorted(CONVENTIONS)),
    st.sampled_from([WIDE, (512, 512), (64, 3000)]),
    st.sampled_from(["bbox_2d", "box_2d", "bbox", "box"]),
)
def test_every_thing_is_counted_or_the_answer_is_refused(things, name: str, seen, key: str) -> None:
    listed = [{key: [x[0], y[0], x[1], y[1]], "label": f"kind {place}"} for place, (x, y) in enumerate(things)]
    answer = json.dumps(listed)
    try:
        found = read_detections(validated(LISTED, read_json(answer, "["), answer), CONVENTIONS[name], seen, *seen)
    except UnreadableAnswer:
        return
    assert len(found) == len(listed)
