"""The bench of region edits: its figures, and a small run on the default world."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from PIL import Image

from tests.support.paths import CHECKOUT
from xlard.bench.worlds.regions import NearMiss, change_outside, changed_outside, figures_of, table, with_surplus
from xlard.loop.state import LoopState, Round
from xlard.prompts import claims_from_prompt
from xlard.worlds.registry import load_world
from xlard.worlds.shapes.checker import check
from xlard.worlds.shapes.render import render
from xlard.worlds.shapes.scenes import Thing
from xlard.worlds.shapes.vocabulary import COLORS

pytestmark = pytest.mark.model

PROMPT = "a red circle left of a blue square"
CLAIMS = tuple(claims_from_prompt(PROMPT))
POSITION = 4

WRONG = (("circle", "red", 0.8, 0.5), ("square", "blue", 0.2, 0.5))
RIGHT = (("circle", "red", 0.2, 0.5), ("square", "blue", 0.8, 0.5))
LOST = (("circle", "red", 0.2, 0.5), ("square", "green", 0.8, 0.5))
OPEN = torch.zeros(12, 12, dtype=torch.bool)
OPEN[:, :6] = True


def drawn(scene, region: torch.Tensor | None = None, latent: torch.Tensor | None = None) -> Round:
    """A round with the picture of a scene, judged exactly."""
    picture = render([[Thing(shape, color, x, y, 0.14, COLORS[color]) for shape, color, x, y in scene]], 0)[0]
    latent = torch.zeros(4, 12, 12) if latent is None else latent
    return Round(
        "region", 1.0, 0, 20, 0.1, 1, check(picture, CLAIMS), latent, picture.permute(1, 2, 0), True, region=region
    )


def near_miss() -> NearMiss:
    return NearMiss(LoopState(PROMPT, CLAIMS, [drawn(WRONG)]), POSITION, 0)


def test_figures_tell_the_claim_that_failed_from_those_that_held() -> None:
    assert CLAIMS[POSITION].type == "position"
    rounds = [drawn(RIGHT, OPEN), drawn(LOST, OPEN), drawn(WRONG, OPEN), None]
    figures = figures_of(load_world().checker, [near_miss()] * 4, rounds)
    assert figures["all"] == figures["position"] and set(figures) == {"all", "position"}
    row = figures["all"]
    # Without its square the relation does not hold either.
    assert (row["pictures"], row["planned"], row["claim, checker"][0]) == (4, 3, pytest.approx(1 / 3))
    assert row["all, critic"] == row["all, checker"] and row["held"] == 0 and row["outside"] == 0
    assert (row["open"], row["nfe"]) == (0.5, 20)
    assert "| region | position | 4 | 3 | 0.333" in table({"region": figures})


def test_a_claim_may_be_fixed_while_another_is_lost() -> None:
    swapped = (*RIGHT, ("circle", "green", 0.5, 0.2))
    row = figures_of(load_world().checker, [near_miss()], [drawn(swapped, OPEN)])["all"]
    assert row["claim, checker"][0] == 1 and row["all, checker"][0] == 0


def test_a_surplus_is_an_object_that_has_to_go_where_nothing_else_is_wrong() -> None:
    too_many = NearMiss(LoopState("a red circle", claims_from_prompt("one red circle"), []), 0, 0)
    picture = drawn((("circle", "red", 0.2, 0.5), ("circle", "red", 0.8, 0.5)))
    judged = check(picture.image.permute(2, 0, 1), too_many.state.claims)
    too_many.state.rounds.append(replace(picture, critique=judged))
    assert with_surplus([too_many, near_miss()]) == [too_many]


def test_values_that_changed_outside_are_counted() -> None:
    latent = torch.where(OPEN, 1.0, torch.zeros(4, 12, 12))
    assert changed_outside(drawn(WRONG), drawn(RIGHT, OPEN, latent)) == 0
    latent[:, 0, 11] = 1e-7
    assert changed_outside(drawn(WRONG), drawn(RIGHT, OPEN, latent)) == 4
    assert changed_outside(drawn(WRONG), drawn(RIGHT, None, latent)) == 0


def test_the_change_of_pixels_outside_is_their_mean() -> None:
    before, after = drawn(WRONG), drawn(WRONG, OPEN)
    after.image[:, :48] += 0.5
    assert change_outside(before, after) == 0
    after.image[:48, 48:] += 0.25
    assert change_outside(before, after) == pytest.approx(0.125)
    assert change_outside(before, drawn(RIGHT)) == 0


def test_a_run_leaves_the_rest_as_it_is(tmp_path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "xlard.bench",
            "regions",
            "--split",
            "validation",
            "--number",
            "16",
            "--seeds",
            "0",
            "--strategies",
            "region,rearrange,region:full_prompt",
            "--out",
            str(tmp_path),
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    written = json.loads((tmp_path / "regions.json").read_text())
    row = written["strategies"]["region"]["all"]
    assert row["planned"] == row["pictures"] > 0 and row["outside"] == 0 and row["nfe"] == 18 and 0 < row["open"] < 1
    assert written["strategies"]["rearrange"]["all"]["nfe"] == 10
    full = written["strategies"]["region:full_prompt"]["all"]
    assert (full["planned"], full["open"], full["outside"]) == (row["planned"], row["open"], 0)
    assert "| region | all |" in done.stdout
    shown = sorted((tmp_path / "region").glob("*.png"))
    assert len(shown) == row["planned"] and Image.open(shown[0]).size == (2 * 96, 96)
