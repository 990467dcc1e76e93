"""Detectors and CLIP from folders. Their weights are made for the test: what they find says nothing about real
pictures.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from tests.support.geneval_models import box_detector, mask_detector, small_clip
from xlard.bench.errors import BenchError
from xlard.bench.geneval.classes import CLASSES
from xlard.bench.geneval.colors import ClipColors
from xlard.bench.geneval.detector import TransformersDetector
from xlard.bench.geneval.prompts import made_up_prompts
from xlard.bench.geneval.rules import THRESHOLD, DetectedObject
from xlard.bench.geneval.score import check_classes
from xlard.training.prompt_lists import COLORS

pytestmark = pytest.mark.model

PICTURE = Image.linear_gradient("L").convert("RGB").resize((128, 96))


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("models")
    for name, make in {"box": box_detector, "mask": mask_detector, "clip": small_clip}.items():
        make(root / name)
    return root


@pytest.fixture
def broken(folders, tmp_path):
    """A copy of a folder, to damage."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(folders / name, tmp_path / name))

    return copy


@pytest.mark.parametrize(("name", "number"), [("box", 3), ("mask", 4)])
def test_objects_are_found_in_the_pictures_own_pixels(folders, name, number) -> None:
    detector = TransformersDetector(folders / name)
    assert detector.classes == set(CLASSES) and detector.name == name
    detections = detector.find(PICTURE)
    assert [label for label, _ in detections] == ["person"] * number
    for _, detected in detections:
        left, top, right, bottom = detected.box
        assert -1 <= left < right <= 129 and -1 <= top < bottom <= 97 and THRESHOLD < detected.score <= 1
        assert right > 64, "boxes are in the picture's pixels, not in those that the model sees"


def test_masks_fill_their_boxes(folders) -> None:
    for _, detected in TransformersDetector(folders / "mask").find(PICTURE):
        left, top, right, bottom = map(int, detected.box)
        inside = detected.mask[top:bottom, left:right]
        assert detected.mask.shape == (96, 128) and detected.mask.sum() == inside.sum() > 0
        assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


def test_folders_in_half_precision_are_read_in_single(broken) -> None:
    from safetensors.torch import load_file, save_file

    for name in ("box", "clip"):
        folder = broken(name)
        weights = load_file(folder / "model.safetensors")
        save_file(
            {key: value.half() if value.is_floating_point() else value for key, value in weights.items()},
            folder / "model.safetensors",
            {"format": "pt"},
        )
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "dtype": "float16", "torch_dtype": "float16"}))
        if name == "box":
            assert [label for label, _ in TransformersDetector(folder).find(PICTURE)] == ["person"] * 3
        else:
            assert ClipColors(folder)(PICTURE, [DetectedObject((0, 0, 40, 40), 1.0)], "dog")[0] in COLORS


def test_labels_are_read_under_other_names(tmp_path) -> None:
    detector = TransformersDetector(box_detector(tmp_path / "box", "Mouse", {0: "Mouse", 1: "tvmonitor"}))
    assert detector.classes == {"computer mouse", "tv"} and detector.find(PICTURE)[0][0] == "computer mouse"
    with pytest.raises(
        BenchError, match="The detector box does not know .* of the prompts' classes, among them .* Take a detector"
    ):
        check_classes(detector, made_up_prompts(5))


def test_classes_that_are_known_pass(folders) -> None:
    check_classes(TransformersDetector(folders / "box"), made_up_prompts(100))


def test_clip_calls_every_color_by_its_own_name(folders, monkeypatch) -> None:
    judge = ClipColors(folders / "clip")

    def model(input_ids, attention_mask, pixel_values):
        # The texts stand for their places, the pictures for red and white.
        assert len(input_ids) == 3 * len(COLORS) and pixel_values.shape[1:] == (3, 32, 32)
        texts = torch.eye(len(COLORS)).repeat_interleave(3, dim=0)
        likes = [
            COLORS.index("red" if picture[0].mean() > picture[2].mean() + 0.5 else "white") for picture in pixel_values
        ]
        return SimpleNamespace(text_embeds=texts, image_embeds=torch.eye(len(COLORS))[likes])

    model.device = "cpu"
    monkeypatch.setattr(judge, "_model", model)
    picture = Image.new("RGB", (80, 40), "white")
    picture.paste((255, 0, 0), (0, 0, 40, 40))
    halves = [DetectedObject((0, 0, 40, 40), 1.0), DetectedObject((40, 0, 80, 40), 1.0)]
    assert judge(picture, halves, "car") == ["red", "white"]


def test_clip_looks_at_each_object_by_itself(folders) -> None:
    judge = ClipColors(folders / "clip")
    objects = [DetectedObject((0, 0, 40, 40), 1.0), DetectedObject((60, 30, 128, 96), 1.0)]
    together = judge(PICTURE, objects, "dog")
    assert together == [judge(PICTURE, [detected], "dog")[0] for detected in objects] and set(together) <= set(COLORS)


def test_a_folder_without_a_detector_is_named(folders, tmp_path) -> None:
    with pytest.raises(BenchError, match="There is no detector in .*: config.json is missing. Give the folder"):
        TransformersDetector(tmp_path)
    with pytest.raises(BenchError, match="is a CLIPModel, which finds no single objects"):
        TransformersDetector(folders / "clip")


def test_damaged_folders_are_named(broken) -> None:
    box = broken("box")
    (box / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(BenchError, match="The model in .*box cannot be read: .* Copy or download"):
        TransformersDetector(box)
    (box / "config.json").write_text("{}")
    with pytest.raises(BenchError, match="config.json names no architecture"):
        TransformersDetector(box)


def test_weights_that_are_missing_are_not_made_up(broken) -> None:
    from safetensors.torch import load_file, save_file

    for name, make, dropped in (
        ("box", TransformersDetector, "bbox_predictor.layers.0.weight"),
        ("clip", ClipColors, "logit_scale"),
    ):
        folder = broken(name)
        weights = load_file(folder / "model.safetensors")
        del weights[dropped]
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        with pytest.raises(BenchError, match=dropped):
            make(folder)


def test_a_folder_without_a_clip_is_named(folders, broken, tmp_path) -> None:
    with pytest.raises(BenchError, match="The CLIP in .* cannot be read"):
        ClipColors(tmp_path)
    no_clip = broken("clip")
    config = json.loads((no_clip / "config.json").read_text())
    config["model_type"] = "yolos"
    (no_clip / "config.json").write_text(json.dumps(config))
    (no_clip / "model.safetensors").unlink()
    with pytest.raises(BenchError, match="The CLIP in .* cannot be read"):
        ClipColors(no_clip)
