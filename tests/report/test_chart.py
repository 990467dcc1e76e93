"""The report's drawings of rewards: the chart by round, and the curve of a round's readings."""

from __future__ import annotations

import json
import re

from tests.support.report_states import RIGHT, WRONG, attempt, judged, judged_state, silent, state_of
from xlard.aspects import REPORTED
from xlard.critique import Critique
from xlard.report.aspect_styles import STYLE_OF
from xlard.report.chart import rewards_chart
from xlard.report.page import report_page
from xlard.report.rounds import rounds_table
from xlard.report.write import history_json


def test_the_chart_can_draw_every_aspect() -> None:
    rewards = {aspect: 0.5 for aspect in REPORTED}
    rounds = [attempt(number, Critique((), rewards=rewards)) for number in range(2)]
    chart = rewards_chart(rounds)
    assert chart.count("<polyline") == len(REPORTED)
    page = report_page([state_of(*rounds)], "demo")
    for aspect in REPORTED:
        assert f".chart .{aspect} {{" in page and page.count(f"--{aspect}: #") == 2
    heights = [float(y) for y in re.findall(r'y="([\d.]+)">(?:' + "|".join(REPORTED) + ")<", chart)]
    assert len(heights) == len(REPORTED)
    assert min(below - above for above, below in zip(sorted(heights), sorted(heights)[1:])) >= 13.9
    assert 0 < min(heights) and max(heights) < 150


def test_no_two_aspects_look_alike() -> None:
    for field in ("light", "dark", "dash", "corners"):
        assert len({getattr(style, field) for style in STYLE_OF.values()}) == len(STYLE_OF)


def test_the_chart_breaks_its_lines_at_an_abstention() -> None:
    critiques = [judged(WRONG), judged(WRONG), silent(), judged(RIGHT)]
    chart = rewards_chart([attempt(number, critique) for number, critique in enumerate(critiques)])
    assert chart.count("<polyline") == 2 * 2
    assert 'aria-label="Rewards by round. count: 1.00, 1.00, 1.00. color: 0.50, 0.50, 1.00."' in chart


def test_readings_of_the_head_are_a_curve_in_the_rounds_row_and_stand_in_the_history() -> None:
    steps = ((0.75, 0.25), (0.5, 0.75), (0.25, 0.625))
    state = state_of(attempt(0, judged(WRONG)), attempt(1, judged(RIGHT), steps=steps))
    table = rounds_table(state)
    assert "Head by step" in table and table.count('class="curve"') == 1
    assert 'aria-label="Reward by noise level: 0.25 at 0.75, 0.75 at 0.50, 0.62 at 0.25."' in table
    assert "<small>+0.50 at 0.50</small>" in table
    assert "Head by step" not in rounds_table(judged_state(judged(WRONG)))
    first, second = json.loads(history_json([state]))[0]["rounds"]
    assert first["steps"] == [] and [step["gain"] for step in second["steps"]] == [None, 0.5, -0.125]
    assert second["steps"][0] == {"sigma": 0.75, "reward": 0.25, "gain": None}


def test_the_curve_of_a_single_reading_is_a_point_without_a_gain() -> None:
    table = rounds_table(state_of(attempt(0, judged(WRONG), steps=((0.5, 0.5),))))
    assert '<circle cx="48.0" cy="16.0" r="2"/></svg></td>' in table
