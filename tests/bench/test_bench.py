"""The bench's statistics and names; the run itself is in test_bench_run."""

from __future__ import annotations

import pytest
import torch

from xlard.bench.statistics import fix_and_break, interval, shares
from xlard.bench.worlds.caps import at_caps
from xlard.bench.worlds.confidence import later_rounds
from xlard.bench.worlds.confidence import table as confidences
from xlard.bench.worlds.methods import method
from xlard.bench.worlds.results import diversity
from xlard.bench.worlds.run import Variants
from xlard.bench.worlds.tables import curves, differences, table, tasks
from xlard.bench.worlds.tasks import read_task
from xlard.critique import critique_of
from xlard.loop.state import LoopState, Round
from xlard.prompts import claims_from_prompt
from xlard.worlds.registry import load_world
from xlard.worlds.shapes.render import render
from xlard.worlds.shapes.scenes import Thing
from xlard.worlds.shapes.vocabulary import COLORS


def test_the_interval_holds_the_mean_and_draws_whole_prompts() -> None:
    mean, low, high = interval([1, 1, 0, 0] * 20, [row // 2 for row in range(80)])
    assert low < mean == 0.5 < high
    _, narrow_low, narrow_high = interval([1, 0] * 40, [row // 2 for row in range(80)])
    assert narrow_low == narrow_high == 0.5


def test_fix_and_break_rates_are_of_the_pictures_that_could() -> None:
    assert fix_and_break([False, False, True, True, True], [True, False, True, False, True]) == (
        0.5,
        pytest.approx(1 / 3),
    )
    assert fix_and_break([True], [True]) == (None, 0.0)


@pytest.mark.parametrize(
    "name",
    [
        "base",
        "corrector",
        "random",
        "shuffled",
        "gradient",
        "renoise",
        "best_of_8",
        "retry_2",
        "loop_4",
        "corrected_best_of_2",
        "corrected_retry_8",
        "early_best_of_8",
        "early_retry_4",
        "guided_loop_8",
        "corrector_at_100",
        "corrector_finished",
        "noise_gradient",
        "search_noise_4",
        "early_resample_4",
        "corrector:other",
    ],
)
def test_methods_are_known_by_name(name: str) -> None:
    assert callable(method(name))


def test_a_budget_stands_in_for_n() -> None:
    assert callable(method("loop", budget=4))


@pytest.mark.parametrize("name", ["magic", "loop", "best_of_", "retry_0", "corrector_at_0", ""])
def test_other_names_are_refused_with_the_list(name: str) -> None:
    with pytest.raises(ValueError, match="best_of_N"):
        method(name)


def test_the_last_method_is_compared_with_each_other_on_the_same_pictures_at_caps_of_both() -> None:
    caps = {"1": {"right": [True, False] * 20}, "2": {"right": [True] * 40}}
    summaries = {
        "base": {"right": [True, False] * 20, "caps": {"1": caps["1"]}},
        "loop_2": {"right": [True] * 40, "caps": caps},
    }
    lines = differences(summaries, [index // 2 for index in range(40)]).splitlines()[2:]
    assert lines == [
        "| loop_2 - base | in the end | +0.500 [+0.500, +0.500] |",
        "| loop_2 - base | 1x | +0.000 [+0.000, +0.000] |",
    ]


def test_shares_are_given_by_task_too() -> None:
    figures = shares([True, False, True], [0, 0, 1], ["colors", "colors", "compose"], [False, True, True])
    assert figures["accuracy"][0] == pytest.approx(2 / 3) and (figures["fix_rate"], figures["break_rate"]) == (1.0, 0.5)
    assert figures["tasks"]["colors"] == (0.5, 0.5, 0.5) and figures["tasks"]["compose"][0] == 1


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("the circle is purple", "colors"),
        ("of squares there are three", "counting"),
        ("a circle, and a red square", "compose"),
        ("below a circle there is a square", "position"),
    ],
)
def test_tasks_are_read_from_prompts_with_other_wording(text, task) -> None:
    assert read_task(text) == task


def test_tasks_that_are_read_are_those_of_the_world() -> None:
    assert [prompt for prompt in load_world().prompts.all[::11] if read_task(prompt.text) != prompt.task] == []


def round_of(color: str, nfe: int, accepted: bool) -> Round:
    image = render([[Thing("circle", color, 0.5, 0.5, 0.14, COLORS[color])]], 0)[0].permute(1, 2, 0)
    return Round("sample", 1.0, 0, nfe, 0.5, 1, critique_of([]), torch.zeros(4, 12, 12), image, accepted)


def test_figures_at_a_cap_count_what_fits_into_it() -> None:
    rounds = [round_of("blue", 20, True), round_of("green", 20, False), round_of("red", 10, True)]
    state = LoopState("a red circle", tuple(claims_from_prompt("a red circle")), rounds)
    caps = at_caps([state], load_world().checker, [0], 20, [False])
    assert {cap: (at["accuracy"][0], at["nfe"], at["seconds"], at["fix_rate"]) for cap, at in caps.items()} == {
        "1": (0, 20, 0.5, 0),
        "2": (0, 40, 1.0, 0),
        "4": (1, 50, 1.5, 1),
    }
    row = {"caps": caps, **caps["4"], "critic_calls": 3, "critic_passed": 1.0, "change": 0.0, "diversity": None}
    summaries = {"loop_4:exact_judge": row}
    assert "| loop_4:exact_judge | 4x | 1.000 [1.000, 1.000] | 1.000 |  | 50.0 | 1.50 |" in curves(summaries)
    assert "| loop_4:exact_judge | 2x | 0.000 [0.000, 0.000] |" in tasks(summaries)
    assert "exact checker is in the critic's place" in table(summaries) and "checker" not in table({"loop_4": row})


def test_a_variant_without_a_file_is_refused() -> None:
    variants = Variants({"b": None}, {}, {})
    variants.check(["base", "corrector:b"])
    with pytest.raises(ValueError, match="corrector:c"):
        variants.check(["corrector:c"])


def test_diversity_is_the_distance_between_pictures_of_a_prompt() -> None:
    black, white = torch.zeros(4, 4, 3), torch.ones(4, 4, 3)
    assert diversity([[black, white], [black, black]]) == 0.5
    assert diversity([[black]]) is None


def test_rounds_are_counted_by_how_sure_the_critic_was_of_the_best_picture_before() -> None:
    def round_row(strategy: str, confidence: float, accepted: bool, passed: bool = False) -> dict:
        return {"strategy": strategy, "confidence": confidence, "accepted": accepted, "passed": passed}

    rounds = [
        round_row("sample", 0.5, True),
        round_row("rearrange", 0.9, False),
        round_row("correct", 0.7, True),
        round_row("rearrange", 0.8, True, True),
    ]
    assert later_rounds(rounds) == [("rearrange", 0.5, False), ("correct", 0.5, False), ("rearrange", 0.7, True)]
    shown = confidences([{"method": "loop_2", "rounds": rounds}, {"method": "base", "rounds": rounds[:1]}], "loop_2")
    assert "| rearrange | 0.50 to 0.50 | 1 | 0.000 |" in shown and "| rearrange | 0.70 to 0.70 | 1 | 1.000 |" in shown
    with pytest.raises(ValueError, match="no later rounds of base"):
        confidences([{"method": "base", "rounds": rounds[:1]}], "base")
