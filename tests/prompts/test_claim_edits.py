"""Changes to single claims by hand."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from xlard.claims import (
    Claim,
    NotedClaims,
    color_claim,
    count_claim,
    custom_claim,
    object_claim,
    position_claim,
    text_claim,
)
from xlard.critique import critique_of, no_verdict, with_accepted
from xlard.detections import Detection
from xlard.loop.faults import faults_of
from xlard.prompts.claim_edits import edited_claims
from xlard.rewards import critique_from_detections

CIRCLES, SQUARE = count_claim("circle", 2), count_claim("square", 1)
CLAIMS = NotedClaims([CIRCLES, SQUARE], ["not checked: a mood"])


def test_a_claim_that_is_off_is_left_out_and_noted():
    changed = edited_claims(CLAIMS, "off:  two  Circles\n")
    assert list(changed) == [SQUARE]
    assert changed.notes == ("not checked: a mood", "switched off: two Circles")


def test_a_claim_is_accepted_and_weighed_by_two_lines():
    (circles, square) = edited_claims(CLAIMS, "fine: two circles\nweight 2.5: two circles\nFINE: one square")
    assert (circles.accepted, circles.weight, circles.text) == (True, 2.5, "two circles")
    assert square.accepted and square.weight == 1


def test_the_change_of_a_claim_that_is_gone_only_leaves_a_note():
    changed = edited_claims(CLAIMS, "fine: three cats")
    assert list(changed) == list(CLAIMS)
    assert changed.notes[-1] == "changed by hand, but not claimed: three cats"


def reworded(claim, words: str):
    """The claim after its words were changed by hand, and the notes."""
    changed = edited_claims(NotedClaims([claim]), f"reword: {claim.shown} -> {words}")
    return changed[0], changed.notes


def test_changed_words_are_read_anew_and_keep_what_was_said_of_the_claim():
    lines = "fine: two circles\nreword: Two Circles -> 3  red circles\nweight 2: two circles"
    (circles, square) = edited_claims(CLAIMS, lines)
    expected = replace(count_claim("circle", 3, "red"), weight=2.0, accepted=True, original="two circles")
    assert (circles, square) == (expected, SQUARE)


@pytest.mark.parametrize(
    "claim, words, expected",
    [
        (CIRCLES, "at least two dogs", object_claim("dog", 2)),
        (CIRCLES, "one circle is blue", color_claim("circle", 1, "blue", 2)),
        (CIRCLES, "circle above square", position_claim("circle", "above", "square")),
        (CIRCLES, "the hat casts a shadow", custom_claim("the hat casts a shadow")),
        (text_claim("OPEN"), 'the text "SHUT" can be read', text_claim("SHUT")),
        (Claim("relation", "man riding horse", "man", other="horse"), "no cats", count_claim("cat", 0)),
        (position_claim("dog", "left of", "cat", 2), "dog right of cat", position_claim("dog", "right of", "cat", 2)),
    ],
)
def test_changed_words_become_the_claim_that_they_say(claim, words, expected):
    changed, notes = reworded(claim, words)
    assert changed == replace(expected, original=claim.text)
    assert notes == (f"reworded: {claim.text} -> {words}",)


def test_a_claim_to_keep_stays_one_with_other_words():
    changed, _ = reworded(replace(CIRCLES, keep=True), "keep: three circles")
    assert changed == replace(count_claim("circle", 3), keep=True, original="keep: two circles")


def test_an_arrow_may_be_part_of_a_claim_and_words_may_change_twice():
    changed, _ = reworded(custom_claim("a sign A -> B"), "a sign C -> D")
    assert (changed.text, changed.original) == ("a sign C -> D", "a sign A -> B")
    twice = edited_claims(CLAIMS, "reword: two circles -> one circle\nreword: one circle -> no circles")
    assert (twice[0].text, twice[0].original) == ("no circles", "two circles")


def test_without_changes_claims_and_notes_stay():
    changed = edited_claims(CLAIMS, " \n")
    assert list(changed) == list(CLAIMS) and changed.notes == CLAIMS.notes


@pytest.mark.parametrize(
    "line", ["two circles", "on: two circles", "weight: two circles", "off:", "weight 2 two", "reword: two circles -> "]
)
def test_a_line_of_another_form_is_refused_with_those_that_there_are(line):
    with pytest.raises(ValueError, match="cannot be understood. A line is 'off: two red circles'"):
        edited_claims(CLAIMS, line)


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "heavy"])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(ValueError, match=f"The weight in 'weight {weight}: two circles' is no number above 0"):
        edited_claims(CLAIMS, f"weight {weight}: two circles")


def circle(color: str, x: float) -> Detection:
    return Detection(x, 0, 10, 10, "circle", color)


def test_an_accepted_claim_holds_and_keeps_its_evidence():
    (accepted, square) = edited_claims(CLAIMS, "fine: two circles")
    judged = with_accepted(critique_from_detections([accepted, square], [circle("red", 0)], 100))
    assert [verdict.passed for verdict in judged.verdicts] == [True, False]
    assert judged.verdicts[0].score == 1 and judged.verdicts[0].evidence == (circle("red", 0),)
    assert judged.rewards["count"] == pytest.approx((1 + judged.verdicts[1].score) / 2)


def test_a_claim_that_no_critic_can_judge_holds_if_it_is_accepted():
    (accepted, _) = edited_claims(CLAIMS, "fine: two circles")
    assert with_accepted(critique_of([no_verdict(accepted, "unreadable")])).passed


def test_objects_of_an_accepted_claim_are_neither_wrong_nor_missing():
    """A third red circle, which the other claim alone would call one too many."""
    claims = NotedClaims([count_claim("circle", 2, "red"), position_claim("circle", "left of", "square", color="red")])
    claims = edited_claims(claims, "fine: two red circles")
    circles = [circle("red", x) for x in (0, 20, 40)]
    judged = with_accepted(critique_from_detections(claims, circles, 100))
    faults = faults_of(judged, random.Random(0))
    assert not faults.wrong and set(faults.right) == set(circles)
    assert [kind.noun for kind in faults.missing] == ["square"]


def test_a_color_that_is_accepted_is_not_asked_for():
    claims = NotedClaims([count_claim("circle", 1), color_claim("circle", 1, "red", 1)])
    claims = edited_claims(claims, "fine: the circle is red")
    judged = with_accepted(critique_from_detections(claims, [circle("blue", 0)], 100))
    faults = faults_of(judged, random.Random(0))
    assert not faults.located and faults.right == (circle("blue", 0),)
