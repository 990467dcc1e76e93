"""Data sets and heads that were made with other aspects than today's: fewer, in another order, or with a later one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.support.made_up_dataset import made_up
from tests.support.paths import CHECKOUT
from xlard.aspects import ASPECTS
from xlard.training.dataset import Dataset
from xlard.training.records import NO_REWARD

LAST_LINE = "    Aspect(PRESERVATION, (), learned=False),\n"
NEW_LINE = '    Aspect("legibility", ()),\n'

WITH_NEW_ASPECT = """
import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from tests.support.made_up_dataset import PROMPTS, made_up
from xlard.aspects import ASPECTS
from xlard.models.head import RewardHead
from xlard.training.dataset import Dataset
from xlard.training.records import NO_REWARD
from xlard.training.settings import CorrectorSettings, TrainingSettings
from xlard.training.summary import summarise_dataset
from xlard.training.train import measure_head, train_corrector, train_head

OLD = ASPECTS[:-1]
SMALL = TrainingSettings(steps=2, batch=8, width=32, layers=1)
folder, shipped = Path(sys.argv[1]), RewardHead.load(sys.argv[2])
assert ASPECTS[-1] == "legibility" and shipped.config.aspects == OLD

old = Dataset.load(folder / "old")
assert old.aspects == OLD and old.records().rewards.shape[1] == len(OLD)
old_head = train_head([old], SMALL, folder / "old_run", "cpu").head
assert old_head.config.aspects == OLD

new = made_up(folder / "new", seed=1)
assert json.loads((folder / "new" / "dataset.json").read_text())["aspects"] == list(ASPECTS)
new.replace(
    [
        replace(picture, rows=tuple(replace(row, rewards={**row.rewards, "legibility": 0.5}) for row in picture.rows))
        for picture in new.pictures()
    ]
)
assert (new.records().rewards[:, -1] == 0.5).all()
trained = train_head([old, new], SMALL, folder / "new_run", "cpu")
assert trained.head.config.aspects == ASPECTS and measure_head(old_head, [old, new], "cpu")["auc"]["final"]
for number, head in enumerate((old_head, trained.head)):
    settings = CorrectorSettings("path-wise", noise_level_start=0.9)
    corrector = train_corrector([old, new], settings, SMALL, folder / f"corrector_{number}", "cpu", head)
    assert corrector.figures["head_opinion_before"] > 0

made_up(folder / "old", PROMPTS[:4], seed=2)
rewards = Dataset.load(folder / "old").records().rewards
assert rewards.shape[1] == len(ASPECTS) and (rewards[:, -1] == NO_REWARD).all() and (rewards[:, 0] >= 0).all()
assert "count" in summarise_dataset(old)
"""


@pytest.mark.model
def test_older_data_sets_and_heads_work_beside_a_new_aspect(tmp_path: Path) -> None:
    made_up(tmp_path / "old")
    source = tmp_path / "source"
    for package in ("xlard", "tests/support"):
        ignored = shutil.ignore_patterns("weights", "__pycache__", "comfy*")
        shutil.copytree(CHECKOUT / package, source / package, ignore=ignored)
    table = source / "xlard" / "aspects.py"
    text = table.read_text(encoding="utf-8")
    assert text.count(LAST_LINE) == 1
    table.write_text(text.replace(LAST_LINE, LAST_LINE + NEW_LINE), encoding="utf-8")
    shipped = CHECKOUT / "xlard" / "worlds" / "shapes" / "weights" / "head.safetensors"
    command = [sys.executable, "-c", WITH_NEW_ASPECT, str(tmp_path), str(shipped)]
    result = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def rewrite_aspects(folder: Path, aspects: list[str]) -> None:
    path = folder / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "aspects": aspects}))


def test_columns_are_found_by_name_whatever_their_order(tmp_path: Path) -> None:
    records = made_up(tmp_path, pictures=2).records()
    assert records.aspects == ASPECTS
    rewrite_aspects(tmp_path, list(reversed(ASPECTS)))
    assert torch.equal(Dataset.load(tmp_path).records().rewards, records.rewards)
    rewrite_aspects(tmp_path, ["position", "color"])
    fewer = Dataset.load(tmp_path).records()
    assert fewer.aspects == ("color", "position") and torch.equal(fewer.rewards[:, 0], records.rewards[:, 1])
    restored = fewer.with_aspects(ASPECTS).rewards
    assert torch.equal(restored[:, 1], records.rewards[:, 1]) and (restored[:, 0] == NO_REWARD).all()


def test_an_aspect_of_a_later_version_is_refused(tmp_path: Path) -> None:
    made_up(tmp_path, pictures=2)
    rewrite_aspects(tmp_path, [*ASPECTS, "taste"])
    with pytest.raises(ValueError, match=r"another version of xLARD .*rewards for .*taste.*Use that version"):
        Dataset.load(tmp_path)
