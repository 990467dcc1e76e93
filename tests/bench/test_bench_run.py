"""The bench end to end on the default world, small."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from PIL import Image

from tests.support.detector_world import with_detector
from tests.support.paths import CHECKOUT
from xlard.bench.errors import BenchError
from xlard.bench.worlds.aspects import held_aspects, table
from xlard.bench.worlds.prompts import geneval_prompts, readable_prompts
from xlard.bench.worlds.run import Variants
from xlard.worlds.registry import load_world

pytestmark = pytest.mark.model

MOVED = (
    "corrector_always",
    "corrector_at_100",
    "corrector_at_40",
    "corrector_and_noise",
    "corrector_finished",
    "random",
    "shuffled",
    "gradient",
)
METHODS = (
    "base",
    "corrector",
    *MOVED,
    "noise_gradient",
    "search_noise_2",
    "renoise",
    "best_of_2",
    "retry_2",
    "loop_2",
    "loop_2:exact_judge",
)


def bench(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "xlard.bench", *arguments], cwd=CHECKOUT, capture_output=True, text=True, timeout=500
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    (folder / "prompts.txt").write_text("a red circle\ntwo blue squares and a green triangle\n")
    done = bench(
        "--prompts",
        str(folder / "prompts.txt"),
        "--seeds",
        "0,1",
        "--steps",
        "8",
        "--methods",
        ",".join(METHODS),
        "--out",
        str(folder / "out"),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "out", json.loads((folder / "out" / "results.json").read_text()), done.stdout


def test_every_method_writes_every_picture(results) -> None:
    folder, rows, _ = results
    assert len(rows) == len(METHODS) * 2 * 2
    for row in rows:
        assert set(row) == {
            "method",
            "prompt_index",
            "prompt",
            "seed",
            "picture",
            "right",
            "nfe",
            "seconds",
            "critic_calls",
            "score",
            "claims",
            "steps",
            "rounds",
        }
        assert row["picture"] == f"{row['method'].replace(':', '_')}/{row['prompt_index']}_{row['seed']}.png"
        assert Image.open(folder / row["picture"]).size == (96, 96)
        assert all(set(claim) == {"type", "text", "score", "passed"} for claim in row["claims"])


def test_each_row_says_what_the_checker_finds(results) -> None:
    folder, rows, _ = results
    methods = json.loads((folder / "summary.json").read_text())["methods"]
    for method in METHODS:
        assert [row["right"] for row in rows if row["method"] == method] == methods[method]["right"]


def test_costs_are_what_the_methods_promise(results) -> None:
    _, rows, _ = results
    nfe = {
        method: [row["nfe"] for row in rows if row["method"] == method] for method in {row["method"] for row in rows}
    }
    assert set(nfe["base"]) == {8} and set(nfe["best_of_2"]) == {16}
    assert set(nfe["corrector_at_100"]) == set(nfe["corrector_at_40"]) == {9}
    assert set(nfe["corrector_and_noise"]) == {10} and set(nfe["corrector_finished"]) == {8}
    assert set(nfe["noise_gradient"]) == {8 + 6} and set(nfe["search_noise_2"]) == {8 + 2 * 3 + 1}
    assert set(nfe["retry_2"]) <= {8, 16} and max(nfe["loop_2"]) <= 16


def test_what_moves_predictions_says_how_far(results) -> None:
    folder, _, _ = results
    methods = json.loads((folder / "summary.json").read_text())["methods"]
    assert {name for name in METHODS if methods[name]["change"]} >= set(MOVED) and not methods["base"]["change"]


def test_a_search_never_scores_below_its_first_picture(results) -> None:
    _, rows, _ = results
    score = {
        (row["method"], row["prompt_index"], row["seed"]): sum(claim["passed"] or False for claim in row["claims"])
        for row in rows
    }
    for (method, index, seed), passed in score.items():
        if method in ("best_of_2", "retry_2", "loop_2"):
            assert passed >= score["base", index, seed]


def test_the_table_compares_all_methods(results) -> None:
    _, _, printed = results
    assert all(
        name in printed
        for name in (
            "base",
            "corrector",
            "best_of_2",
            "retry_2",
            "loop_2",
            "NFE",
            "accuracy",
            "colors",
            "| loop_2:exact_judge |",
            ":exact_judge: the exact checker",
        )
    )


def test_with_the_exact_judge_pictures_pass_where_they_are_right(results) -> None:
    folder, _, _ = results
    row = json.loads((folder / "summary.json").read_text())["methods"]["loop_2:exact_judge"]
    assert row["critic_passed"] == row["accuracy"][0]


def test_aspects_are_right_where_all_claims_about_them_hold(results) -> None:
    folder, _, _ = results
    held = held_aspects(folder, load_world().checker)
    assert set(held) == set(METHODS)
    # Count and colour of both prompts, neither of which says what stands where.
    assert set(held["base"]) == {
        (index, seed, aspect) for index in (0, 1) for seed in (0, 1) for aspect in ("count", "color")
    }
    right = {
        (index, seed)
        for index, seed, _ in held["base"]
        if all(held["base"][index, seed, aspect] for aspect in ("count", "color"))
    }
    accuracy = json.loads((folder / "summary.json").read_text())["methods"]["base"]["accuracy"][0]
    assert len(right) / 4 == accuracy
    lines = table(held).splitlines()
    assert (
        lines[2].startswith("| base | count | 4 |")
        and lines[2].endswith("|  |  |")
        and len(lines) == 2 + 2 * len(METHODS)
    )


def test_rounds_say_how_sure_the_critic_was(results) -> None:
    _, rows, _ = results
    assert all(0 < round_["confidence"] <= 1 for row in rows if ":" not in row["method"] for round_ in row["rounds"])
    assert all(len(row["rounds"]) == row["critic_calls"] for row in rows)


def test_prompts_without_any_claims_are_refused(tmp_path) -> None:
    (tmp_path / "prompts.txt").write_text("...\n")
    done = bench("--prompts", str(tmp_path / "prompts.txt"), "--out", str(tmp_path / "out"))
    assert done.returncode != 0 and "No claim could be read out of the prompt '...'" in done.stderr


def test_a_prompt_without_claims_is_named_and_skipped(capsys) -> None:
    assert readable_prompts(["a red circle", "gloomy mood", "a square"]) == ["a red circle", "a square"]
    assert "Skipped, nothing to check: the prompt 'gloomy mood'" in capsys.readouterr().out
    assert readable_prompts(["a red circle"]) == ["a red circle"] and not capsys.readouterr().out


def test_of_genevals_prompts_a_world_gets_those_that_it_can_draw(tmp_path) -> None:
    asked = {
        "three red cars": [{"class": "car", "count": 3, "color": "red"}],
        "a brown dog": [{"class": "dog", "count": 1, "color": "brown"}],
        "a dog and a couch": [{"class": "dog", "count": 1}, {"class": "couch", "count": 1}],
        "a dog and six cats": [{"class": "dog", "count": 1}, {"class": "cat", "count": 6}],
    }
    lines = [json.dumps({"prompt": text, "tag": "compose", "include": things}) for text, things in asked.items()]
    (tmp_path / "prompts.jsonl").write_text("\n".join(lines))
    assert geneval_prompts(tmp_path / "prompts.jsonl", load_world("things")) == ["three red cars"]
    with pytest.raises(BenchError, match="The world shapes draws what none of the prompts"):
        geneval_prompts(tmp_path / "prompts.jsonl", load_world("shapes"))


def test_detector_and_pair_judge_in_the_critics_place(tmp_path) -> None:
    weights = with_detector(tmp_path / "world")
    (tmp_path / "prompts.txt").write_text("a red circle\n")
    options = ["--prompts", str(tmp_path / "prompts.txt"), "--seeds", "0", "--steps", "4", "--out", str(tmp_path)]
    names = ("loop_2", "loop_2:detector", "loop_2:pair")
    done = bench(*options, "--weights", str(weights), "--methods", ",".join(names))
    assert done.returncode == 0, done.stderr[-3000:]
    own, seen, both = json.loads((tmp_path / "results.json").read_text())
    assert [row["method"] for row in (own, seen, both)] == list(names)
    # The detector sees nothing: its critique fails, and beside a critic that sees the circle it is unsure.
    assert [claim["passed"] for claim in seen["claims"]] == [False, False]
    assert [claim["passed"] for claim in both["claims"]] == [
        None if claim["passed"] else False for claim in own["claims"]
    ]


def test_a_world_without_a_detector_says_so() -> None:
    with pytest.raises(ValueError, match="No file was given for loop_2:detector.* need a world that has a detector"):
        Variants({}, {}, {}).check(["loop_2", "loop_2:detector"])


def test_an_edit_model_repairs_pictures_where_the_world_has_one(tmp_path) -> None:
    (tmp_path / "prompts.txt").write_text("three red cars\na cat left of a dog\n")
    options = ["--prompts", str(tmp_path / "prompts.txt"), "--seeds", "0,1", "--methods", "editing_loop_4,edit_4"]
    done = bench("--world", "things", "--steps", "8", *options, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    rows = json.loads((tmp_path / "results.json").read_text())
    drawn_by = {round_["strategy"] for row in rows for round_ in row["rounds"][1:]}
    assert "edit" in drawn_by
    assert all(round_["strategy"] == "edit" for row in rows[4:] for round_ in row["rounds"][1:])
    # A call of the edit model counts as one of the generator's.
    assert all(row["nfe"] <= 32 for row in rows)
    refused = bench(*options, "--out", str(tmp_path))
    assert refused.returncode != 0 and "needs an edit model, and this world has none" in refused.stderr
