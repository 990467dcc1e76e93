"""The training of a world's detector, tiny: what it learns from, what it writes, and that it continues."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from xlard.claims import object_claim
from xlard.critics.detector.folder import DetectorFolder
from xlard.critics.detector.transformers import loaded_detector
from xlard.worlds.commands import bundle
from xlard.worlds.shapes.__main__ import main
from xlard.worlds.shapes.commands import BUNDLED
from xlard.worlds.shapes.world import ShapesWorld
from xlard.worlds.training.detector import annotated_pictures, build_detector, save_detector

pytestmark = pytest.mark.model


def test_boxes_are_where_the_checker_sees_objects() -> None:
    world = ShapesWorld()
    images, labels = annotated_pictures(world, 9, drawn=3, seed=0)
    assert images.shape[1:] == (96, 96, 3) and len(images) == len(labels) >= 9
    for image, own in zip(images, labels):
        # Some of what the generator draws is no shape.
        seen = [thing for thing in world.checker.detect(image) if thing.noun in world.nouns]
        assert [world.nouns[index] for index in own["class_labels"]] == [thing.noun for thing in seen]
        expected = torch.tensor([[*thing.center, thing.width, thing.height] for thing in seen]).reshape(-1, 4)
        assert torch.allclose(own["boxes"] * 96, expected, atol=1e-3)


def test_a_trained_detector_is_a_folder_that_the_critic_loads(tmp_path: Path, monkeypatch, capsys) -> None:
    def train(steps: int) -> dict:
        options = ["--steps", str(steps), "--batch", "2", "--pool", "9", "--drawn", "3", "--out", str(tmp_path)]
        monkeypatch.setattr("sys.argv", ["shapes", "train", "detector", *options])
        main()
        return json.loads((tmp_path / "detector.json").read_text())

    assert train(1)["steps"] == 1
    figures = train(2)
    assert figures["steps"] == 2 and "train detector --steps 2" in figures["command"]
    assert "detector_run: continuing from step 1" in capsys.readouterr().out
    detector = loaded_detector(DetectorFolder(tmp_path / "detector"), threshold=0.0)
    assert detector.knows("triangle") and not detector.knows("cat")
    assert detector.detect(torch.rand(96, 96, 3), list(ShapesWorld.nouns))


def test_what_was_trained_is_bundled_with_its_figures_and_the_rest_stays(tmp_path: Path) -> None:
    trained, weights = tmp_path / "trained", tmp_path / "weights"
    world = ShapesWorld()
    save_detector(build_detector(world), world.side, trained / "detector")
    (trained / "detector.json").write_text('{"seed": 3}')
    weights.mkdir()
    (weights / "head.safetensors").touch()
    bundle(trained, weights, BUNDLED)
    with safe_open(weights / "detector" / "model.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["figures"]) == {"seed": 3}
    assert (weights / "head.safetensors").stat().st_size == 0
    assert ShapesWorld(weights).detector(threshold=0.0).judge(torch.rand(1, 96, 96, 3), [[object_claim("circle")]])
