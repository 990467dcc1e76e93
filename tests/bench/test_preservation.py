"""What the bench says that pictures kept of the first ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from xlard.bench.worlds.preservation import compared, kept_by_method, table
from xlard.bench.worlds.results import world_of_run
from xlard.prompts import claims_from_prompt
from xlard.report.drawing import to_picture
from xlard.worlds.shapes.checker import ShapesChecker

PROMPT = "a red circle and a blue square"
GRAY = torch.full((96, 96, 3), 0.6)
RED, BLUE = torch.tensor([215.0, 45, 45]) / 255, torch.tensor([45.0, 85, 215]) / 255


def drawn(circle: tuple[int, int] | None = (25, 25), square: tuple[int, int] | None = (70, 70)) -> Tensor:
    """A red circle and a blue square with these middles (x, y)."""
    image = GRAY.clone()
    rows, columns = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    if circle:
        image[(columns - circle[0]) ** 2 + (rows - circle[1]) ** 2 <= 14**2] = RED
    if square:
        image[(columns - square[0]).abs().maximum((rows - square[1]).abs()) <= 12] = BLUE
    return image


def kept(before: Tensor, after: Tensor, prompt: str = PROMPT):
    return compared(0, before, after, claims_from_prompt(prompt), ShapesChecker())


@pytest.mark.parametrize(
    "after, number",
    [
        (drawn(), 2),
        # A little, and too far.
        (drawn(circle=(28, 26)), 2),
        (drawn(circle=(60, 25)), 1),
        (drawn(square=None), 1),
        (GRAY, 0),
    ],
)
def test_right_objects_are_kept_where_they_were(after, number):
    outcome = kept(drawn(), after)
    assert (outcome.right, outcome.kept) == (2, number) and outcome.changed == (not torch.equal(after, drawn()))


def test_what_was_wrong_may_change_and_does_not_count():
    outcome = kept(drawn(), drawn(square=None), "a red circle")
    # The square was not asked for.
    assert (outcome.right, outcome.kept) == (1, 1) and outcome.outside > 0.001
    outcome = kept(drawn(), drawn(square=None), "a red circle and a red square")
    assert (outcome.right, outcome.kept) == (1, 1) and outcome.outside == pytest.approx(0, abs=1e-6)


def test_a_run_is_compared_with_its_first_method(tmp_path: Path):
    rows = []
    for method, picture in (("base", drawn()), ("loop", drawn(square=None)), ("same", drawn())):
        (tmp_path / method).mkdir()
        to_picture(picture).save(tmp_path / method / "0_3.png")
        rows.append({"method": method, "prompt_index": 0, "prompt": PROMPT, "seed": 3, "picture": f"{method}/0_3.png"})
    (tmp_path / "results.json").write_text(json.dumps(rows))
    lines = table(kept_by_method(tmp_path, ShapesChecker())).splitlines()
    assert len(lines) == 4 and lines[2].startswith("| loop | 0.50") and "| 1.00 |" in lines[2]
    assert lines[3].startswith("| same | 1.00") and "| 0.00 | 0.0000 |" in lines[3]


@pytest.mark.parametrize(("said", "world"), [({"world": "things"}, "things"), ({}, "shapes")])
def test_the_world_of_a_run_is_the_one_that_it_was_made_with(said, world, tmp_path) -> None:
    (tmp_path / "summary.json").write_text(json.dumps({"prompts": [], **said}))
    assert world_of_run(tmp_path).name == world
