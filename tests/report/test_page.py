"""The report's page: what a reader sees, and what it may never hold."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.report_states import (
    RIGHT,
    WRONG,
    Page,
    attempt,
    judged,
    judged_state,
    several_rounds,
    silent,
    state_of,
)
from xlard.claims import Claim
from xlard.critique import Critique, Verdict
from xlard.loop.state import LoopState, Round
from xlard.report.page import report_page


def test_the_page_tells_rounds_costs_and_claims() -> None:
    page = Page(report_page([judged_state(judged(WRONG), silent(), judged(RIGHT))], "demo"))
    for expected in (
        "Corrected: all 4 claims hold.",
        "the square is blue",
        "square: green",
        "3 rounds, 57 NFE, 7.5 s",
        "3 critic calls",
        "draw",
        "correct",
        "best",
        "no score",
    ):
        assert expected in page.text
    assert page.tags.count("tr") == (1 + 3) + (1 + 2)
    assert "svg" in page.tags


def test_pictures_come_before_figures() -> None:
    page = report_page([judged_state(judged(WRONG), judged(RIGHT))], "demo")
    places = [page.index(mark) for mark in ("<img", "critic calls</p>", 'class="totals"', "What each strategy did")]
    assert places == sorted(places)


def test_a_picture_that_stays_is_shown_once() -> None:
    state = state_of(attempt(0, judged(WRONG)), attempt(1, judged(WRONG), accepted=False))
    page = Page(report_page([state], "demo"))
    assert "No round was better than the first picture; 3 of 4 claims hold." in page.text
    assert "dropped" in page.text
    assert page.tags.count("figure") == 1


def test_a_picture_that_nothing_was_tried_on_is_not_said_to_have_stayed_best() -> None:
    page = Page(report_page([judged_state(judged(WRONG))], "demo"))
    assert "No correction was tried; 3 of 4 claims hold." in page.text and "No round was better" not in page.text


def test_the_page_says_what_of_the_prompt_became_no_claim() -> None:
    state = replace(judged_state(judged(WRONG)), notes=("not understood: 8 k", "not checked: <b>mood</b>"))
    page = Page(report_page([state], "demo"))
    assert "not understood: 8 k" in page.text and "not checked: <b>mood</b>" in page.text


def test_a_picture_without_claims_has_nothing_to_check() -> None:
    page = report_page([judged_state(Critique(()), prompt="a mood")], "demo")
    assert "The picture is as it was drawn: nothing to check." in Page(page).text
    assert '<p class="unknown">The picture' in page and "0 of 0" not in page


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        '"><img src=http://a.example/x onerror=alert(1)>',
        "</style><b>",
        "&lt;i&gt;",
        "' onload='alert(1)",
        "{{ 7 * 7 }}{% raw %}",
    ],
)
def test_text_from_outside_stays_text(attack: str) -> None:
    claim = Claim("count", f"claim {attack}", "circle")
    critique = Critique((Verdict(claim, False, 0.0, (), f"reason {attack}"),), answer=f"answer {attack}")
    harmless = attempt(1, critique, reason=f"because {attack}", prompt=f"wording {attack}")
    hostile = Round(f"strategy {attack}", *list(vars(harmless).values())[1:])
    page = Page(report_page([LoopState(f"prompt {attack}", (claim,), [hostile])], f"title {attack}"))
    assert page.text.count(attack) >= 7
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert all(value.startswith("data:image/png;base64,") for name, value in page.attributes if name == "src")


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=60))
def test_any_prompt_can_be_reported(prompt: str) -> None:
    page = Page(report_page([judged_state(judged(RIGHT), prompt=prompt)], "demo"))
    assert page.tags.count("article") == 1


def test_the_page_reaches_for_nothing_outside() -> None:
    state = state_of(attempt(0, judged(WRONG)), attempt(1, judged(RIGHT), attribution=torch.rand(12, 12), change=0.1))
    source = report_page([state], "demo")
    page = Page(source)
    assert not re.search(r"https?://|url\(|@import", source)
    assert not {"script", "link", "iframe", "object", "embed", "base"} & set(page.tags)
    assert not [value for name, value in page.attributes if name == "href"]
    assert (
        "content",
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    ) in page.attributes
    assert "Where the correction acted" in page.text


def test_the_page_says_what_each_round_and_each_strategy_fixed_and_broke() -> None:
    text = Page(report_page([several_rounds()], "demo")).text
    for expected in ("1 fixed", "2 broken", "no verdict", "the square is green", "What each strategy did"):
        assert expected in text


def test_one_draw_has_no_strategies_to_compare() -> None:
    assert "What each strategy did" not in Page(report_page([judged_state(judged(RIGHT))], "demo")).text


def test_every_round_with_an_attribution_map_shows_it() -> None:
    state = state_of(
        attempt(0, judged(WRONG)),
        *(attempt(number, judged(RIGHT), attribution=torch.rand(12, 12)) for number in (1, 2)),
    )
    labels = [value for name, value in Page(report_page([state], "demo")).attributes if name == "alt"]
    assert [label[-7:] for label in labels if label.startswith("Attribution map of")] == ["round 1", "round 2"]


def test_an_abstention_is_shown_as_one() -> None:
    page = Page(report_page([judged_state(silent())], "demo"))
    assert "The critic abstained" in page.text
    assert "The answer was no JSON." in page.text
    assert "I cannot say." in page.text
    assert "not judged" in page.text
    assert "svg" not in page.tags
