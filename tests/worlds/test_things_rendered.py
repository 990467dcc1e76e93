"""Renders as training records: what is known of them, the repairs beside those that are wrong, and that they go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.things_icons import discs
from xlard.models.head import RewardHead
from xlard.training.dataset import Dataset
from xlard.training.records import FINAL, X0
from xlard.worlds.things.training import rendered
from xlard.worlds.things.world import ThingsWorld
from xlard.worlds.training import head

pytestmark = pytest.mark.model

NUMBER = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    """A folder of trainings with renders of two splits; those of one were made in two goes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendered, "load_icons", lambda _: discs())
        patch.setattr(rendered, "GROUP", NUMBER // 2)
        path: Path = tmp_path_factory.mktemp("things")
        corrector, validation = (path / "records" / split / "0" for split in ("corrector", "validation"))
        rendered.collect_renders(ThingsWorld(), validation, "validation", NUMBER, 3)
        rendered.collect_renders(ThingsWorld(), corrector, "corrector", NUMBER // 2, 3)
        assert len(Dataset.load(corrector).pictures()) == NUMBER // 2
        rendered.collect_renders(ThingsWorld(), corrector, "corrector", NUMBER, 3)
        return path


@pytest.fixture
def dataset(folder: Path) -> Dataset:
    return Dataset.load(folder / "records" / "corrector" / "0")


def test_each_has_its_latent_and_predictions_of_it(dataset: Dataset) -> None:
    records = dataset.records()
    assert len(dataset.pictures()) == NUMBER == len({(picture.prompt, picture.seed) for picture in dataset.pictures()})
    finals = records.where(records.kinds == FINAL)
    assert len(finals) == NUMBER and torch.equal(finals.latents, finals.targets)
    views = records.where(records.kinds == X0)
    assert len(views) == NUMBER * rendered.VIEWS
    assert {round(level, 2) for level in views.noise_level.tolist()} <= set(rendered.LEVELS)
    # A prediction is of its picture, though not the same.
    distance = (views.latents - views.targets).square().mean()
    shuffled = (views.latents - views.targets.roll(rendered.VIEWS, 0)).square().mean()
    assert 0 < distance < 0.8 * shuffled


def test_only_wrong_ones_have_a_repair_which_differs_in_places(dataset: Dataset) -> None:
    records = dataset.records()
    finals = records.where(records.kinds == FINAL)
    wrong = ~finals.passed.bool()
    assert 4 < wrong.sum() < NUMBER and not finals.repaired[~wrong].any()
    assert finals.repaired[wrong].float().mean() > 0.6
    repaired = finals.where(finals.repaired)
    changed = (repaired.repairs[repaired.repair_index] - repaired.targets).abs().amax(dim=1) > 0.2
    shares = changed.flatten(1).float().mean(dim=1)
    # Ground and light are those of the wrong picture.
    assert shares.min() > 0 and shares.median() < 0.4


def test_a_head_learns_from_them_and_goes_on_where_it_stopped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def trained(steps: int) -> dict[str, Any]:
        return head.train(ThingsWorld(), folder, steps, batch=8, seed=0, width=16, layers=1, name="tiny")

    assert trained(2)["pictures"] == NUMBER
    figures = trained(3)
    assert figures["steps"] == 3 and "continuing from step 2" in capsys.readouterr().out
    assert RewardHead.load(folder / "tiny.safetensors").config.width == 16
