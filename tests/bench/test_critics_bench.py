"""The bench of critics: the world's own, a detector, and the pair of both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.detectors import sees_only
from xlard.bench.__main__ import main

pytestmark = pytest.mark.model


def test_every_critic_and_pair_has_its_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    detector = sees_only(tmp_path / "triangles", "rt_detr", 3)
    options = ["--split", "validation", "--number", "6", "--out", str(tmp_path)]
    main(["critics", *options, "--detectors", str(detector), "--threshold", "0.9"])
    figures = json.loads((tmp_path / "critics.json").read_text())["critics"]
    own, alone, pair = "the world's own", "triangles", "triangles and the world's own"
    assert list(figures) == [own, alone, pair]
    # It knows triangles only, and leaves all others to the critic that is asked in words.
    assert figures[own]["readable"] == 1 and figures[alone]["readable"] < 1
    assert figures[alone]["readable"] < figures[pair]["readable"] <= 1
    assert figures[own]["claims"] > 0.8 and figures[pair]["megabytes"] > figures[own]["megabytes"] > 1
    printed = capsys.readouterr().out
    assert all(f"| {name} |" in printed for name in figures)
