"""The bench of critics: the world's own, a detector, and the pair of both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.detector_world import with_detector
from tests.support.detectors import sees_only
from xlard.bench.__main__ import main

pytestmark = pytest.mark.model


def test_every_critic_and_pair_has_its_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    detector = sees_only(tmp_path / "triangles", "rt_detr", 3)
    weights = with_detector(tmp_path / "world")
    options = ["--split", "validation", "--number", "6", "--out", str(tmp_path), "--weights", str(weights)]
    main(["critics", *options, "--detectors", str(detector), "--threshold", "0.9"])
    figures = json.loads((tmp_path / "critics.json").read_text())["critics"]
    own, alone, pair = "the world's own", "triangles", "triangles and the world's own"
    seen, both = "the world's detector", "the world's detector and the world's own"
    assert list(figures) == [own, seen, both, alone, pair]
    # It knows all shapes and sees none of them.
    assert figures[seen]["readable"] == 1 and figures[seen]["claims"] == 0.5
    # It knows triangles only, and leaves all others to the critic that is asked in words.
    assert figures[own]["readable"] == 1 and figures[alone]["readable"] < 1
    assert figures[alone]["readable"] < figures[pair]["readable"] <= 1
    assert figures[own]["claims"] > 0.8 and figures[pair]["megabytes"] > figures[own]["megabytes"] > 1
    printed = capsys.readouterr().out
    assert all(f"| {name} |" in printed for name in figures)
