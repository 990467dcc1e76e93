"""Several lists in one answer: the last one, all of them, or none, but never half of the answer."""

from __future__ import annotations

import json

import pytest

from xlard.critics.backend import UnreadableAnswer
from xlard.critics.parsing import read_json


def thing(x: int, label: str = "circle", width: int = 60) -> dict:
    return {"bbox_2d": [x, 100, x + width, 200], "label": label}


CIRCLES, SQUARE = [thing(100), thing(300)], [thing(700, "square")]
TEXTS = {"circles": json.dumps(CIRCLES), "square": json.dumps(SQUARE), "left": json.dumps(CIRCLES[:1])}


def read(answer: str, **texts: str) -> list:
    for name, text in (TEXTS | texts).items():
        answer = answer.replace(f"@{name}", text)
    return read_json(answer, "[")


@pytest.mark.parametrize(
    "answer",
    [
        "Circles:\n```json\n@circles\n```\nSquares:\n```json\n@square\n```",
        "```json\n@circles\n```\n```json\n@square\n```",
        "Circles: @circles\nSquares: @square\nTriangles: []",
        "Triangles: []\nCircles: @circles\nSquares: @square",
        "@circles\n@square",
    ],
)
def test_a_list_for_each_kind_is_one_list(answer: str) -> None:
    assert read(answer) == CIRCLES + SQUARE


def test_lists_for_each_colour_are_one_list() -> None:
    red, blue = [thing(100, "red circle")], [thing(300, "blue circle")]
    assert read("Red: @red\nBlue: @blue", red=json.dumps(red), blue=json.dumps(blue)) == red + blue


@pytest.mark.parametrize(
    "answer",
    [
        "@left\n@circles",
        "```json\n@left\n```\n```json\n@circles\n```",
        "Draft: @left\nAnswer: @circles",
        "@square\nActually, these are circles: @circles",
        "First I saw @square. Corrected: @circles",
        "[]\n@circles",
    ],
)
def test_the_last_list_counts_where_it_repeats_or_replaces_the_others(answer: str) -> None:
    assert read(answer) == CIRCLES


def test_a_box_that_was_moved_a_little_is_the_same_thing() -> None:
    again = [thing(105), thing(300)]
    assert read("@left\n@again", again=json.dumps(again)) == again


@pytest.mark.parametrize(
    "answer",
    ["@circles\n@left", "Left half: @left\nRight half: @other", "@circles\n[]", "@left\n@renamed", "@circles\n@mixed"],
)
def test_lists_of_which_it_is_not_clear_what_counts_are_refused(answer: str) -> None:
    texts = {
        "other": json.dumps([thing(600)]),
        "renamed": json.dumps([thing(100, "ball")]),
        "mixed": json.dumps([thing(600), *SQUARE]),
    }
    with pytest.raises(UnreadableAnswer, match="lists, and it is not clear which of them count"):
        read(answer, **texts)


@pytest.mark.parametrize(
    "rest", [",", ", {", ', {"bbox_2d": [600, 1', ', {"bbox_2d": [600, 100, 660, 200]', ', {"label": "cir']
)
def test_a_list_that_lacks_more_than_its_last_bracket_is_cut(rest: str) -> None:
    with pytest.raises(UnreadableAnswer, match="cut short"):
        read_json(TEXTS["circles"][:-1] + rest, "[")


def test_a_format_that_is_said_again_is_no_answer() -> None:
    assert read('The format: [{"bbox_2d": [x1, y1, x2, y2], "label": "color object"}]\n@circles') == CIRCLES


@pytest.mark.parametrize("answer", ["I write [] if there is none.\n@circles", "@circles\n[] would be none."])
def test_an_empty_list_in_a_sentence_is_no_answer(answer: str) -> None:
    assert read(answer) == CIRCLES


def test_numbers_in_prose_are_no_answer() -> None:
    assert read("@circles\nThe first one is at [100, 100, 160, 200].") == CIRCLES
