"""Hostile texts and numbers: limits with clear words, and work that grows with a text and no faster."""

from __future__ import annotations

import sys

import pytest
from PIL import ImageFont

from xlard.claims import (
    LONGEST_CLAIM,
    MOST_CLAIMS_IN_ALL,
    MOST_COUNT,
    Claim,
    check_number_of_claims,
    count_claim,
    custom_claim,
)
from xlard.critics.backend import UnreadableAnswer
from xlard.critics.boxes import THOUSANDTHS
from xlard.critics.parsing import LONGEST_ANSWER, MOST_OBJECTS, read_detections, read_json, validated
from xlard.critics.schemas import LISTED
from xlard.prompts.claim_lines import parse_lines
from xlard.prompts.parser import LONGEST_PROMPT, read_claims
from xlard.report.drawing import wrap

SMALL, LARGE = 1000, 4000
"""Characters of a hostile text, and of one that is four times as long."""

ALLOWED = 8
"""So many times more lines of Python may run for four times as much text: quadratic work would take sixteen."""


def lines_run(work) -> int:
    """How many lines of Python a piece of work runs: it grows as the time does, and does not depend on the machine."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except ValueError:
        pass
    finally:
        sys.settrace(before)
    return count


def grows(read, text: str) -> float:
    small, large = (lines_run(lambda: read(text * (size // len(text)))) for size in (SMALL, LARGE))
    return large / max(small, 200)


ANSWERS = [
    '{"', '["', "[]", "{}", "[1]", '[{"a":1}]', "[{", "[{x}] ", "<think>", "</think>", "<a></a>", "[think]",
    "\u25c1think\u25b7", "Thinking:\n", "answer: []\n\n", "{'a':'b',", '[{"label":"dog","bbox_2d":[1,2,3,4]}]\n',
]  # fmt: skip


@pytest.mark.parametrize("text", ANSWERS, ids=ascii)
def test_answers_are_read_in_linear_time(text: str) -> None:
    read_json("[]", "[")
    assert grows(lambda answer: _read(answer), text) < ALLOWED
    assert grows(lambda answer: _read(f"[{answer}]"), text) < ALLOWED


def _read(answer: str) -> object:
    try:
        return read_json(answer, "[{")
    except UnreadableAnswer:
        return None


@pytest.mark.parametrize("text", ["red and ", "a dog, ", "a dog left of ", "((a:1.2) ", '("', "without ", "'s ", "{"])
def test_prompts_are_read_in_linear_time(text: str) -> None:
    read_claims("a red circle")
    assert grows(read_claims, text) < ALLOWED


@pytest.mark.parametrize("letter", ["a", "\u732b", "W", "i"])
def test_long_words_are_wrapped_in_linear_time(letter: str) -> None:
    font, measured = ImageFont.load_default(16), []

    class Counting:
        def getlength(self, text: str) -> float:
            measured.append(len(text))
            return font.getlength(text)

    lines = wrap(letter * 1600, Counting(), 340)
    assert "".join(lines) == letter * 1600 and all(font.getlength(line) <= 340 for line in lines)
    # Measuring takes as long as the text: each line a few times, and none of the whole word.
    assert max(measured) <= 340 and sum(measured) < 1600 * 40


def test_a_claim_counts_so_far_and_no_further() -> None:
    assert parse_lines(f"count: {MOST_COUNT} circles")[0].number == MOST_COUNT
    for number in (MOST_COUNT + 1, 10**8, 10**30):
        with pytest.raises(ValueError, match="A claim counts from 0 to 100 things"):
            parse_lines(f"count: {number} circles")
        with pytest.raises(ValueError, match="A claim counts from 0 to 100 things"):
            count_claim("circle", number)
    with pytest.raises(ValueError, match="from 0 to 100"):
        Claim("count", "x", "x", -1)


@pytest.mark.parametrize(
    "prompt", ["500 circles", "100 dozen circles", "60 circles and 60 red circles", "999 red cats"]
)
def test_more_than_anybody_counts_are_many(prompt: str) -> None:
    claims = read_claims(prompt).claims
    assert claims and {claim.type for claim in claims} <= {"object", "color"}
    assert all(claim.number <= MOST_COUNT for claim in claims)


def test_a_picture_has_so_many_claims_and_no_more() -> None:
    assert len(parse_lines("a\n" * MOST_CLAIMS_IN_ALL)) == MOST_CLAIMS_IN_ALL
    with pytest.raises(ValueError, match="at most 64 claims; there are 65"):
        parse_lines("a\n" * (MOST_CLAIMS_IN_ALL + 1))
    check_number_of_claims([custom_claim("a")] * MOST_CLAIMS_IN_ALL)


def test_texts_have_limits_with_their_mend() -> None:
    with pytest.raises(ValueError, match="claims are read from at most 20000. Shorten it"):
        read_claims("a " * LONGEST_PROMPT)
    with pytest.raises(ValueError, match="Shorten it"):
        custom_claim("a" * (LONGEST_CLAIM + 1))
    with pytest.raises(UnreadableAnswer, match="at most 1000000 are read"):
        read_json("[" + " " * LONGEST_ANSWER + "]", "[")
    with pytest.raises(ValueError, match="number above 0"):
        Claim("custom", "x", weight=float("nan"))
    # A prompt that is read is always short enough to be one claim.
    assert read_claims("\u732b" * LONGEST_PROMPT).claims


def test_a_picture_has_so_many_objects_and_no_more() -> None:
    def listed(number: int) -> str:
        return str([{"box": [i % 900, i // 900, 950, 950], "label": "dog"} for i in range(number)]).replace("'", '"')

    def read(answer: str) -> list:
        return read_detections(validated(LISTED, read_json(answer, "["), answer), THOUSANDTHS, (1, 1), 100, 100)

    assert len(read(listed(MOST_OBJECTS))) == MOST_OBJECTS
    with pytest.raises(UnreadableAnswer, match="lists 501 objects; at most 500"):
        read(listed(MOST_OBJECTS + 1))
    with pytest.raises(UnreadableAnswer, match="lists"):
        read_json(listed(3) * 65, "[")


def test_half_a_surrogate_pair_is_shown_as_one_that_can_be_logged() -> None:
    with pytest.raises(ValueError) as raised:
        parse_lines("counts: \ud83d")
    str(raised.value).encode()
