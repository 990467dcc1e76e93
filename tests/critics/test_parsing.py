"""Reading critics' answers: JSON in prose, boxes, scores, verdicts; anything else is refused."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.properties import examples
from xlard.critics.backend import UnreadableAnswer
from xlard.critics.boxes import CONVENTIONS, FRACTIONS, PIXELS, THOUSANDTHS, Y_FIRST, BoxConvention, convention_of
from xlard.critics.parsing import read_detections, read_json, read_score, read_verdict, validated
from xlard.critics.schemas import JUDGED, LISTED, RATED
from xlard.detections import Detection
from xlard.worlds.critic_model import list_answer
from xlard.worlds.shapes.vocabulary import SIDE

CIRCLE = '[{"bbox_2d": [100, 200, 300, 400], "label": "red circle"}]'
many_examples = examples(800)


def detections(
    answer: str,
    width: float = 100,
    height: float = 100,
    boxes: BoxConvention = THOUSANDTHS,
    seen: tuple[float, float] = (100, 100),
) -> list[Detection]:
    return read_detections(validated(LISTED, read_json(answer, "["), answer), boxes, seen, width, height)


def test_boxes_become_image_pixels() -> None:
    (detection,) = detections(CIRCLE, 200, 100)
    assert (detection.x, detection.y, detection.width, detection.height) == pytest.approx((20, 20, 40, 20))
    assert (detection.color, detection.noun) == ("red", "circle")


@pytest.mark.parametrize(
    ("boxes", "answer"),
    [
        (PIXELS, '[{"bbox_2d": [28, 112, 84, 224], "label": "red circle"}]'),
        (FRACTIONS, '[{"bbox_2d": [0.1, 0.2, 0.3, 0.4], "label": "red circle"}]'),
        (THOUSANDTHS, '[{"bbox_2d": [0.1, 0.2, 0.3, 0.4], "label": "red circle"}]'),
        (Y_FIRST, '[{"box_2d": [200, 100, 400, 300], "label": "red circle"}]'),
    ],
)
def test_every_convention_means_the_same_box(boxes: BoxConvention, answer: str) -> None:
    (detection,) = detections(answer, 200, 100, boxes, seen=(280, 560))
    assert (detection.x, detection.y, detection.width, detection.height) == pytest.approx((20, 20, 40, 20))


@pytest.mark.parametrize(
    ("model", "boxes"),
    [
        ("qwen2_5_vl", PIXELS),
        ("qwen2.5vl:7b", PIXELS),
        ("qwen3_vl", THOUSANDTHS),
        ("gemma-3-4b-it", Y_FIRST),
        ("llava_onevision", FRACTIONS),
        ("internvl", THOUSANDTHS),
        ("unheard of", THOUSANDTHS),
    ],
)
def test_a_model_has_its_familys_convention(model: str, boxes: BoxConvention) -> None:
    assert convention_of(model) is boxes


@pytest.mark.parametrize(
    "answer",
    [
        f"```json\n{CIRCLE}\n```",
        f"```\n{CIRCLE}",
        f"<think>I see [two] things</think>{CIRCLE}",
        f"[1, 2] no, wait </think>\n{CIRCLE}",
        f"<Thinking>[]</Thinking>\n{CIRCLE}",
        f"Here it is: {CIRCLE}",
        f"{CIRCLE}\nI hope this helps.",
        CIRCLE[:-1],
        CIRCLE.replace('"label"', "'label'"),
        CIRCLE.replace("[100, 200, 300, 400]", "[300, 400, 100, 200]"),
        CIRCLE.replace("}]", "},]"),
        CIRCLE.replace("100, 200", '"100", "200"'),
    ],
)
def test_what_models_wrap_around_an_answer_is_removed(answer: str) -> None:
    (detection,) = detections(answer)
    assert detection.label == "red circle" and (detection.x, detection.width) == pytest.approx((10, 20))


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I cannot help with that.",
        "[1, 2, 3]",
        '[{"bbox_2d": [1, 2, 3], "label": "circle"}]',
        '[{"label": "circle"}]',
        '[{"bbox_2d": [1, NaN, 3, 4], "label": "circle"}]',
        '[{"bbox_2d": [1, Infinity, 3, 4], "label": "circle"}]',
        '{"score": 10}',
        '{"score": 10, "claims": []}',
        "[",
        "[{",
        f"<think>{CIRCLE}",
        '[{"bbox_2d": [1, 2, 3, 4], "label": 7}]',
        '[{"bbox_2d": null, "label": "cat"}]',
    ],
)
def test_anything_else_is_unreadable_and_no_box_is_made_up(answer: str) -> None:
    with pytest.raises(UnreadableAnswer):
        detections(answer)


def test_an_empty_list_is_an_answer() -> None:
    assert detections("[]") == []


def test_an_unreadable_answer_shows_its_beginning_on_one_line() -> None:
    with pytest.raises(UnreadableAnswer) as refused:
        read_json("I am\nsorry. " * 100, "[")
    assert "I am sorry." in str(refused.value) and "\n" not in str(refused.value) and len(str(refused.value)) < 300


@many_examples
@given(
    st.lists(st.floats(-1e6, 1e6) | st.floats(-60, 1100), min_size=4, max_size=4), st.sampled_from(sorted(CONVENTIONS))
)
def test_boxes_stay_inside_the_picture(corners: list[float], name: str) -> None:
    boxes = CONVENTIONS[name]
    try:
        read = detections('[{"%s": %s, "label": "cat"}]' % (boxes.key, corners), 64, 48, boxes, (128, 96))
    except UnreadableAnswer:
        assert min(corners) < 0 or max(corners) > (boxes.scale or 96)
        return
    for detection in read:
        assert 0 <= detection.x and detection.x + detection.width <= 64 + 1e-6 and detection.width > 0
        assert 0 <= detection.y and detection.y + detection.height <= 48 + 1e-6 and detection.height > 0


@many_examples
@given(st.sampled_from(sorted(CONVENTIONS)), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_what_a_convention_writes_it_reads(name: str, corners: list[float]) -> None:
    boxes, size = CONVENTIONS[name], (640, 480)
    box = (
        *(min(pair) for pair in (corners[0::2], corners[1::2])),
        *(max(pair) for pair in (corners[0::2], corners[1::2])),
    )
    read = boxes.read(json.loads(boxes.write(box, *size)), *size)
    assert read == pytest.approx(box, abs=0.002)


def test_a_thing_that_is_listed_twice_is_one_and_neighbours_are_not() -> None:
    """Also with another label for the same, or with swapped corners; a box a little beside it may be another thing."""
    beside, square = CIRCLE.replace("[100,", "[101,"), CIRCLE.replace("circle", "square")
    same = [CIRCLE.replace("red circle", "Red circles"), CIRCLE.replace("[100, 200, 300, 400]", "[300, 400, 100, 200]")]
    answer = json.dumps(sum(map(json.loads, [CIRCLE, *same, beside, CIRCLE, square]), []))
    assert [(d.x, d.label) for d in detections(answer)] == [
        (10, "red circle"),
        (pytest.approx(10.1), "red circle"),
        (10, "red square"),
    ]


@many_examples
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(2, 40), st.integers(2, 40)),
        max_size=5,
        unique_by=lambda box: list_answer([Detection(*box, "circle", "red")], SIDE),
    )
)
def test_the_demo_critics_answers_can_be_read(boxes: list[tuple[int, int, int, int]]) -> None:
    drawn = [Detection(x, y, width, height, "circle", "red") for x, y, width, height in boxes]
    read = detections(list_answer(drawn, SIDE), SIDE, SIDE)
    assert [(d.x, d.y, d.width, d.height) for d in read] == [
        pytest.approx((d.x, d.y, d.width, d.height), abs=1) for d in drawn
    ]


@many_examples
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    for opening, schema in (("[", LISTED), ("{", JUDGED), ("{", RATED)):
        try:
            validated(schema, read_json(text, opening), text)
        except UnreadableAnswer:
            pass


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["bbox_2d", "label", "score", "verdict", "reason"]), inner)
    ),
    max_leaves=12,
)


@many_examples
@given(json_values)
def test_any_json_is_read_or_refused(value) -> None:
    answer = json.dumps(value)
    try:
        for detection in detections(answer):
            assert all(
                math.isfinite(number) for number in (detection.x, detection.y, detection.width, detection.height)
            )
    except UnreadableAnswer:
        pass
    try:
        assert 0 <= read_score(validated(RATED, read_json(answer, "{"), answer).score) <= 1
    except UnreadableAnswer:
        pass


@pytest.mark.parametrize(
    ("value", "score"),
    [
        (7, 0.7),
        (10, 1.0),
        (0, 0.0),
        ("7", 0.7),
        ("7/10", 0.7),
        ("3 / 4", 0.75),
        ("70%", 0.7),
        ("70 %", 0.7),
        (0.7, 0.7),
        (85, 0.85),
        (11, 1.0),
        (-3, 0.0),
        (1, 0.1),
        ("8,5", 0.85),
        (250, 1.0),
        ("12/10", 1.0),
    ],
)
def test_scores_of_any_scale(value, score: float) -> None:
    assert read_score(value) == pytest.approx(score)


@pytest.mark.parametrize("value", [math.nan, math.inf, None, True, "high", "", "7/0", [7], "ten", "7 or 8"])
def test_what_is_no_score_is_refused(value) -> None:
    with pytest.raises(UnreadableAnswer):
        read_score(value)


@many_examples
@given(st.floats() | st.integers() | st.text(max_size=12) | st.none() | st.booleans())
def test_every_score_is_in_the_unit_interval(value) -> None:
    try:
        assert 0 <= read_score(value) <= 1
    except UnreadableAnswer:
        pass


@pytest.mark.parametrize(
    ("value", "verdict"), [("yes", True), ("No.", False), (True, True), (" TRUE ", True), ("**no**", False)]
)
def test_verdicts_of_any_form(value, verdict: bool) -> None:
    assert read_verdict(value) is verdict


@pytest.mark.parametrize("value", ["maybe", "", None, 1, "yes and no", ["yes"], "partially"])
def test_what_is_no_verdict_is_refused(value) -> None:
    with pytest.raises(UnreadableAnswer):
        read_verdict(value)
