"""The table of aspects: every claim counts for one, and a new aspect is one line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from tests.support.paths import CHECKOUT
from xlard.aspects import ASPECT_OF, ASPECTS, PRESERVATION, REPORTED, TABLE, aspect_of
from xlard.claims import Claim, ClaimType
from xlard.models.head import HeadConfig, RewardHead

LAST_LINE = "    Aspect(PRESERVATION, (), learned=False),\n"
NEW_LINE = '    Aspect("legibility", ()),\n'

WITH_NEW_ASPECT = """
import sys
from dataclasses import replace

from tests.support.report_states import RIGHT, judged, judged_state
from xlard.aspects import ASPECTS, REPORTED
from xlard.models.head import HeadConfig, RewardHead
from xlard.report.chart import rewards_chart

assert ASPECTS[-1] == REPORTED[-1] == "legibility"
assert HeadConfig(4, 16, "a test model").aspects == ASPECTS
old = RewardHead.load(sys.argv[1])
assert old.config.aspects == ASPECTS[:-1] and old.logits.out_features == len(ASPECTS) - 1
critique = judged(RIGHT)
state = judged_state(critique, replace(critique, rewards={**critique.rewards, "legibility": 0.5}))
assert "legibility" in rewards_chart(state.rounds)
"""


def test_every_type_of_claim_counts_for_one_aspect() -> None:
    claim_types = [claim_type for aspect in TABLE for claim_type in aspect.claim_types]
    assert sorted(claim_types) == sorted(get_args(ClaimType)) and ASPECT_OF.keys() == set(claim_types)
    assert len(set(REPORTED)) == len(REPORTED) and set(REPORTED) - set(ASPECTS) == {PRESERVATION}


def test_claims_to_keep_count_for_preservation() -> None:
    assert aspect_of(Claim("count", "one dog", "dog")) == "count"
    assert aspect_of(Claim("count", "one dog", "dog", keep=True)) == PRESERVATION


def test_aspects_keep_the_order_of_the_columns_in_shared_heads() -> None:
    assert ASPECTS[:6] == ("count", "color", "position", "object", "attribute", "quality")


@pytest.mark.model
def test_a_new_aspect_is_one_line(tmp_path: Path) -> None:
    head = tmp_path / "head.safetensors"
    RewardHead(HeadConfig(4, 16, "a test model", width=32, layers=1)).save(head)
    for package in ("xlard", "tests/support"):
        shutil.copytree(
            CHECKOUT / package, tmp_path / package, ignore=shutil.ignore_patterns("weights", "__pycache__", "comfy*")
        )
    table = tmp_path / "xlard" / "aspects.py"
    source = table.read_text(encoding="utf-8")
    assert source.count(LAST_LINE) == 1
    table.write_text(source.replace(LAST_LINE, LAST_LINE + NEW_LINE), encoding="utf-8")
    command = [sys.executable, "-c", WITH_NEW_ASPECT, str(head)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
