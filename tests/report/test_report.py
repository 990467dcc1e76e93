"""Reports and drawings: what a reader sees, what the page may never hold, and that files appear whole."""

from __future__ import annotations

import json
import math
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from xlard.report.style import CSS

from xlard.aspects import ASPECTS
from xlard.claims import Claim
from xlard.critique import Critique, Verdict
from xlard.detections import Detection
from xlard.loop.state import LoopState, Round
from xlard.prompts import claims_from_prompt
from xlard.report.changes import Change, Tally, change, tallies
from xlard.report.chart import rewards_chart
from xlard.report.drawing import annotate, card, object_state, wrong_mask
from xlard.report.page import report_page
from xlard.report.pictures import redrawn
from xlard.report.rounds import rounds_table
from xlard.report.write import history_json, write_report
from xlard.rewards import abstention, critique_from_detections

SIDE = 96
PROMPT = "a red circle and a blue square"
WRONG = [Detection(10, 10, 20, 20, "circle", "red"), Detection(50, 50, 24, 24, "square", "green", 0.8)]
RIGHT = [WRONG[0], Detection(50, 50, 24, 24, "square", "blue", 0.8)]


def judged(seen: list[Detection], prompt: str = PROMPT, answer: str = "{}") -> Critique:
    return critique_from_detections(claims_from_prompt(prompt), seen, SIDE, answer=answer)


def silent() -> Critique:
    return abstention(claims_from_prompt(PROMPT), "I cannot say.", "The answer was no JSON.")


def attempt(index: int, critique: Critique, accepted: bool = True, **more) -> Round:
    return Round(
        "correct" if index else "draw",
        0.6 if index else 1.0,
        7 + index,
        20 - index,
        1.5 + index,
        1,
        critique,
        torch.zeros(4, 12, 12),
        torch.rand(SIDE, SIDE, 3),
        accepted,
        **more,
    )


def state(*critiques: Critique, prompt: str = PROMPT) -> LoopState:
    claims = critiques[0].verdicts
    return LoopState(
        prompt,
        tuple(verdict.claim for verdict in claims),
        [attempt(index, critique) for index, critique in enumerate(critiques)],
    )


class Page(HTMLParser):
    """The tags, attributes and text of a page, to look at instead of its source."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("count", [1, 4])
def test_all_files_are_written_and_readable(tmp_path: Path, count: int) -> None:
    files = write_report([state(judged(WRONG), judged(RIGHT)) for _ in range(count)], tmp_path / "new", "report")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["report.html", "report.json", "report.png"]
    page = Page(files.html.read_text("utf-8"))
    assert page.tags.count("article") == count
    with Image.open(files.picture) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 2 * SIDE
    history = json.loads(files.history.read_text("utf-8"))
    assert len(history) == count
    assert [entry["critique"]["passed"] for entry in history[0]["rounds"]] == [False, True]


def test_what_the_head_read_on_the_way_is_a_curve_in_the_rounds_row_and_in_the_history() -> None:
    steps = ((0.75, 0.25), (0.5, 0.75), (0.25, 0.625))
    read = LoopState(
        PROMPT, tuple(claims_from_prompt(PROMPT)), [attempt(0, judged(WRONG)), attempt(1, judged(RIGHT), steps=steps)]
    )
    table = rounds_table(read)
    assert "Head by step" in table and table.count('class="curve"') == 1
    assert 'aria-label="Reward by noise level: 0.25 at 0.75, 0.75 at 0.50, 0.62 at 0.25."' in table
    assert "<small>+0.50 at 0.50</small>" in table and "Head by step" not in rounds_table(state(judged(WRONG)))
    first, second = json.loads(history_json([read]))[0]["rounds"]
    assert first["steps"] == [] and [step["gain"] for step in second["steps"]] == [None, 0.5, -0.125]
    assert second["steps"][0] == {"sigma": 0.75, "reward": 0.25, "gain": None}


def test_the_curve_of_a_single_reading_is_a_point_without_a_gain() -> None:
    table = rounds_table(
        LoopState(PROMPT, tuple(claims_from_prompt(PROMPT)), [attempt(0, judged(WRONG), steps=((0.5, 0.5),))])
    )
    assert '<circle cx="48.0" cy="16.0" r="2"/></svg></td>' in table


def test_the_page_tells_rounds_costs_and_claims() -> None:
    page = Page(report_page([state(judged(WRONG), silent(), judged(RIGHT))], "demo"))
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


def test_a_picture_that_stays_is_shown_once() -> None:
    kept = LoopState(
        PROMPT,
        tuple(claims_from_prompt(PROMPT)),
        [attempt(0, judged(WRONG)), attempt(1, judged(WRONG), accepted=False)],
    )
    page = Page(report_page([kept], "demo"))
    assert "No round was better than the first picture; 3 of 4 claims hold." in page.text
    assert "dropped" in page.text
    assert page.tags.count("figure") == 1


def test_a_picture_that_nothing_was_tried_on_is_not_said_to_have_stayed_best() -> None:
    page = Page(report_page([state(judged(WRONG))], "demo"))
    assert "No correction was tried; 3 of 4 claims hold." in page.text and "No round was better" not in page.text


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        '"><img src=http://a.example/x onerror=alert(1)>',
        "</style><b>",
        "&lt;i&gt;",
        "' onload='alert(1)",
    ],
)
def test_text_from_outside_stays_text(attack: str) -> None:
    claim = Claim("count", f"claim {attack}", "circle")
    critique = Critique((Verdict(claim, False, 0.0, (), f"reason {attack}"),), answer=f"answer {attack}")
    entry = attempt(1, critique, reason=f"because {attack}")
    hostile = LoopState(f"prompt {attack}", (claim,), [Round(f"strategy {attack}", *list(vars(entry).values())[1:])])
    page = Page(report_page([hostile], f"title {attack}"))
    assert page.text.count(attack) >= 7
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert all(value.startswith("data:image/png;base64,") for name, value in page.attributes if name == "src")


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=60))
def test_any_prompt_can_be_reported(prompt: str) -> None:
    page = Page(report_page([state(judged(RIGHT), prompt=prompt)], "demo"))
    assert page.tags.count("article") == 1


def test_the_page_reaches_for_nothing_outside() -> None:
    entries = [attempt(0, judged(WRONG)), attempt(1, judged(RIGHT), attribution=torch.rand(12, 12), change=0.1)]
    source = report_page([LoopState(PROMPT, tuple(claims_from_prompt(PROMPT)), entries)], "demo")
    page = Page(source)
    assert not re.search(r"https?://|url\(|@import", source)
    assert not {"script", "link", "iframe", "object", "embed", "base"} & set(page.tags)
    assert not [value for name, value in page.attributes if name == "href"]
    assert (
        "content",
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    ) in page.attributes
    assert "Where the correction acted" in page.text


def several_rounds() -> LoopState:
    """Wrong, then right, then both claims on colour lost again and dropped, then no verdict."""
    lost = [Detection(10, 10, 20, 20, "circle", "green"), WRONG[1]]
    return LoopState(
        PROMPT,
        tuple(claims_from_prompt(PROMPT)),
        [
            attempt(0, judged(WRONG)),
            attempt(1, judged(RIGHT), region=torch.eye(12).bool(), reason="the square is green"),
            attempt(2, judged(lost), accepted=False),
            attempt(3, silent(), accepted=False),
        ],
    )


def test_what_a_round_turned_counts_against_the_best_before_it() -> None:
    rounds = several_rounds()
    assert change(rounds, 0) is None
    red, blue = (claim for claim in rounds.claims if claim.type == "color")
    assert change(rounds, 1) == Change((blue,), ())
    assert change(rounds, 2) == Change((), (red, blue))
    # The third was dropped, so that the fourth started from the second; what was not judged did not turn.
    assert change(rounds, 3) == Change((), ())


claimed = st.lists(st.lists(st.sampled_from([True, False, None]), min_size=3, max_size=3), min_size=2, max_size=6)


@given(claimed, st.lists(st.booleans(), min_size=6, max_size=6))
def test_fixed_failed_before_and_holds_and_broken_is_the_reverse(
    passed: list[list[bool | None]], kept: list[bool]
) -> None:
    claims = [Claim("custom", f"claim {number}") for number in range(3)]
    critiques = [
        Critique(tuple(Verdict(claim, said, None if said is None else float(said)) for claim, said in zip(claims, row)))
        for row in passed
    ]
    run = LoopState(
        PROMPT,
        tuple(claims),
        [attempt(index, critique, accepted=index == 0 or kept[index]) for index, critique in enumerate(critiques)],
    )
    for index in range(1, len(passed)):
        before = passed[max(earlier for earlier in range(index) if earlier == 0 or kept[earlier])]
        found = change(run, index)
        turned = {claim: (then, now) for claim, then, now in zip(claims, before, passed[index])}
        assert set(found.fixed) == {claim for claim, both in turned.items() if both == (False, True)}
        assert set(found.broken) == {claim for claim, both in turned.items() if both == (True, False)}


def test_the_page_says_what_each_round_and_each_strategy_fixed_and_broke() -> None:
    text = Page(report_page([several_rounds()], "demo")).text
    for expected in ("1 fixed", "2 broken", "no verdict", "the square is green"):
        assert expected in text
    assert tallies([several_rounds()] * 2) == [
        Tally("draw", 2, 2, None, None, 40, 3.0),
        Tally("correct", 6, 2, 2, 4, 108, 21.0),
    ]


def test_one_draw_has_no_strategies_to_compare() -> None:
    assert "What each strategy did" not in Page(report_page([state(judged(RIGHT))], "demo")).text


def test_columns_that_no_round_has_anything_for_are_left_out() -> None:
    plain = Page(report_page([state(judged(WRONG), judged(RIGHT))], "demo")).text
    told = attempt(1, judged(RIGHT), change=0.125, predicted=0.5, region=torch.ones(12, 12).bool())
    rich = Page(
        report_page([LoopState(PROMPT, tuple(claims_from_prompt(PROMPT)), [attempt(0, judged(WRONG)), told])], "demo")
    ).text
    for heading in ("Drawn anew", "‖Δ‖/‖z‖", "Head expects"):
        assert heading not in plain and heading in rich
    assert "0.125" in rich and "100%" in rich


def test_every_round_with_an_attribution_map_shows_it() -> None:
    mapped = LoopState(
        PROMPT,
        tuple(claims_from_prompt(PROMPT)),
        [
            attempt(0, judged(WRONG)),
            *(attempt(index, judged(RIGHT), attribution=torch.rand(12, 12)) for index in (1, 2)),
        ],
    )
    labels = [value for name, value in Page(report_page([mapped], "demo")).attributes if name == "alt"]
    assert [label[-7:] for label in labels if label.startswith("Attribution map of")] == ["round 1", "round 2"]


def test_the_region_is_bright_and_what_stays_is_dark() -> None:
    region = torch.zeros(2, 2, dtype=torch.bool)
    region[0, 1] = True
    picture = redrawn(region, torch.full((8, 8, 3), 0.8), 8).convert("L")
    assert [picture.getpixel(place) for place in ((1, 1), (6, 1), (1, 6), (6, 6))] == [51, 204, 51, 51]


def test_an_abstention_is_shown_as_one() -> None:
    page = Page(report_page([state(silent())], "demo"))
    assert "The critic abstained" in page.text
    assert "The answer was no JSON." in page.text
    assert "I cannot say." in page.text
    assert "not judged" in page.text
    assert "svg" not in page.tags


def test_a_failed_write_leaves_the_earlier_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = write_report([state(judged(WRONG))], tmp_path, "report")
    earlier = [file.read_bytes() for file in (files.html, files.picture, files.history)]

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_report([state(judged(RIGHT))], tmp_path, "report")
    assert [file.read_bytes() for file in (files.html, files.picture, files.history)] == earlier
    assert sorted(os.listdir(tmp_path)) == ["report.html", "report.json", "report.png"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a\\b", "/a"])
def test_a_name_with_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        write_report([state(judged(RIGHT))], tmp_path, name)


def test_nothing_to_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="empty"):
        write_report([], tmp_path, "report")
    with pytest.raises(ValueError, match="no accepted round"):
        write_report([LoopState(PROMPT, ())], tmp_path, "report")


def test_history_is_strict_json() -> None:
    odd = LoopState(PROMPT, tuple(claims_from_prompt(PROMPT)), [attempt(0, judged(WRONG), predicted=math.nan)])
    history = json.loads(history_json([odd]), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert history[0]["prompt"] == PROMPT
    assert history[0]["rounds"][0]["predicted"] is None


def test_the_chart_can_draw_every_aspect() -> None:
    rewards = {aspect: 0.5 for aspect in ASPECTS}
    source = rewards_chart([attempt(index, Critique((), rewards=rewards)) for index in range(2)])
    assert source.count("<polyline") == len(ASPECTS)
    for aspect in ASPECTS:
        assert f".chart .{aspect}{{" in CSS and CSS.count(f"--{aspect}:#") == 2
    heights = [float(y) for y in re.findall(r'y="([\d.]+)">(?:' + "|".join(ASPECTS) + ")<", source)]
    assert len(heights) == len(ASPECTS)
    assert min(below - above for above, below in zip(sorted(heights), sorted(heights)[1:])) >= 13.9
    assert 0 < min(heights) and max(heights) < 150


def test_the_chart_breaks_its_lines_at_an_abstention() -> None:
    rounds = [
        attempt(index, critique)
        for index, critique in enumerate([judged(WRONG), judged(WRONG), silent(), judged(RIGHT)])
    ]
    chart = rewards_chart(rounds)
    assert chart.count("<polyline") == 2 * 2
    assert 'aria-label="Rewards by round. count: 1.00, 1.00, 1.00. color: 0.50, 0.50, 1.00."' in chart


def test_objects_are_right_wrong_or_unasked() -> None:
    stranger = Detection(70, 5, 15, 15, "triangle", "red")
    critique = judged([*WRONG, stranger])
    assert [object_state(seen, critique) for seen in critique.detections] == ["right", "wrong", "unasked"]


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
    x: float, y: float, wide: float, high: float, height: int, width: int
) -> None:
    critique = judged([Detection(x, y, wide, high, "circle", "green", 0.5)])
    mask = wrong_mask(critique, height, width)
    assert mask.shape == (height, width)
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert annotate(torch.rand(height, width, 3), critique, 2).size == (2 * width, 2 * height)


def test_small_pictures_are_enlarged_until_labels_can_be_read() -> None:
    assert annotate(torch.rand(SIDE, SIDE, 3), judged(WRONG)).size == (384, 384)
    assert annotate(torch.rand(512, 768, 3), judged(WRONG)).size == (768, 512)


def written(*found: Detection) -> int:
    """How many pixels of an annotated picture are as bright as the words of labels."""
    return int((np.asarray(annotate(torch.full((256, 256, 3), 0.5), Critique((), found), 1)) > 140).all(axis=-1).sum())


def test_labels_of_neighbours_do_not_lie_on_each_other() -> None:
    left, right = Detection(40, 100, 50, 50, "circle", "red", 0.71), Detection(92, 100, 50, 50, "circle", "red", 0.71)
    assert written(left, right) == written(left) + written(right) > 0
    # At the picture's edges, too, where there is no room above or below.
    high = Detection(40, 0, 50, 255, "circle", "red", 0.71), Detection(92, 0, 50, 255, "circle", "red", 0.71)
    assert written(*high) == written(high[0]) + written(high[1])


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


def test_an_image_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        annotate(torch.rand(1, SIDE, SIDE, 3), judged(RIGHT))


def test_a_round_in_other_words_shows_what_was_changed() -> None:
    claims = judged(WRONG)
    worded = LoopState(
        PROMPT,
        tuple(verdict.claim for verdict in claims.verdicts),
        [attempt(0, claims), attempt(1, judged(RIGHT), prompt="a bright <red> circle and a blue square")],
    )
    table = rounds_table(worded)
    assert "<ins>bright &lt;red&gt;</ins>" in table and "<del>red</del>" in table and table.count("<del>") == 1
