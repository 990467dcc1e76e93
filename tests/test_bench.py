"""The bench's statistics and names; the run itself is in test_bench_run."""

from __future__ import annotations

import pytest
import torch

from xlard.bench.methods import method
from xlard.bench.run import check_variants, differences, diversity
from xlard.bench.statistics import fix_and_break, interval


def test_the_interval_holds_the_mean_and_draws_whole_prompts() -> None:
    mean, low, high = interval([1, 1, 0, 0] * 20, [row // 2 for row in range(80)])
    assert low < mean == 0.5 < high
    _, narrow_low, narrow_high = interval([1, 0] * 40, [row // 2 for row in range(80)])
    assert narrow_low == narrow_high == 0.5


def test_fix_and_break_rates_are_of_the_pictures_that_could() -> None:
    assert fix_and_break([False, False, True, True, True], [True, False, True, False, True]) == (0.5, pytest.approx(1 / 3))
    assert fix_and_break([True], [True]) == (None, 0.0)


@pytest.mark.parametrize("name", ["base", "corrector", "random", "shuffled", "gradient", "renoise", "best_of_8", "retry_2", "loop_4",
                                  "corrected_best_of_2", "corrected_retry_8", "oracle_best_of_8", "corrector:other"])
def test_methods_are_known_by_name(name: str) -> None:
    assert callable(method(name))


def test_a_budget_stands_in_for_n() -> None:
    assert callable(method("loop", budget=4))


@pytest.mark.parametrize("name", ["magic", "loop", "best_of_", "retry_0", ""])
def test_other_names_are_refused_with_the_list(name: str) -> None:
    with pytest.raises(ValueError, match="best_of_N"):
        method(name)


def test_the_last_method_is_compared_with_each_other_on_the_same_pictures() -> None:
    summaries = {"base": {"right": [True, False] * 20}, "same": {"right": [True] * 40}, "loop_2": {"right": [True] * 40}}
    lines = differences(summaries, [index // 2 for index in range(40)]).splitlines()
    assert lines == ["loop_2 - base: +0.500 [+0.500, +0.500]", "loop_2 - same: +0.000 [+0.000, +0.000]"]


def test_a_variant_without_a_file_is_refused() -> None:
    check_variants(["base", "corrector:b"], {"corrector": {"b": None}, "head": {}})
    with pytest.raises(ValueError, match="corrector:c"):
        check_variants(["corrector:c"], {"corrector": {"b": None}, "head": {}})


def test_diversity_is_the_distance_between_pictures_of_a_prompt() -> None:
    black, white = torch.zeros(4, 4, 3), torch.ones(4, 4, 3)
    assert diversity([[black, white], [black, black]]) == 0.5
    assert diversity([[black]]) is None
