"""Reading a critic's grounded answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlard.claims import claims_from_prompt
from xlard.critics.grounded import UnreadableAnswer, format_answer, parse_answer, question
from xlard.critique import Detection

ONE = '[{"bbox_2d": [100, 200, 300, 400], "label": "red circle"}]'


def test_boxes_become_image_pixels() -> None:
    found, = parse_answer(ONE, 200, 100)
    assert (found.x, found.y, found.width, found.height) == pytest.approx((20, 20, 40, 20))
    assert (found.color, found.noun) == ("red", "circle")


@pytest.mark.parametrize("answer", [
    f"```json\n{ONE}\n```", f"<think>I see [two] things</think>{ONE}", f"Here it is: {ONE}", ONE[:-1],
    ONE.replace('"label"', "'label'"), ONE.replace("[100, 200, 300, 400]", "[300, 400, 100, 200]")])
def test_what_models_wrap_around_an_answer_is_removed(answer: str) -> None:
    found, = parse_answer(answer, 100, 100)
    assert found.label == "red circle" and (found.x, found.width) == pytest.approx((10, 20))


@pytest.mark.parametrize("answer", [
    "", "I cannot help with that.", "[1, 2, 3]", '[{"bbox_2d": [1, 2, 3], "label": "circle"}]', '[{"label": "circle"}]',
    '[{"bbox_2d": [1, NaN, 3, 4], "label": "circle"}]', '{"score": 10}'])
def test_anything_else_is_unreadable_and_no_number_is_made_up(answer: str) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_answer(answer, 100, 100)


def test_nothing_found_is_an_answer() -> None:
    assert parse_answer("[]", 100, 100) == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4))
def test_boxes_stay_inside_the_picture(corners: list[float]) -> None:
    for found in parse_answer('[{"bbox_2d": %s, "label": "cat"}]' % corners, 64, 48):
        assert 0 <= found.x and found.x + found.width <= 64 + 1e-6 and found.width > 0
        assert 0 <= found.y and found.y + found.height <= 48 + 1e-6 and found.height > 0


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(2, 40), st.integers(2, 40)), max_size=5))
def test_format_and_parse_are_inverse(boxes: list[tuple[int, int, int, int]]) -> None:
    found = [Detection(x, y, width, height, "dog", "brown") for x, y, width, height in boxes]
    read = parse_answer(format_answer(found, 100, 100), 100, 100)
    assert [(d.x, d.y, d.width, d.height, d.label) for d in read] == \
        [(pytest.approx(d.x), pytest.approx(d.y), pytest.approx(d.width), pytest.approx(d.height), "brown dog") for d in found]


def test_the_question_names_the_nouns_and_never_the_prompt() -> None:
    asked = question(claims_from_prompt("three red penguins left of a blue cat"))
    assert "penguin, cat" in asked and "three" not in asked and "left" not in asked
