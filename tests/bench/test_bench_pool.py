"""Runs of the bench put together, and methods that reuse the draws of best_of_N."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from tests.support.paths import CHECKOUT
from xlard.bench.__main__ import main
from xlard.bench.worlds.pool import pooled
from xlard.bench.worlds.reused_draws import can_reuse, most_draws

pytestmark = pytest.mark.model

PROMPTS = ("a red circle left of a blue square", "two blue squares and a green triangle", "three squares")


def bench(out: Path, seeds: str, methods: str, *more: str) -> Path:
    prompts = out.parent / "prompts.txt"
    prompts.write_text("\n".join(PROMPTS))
    main(["--prompts", str(prompts), "--seeds", seeds, "--steps", "8", "--methods", methods, "--out", str(out), *more])
    return out


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pool")
    return {
        "whole": bench(folder / "whole", "0,1", "base,best_of_3,retry_3,best_of_3:exact_judge"),
        "first": bench(folder / "first", "0", "base,best_of_3"),
        "second": bench(folder / "second", "1", "base,best_of_3"),
        "drawn": bench(folder / "drawn", "0,1", "base,retry_3,retry_3:exact_judge"),
    }


def summary(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text())["methods"]


def test_runs_of_single_seeds_are_together_what_one_run_of_both_is(runs) -> None:
    summaries, seeds, prompts = pooled([runs["second"], runs["first"]])
    whole = summary(runs["whole"])
    assert (seeds, tuple(prompts)) == ([0, 1], PROMPTS)
    for name, row in summaries.items():
        of_prompt = [right for index in range(len(PROMPTS)) for right in row["right"][index :: len(PROMPTS)]]
        assert of_prompt == whole[name]["right"]
        assert row["accuracy"][0] == whole[name]["accuracy"][0] and row["fix_rate"] == whole[name]["fix_rate"]
        assert row["nfe"] == whole[name]["nfe"] and row["caps"].keys() == whole[name]["caps"].keys()


def test_runs_of_other_methods_join(runs) -> None:
    (runs["drawn"].parent / "other").mkdir()
    held = json.loads((runs["drawn"] / "summary.json").read_text())
    del held["methods"]["base"]
    (runs["drawn"].parent / "other" / "summary.json").write_text(json.dumps(held))
    summaries, _, _ = pooled([runs["first"], runs["second"], runs["drawn"].parent / "other"])
    assert list(summaries) == ["base", "best_of_3", "retry_3", "retry_3:exact_judge"]
    before = [right for name in ("first", "second") for right in summary(runs[name])["base"]["right"]]
    assert summaries["base"]["right"] == before and (summaries["retry_3"]["fix_rate"] is None) == all(before)


def test_a_method_that_some_seeds_lack_is_refused(runs) -> None:
    with pytest.raises(
        ValueError, match=r"retry_3 was run with the seeds \[0, 1\] and not once with each|base was run with"
    ):
        pooled([runs["first"], runs["drawn"]])


@pytest.mark.parametrize(("what", "value"), [("world", "things"), ("steps", 3), ("further looks", 1)])
def test_runs_that_are_not_alike_are_refused(runs, tmp_path, what, value) -> None:
    other = json.loads((runs["second"] / "summary.json").read_text()) | {what: value}
    (tmp_path / "summary.json").write_text(json.dumps(other))
    with pytest.raises(ValueError, match=f"differ in {what}, and cannot be pooled"):
        pooled([runs["first"], tmp_path])


def test_the_command_prints_one_table(runs) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "xlard.bench",
            "pool",
            str(runs["first"]),
            str(runs["second"]),
            "--methods",
            "best_of_3,base",
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "3 prompts, seeds 0, 1" in done.stdout and "| base - best_of_3 | in the end |" in done.stdout, done.stderr


def test_reused_draws_are_what_would_have_been_drawn(runs) -> None:
    read, drawn = summary(runs["whole"])["retry_3"], summary(runs["drawn"])["retry_3"]
    assert (
        read["right"] == drawn["right"]
        and read["nfe"] == drawn["nfe"]
        and read["critic_calls"] == drawn["critic_calls"]
    )
    for index in range(len(PROMPTS)):
        pair = [Image.open(runs[run] / "retry_3" / f"{index}_1.png") for run in ("whole", "drawn")]
        assert max(high for _, high in ImageChops.difference(*pair).getextrema()) <= 1


def test_the_exact_judge_picks_a_right_picture_if_there_is_any(runs) -> None:
    """As it would with ``retry``, which stops at the first."""
    methods = summary(runs["whole"])
    assert methods["best_of_3:exact_judge"]["right"] == summary(runs["drawn"])["retry_3:exact_judge"]["right"]
    assert methods["best_of_3:exact_judge"]["critic_passed"] == methods["best_of_3:exact_judge"]["accuracy"][0]
    assert methods["best_of_3:exact_judge"]["accuracy"][0] >= methods["best_of_3"]["accuracy"][0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("base", True),
        ("retry_8", True),
        ("best_of_2", True),
        ("best_of_8:exact_judge", True),
        ("retry_9", False),
        ("best_of_4:other", False),
        ("corrected_best_of_4", False),
        ("loop_4", False),
        ("early_retry_4", False),
    ],
)
def test_only_plain_draws_are_reused(name, expected) -> None:
    assert can_reuse(name, "best_of_8") == expected and not can_reuse(name, None)


def test_the_most_draws_serve_the_others() -> None:
    assert (
        most_draws(["base", "best_of_4", "best_of_16", "best_of_32:exact_judge", "corrected_best_of_64"])
        == "best_of_16"
    )
    assert most_draws(["base", "loop_8"]) is None
