"""Colours by CLIP: which crops it sees, which colours it chooses from, and what is no CLIP."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.support.geneval_models import box_detector, small_clip
from xlard.claims import Claim, count_claim
from xlard.critics.backend import CriticError
from xlard.critics.detector.clip_colors import COLORS, ClipColors, ClipFolder, loaded_clip_colors
from xlard.critics.detector.critic import DetectorCritic
from xlard.critique import Verdict
from xlard.detections import Detection

PICTURE = torch.rand(40, 90, 3, generator=torch.Generator().manual_seed(0))
CATS = [Detection(5, 5, 20, 20, "cat"), Detection(50, 10, 30, 20, "cat")]
DOG = Detection(30, 0, 15, 40, "dog")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLIP of random weights, by its own class."""
    return small_clip(tmp_path_factory.mktemp("clip"))


class Cats:
    """A detector that sees the two cats."""

    name, exact = "cats", True

    def knows(self, noun: str) -> bool:
        return noun == "cat"

    def detect(self, image, nouns) -> list[Detection]:
        return CATS


def verdict(reader, claim: Claim, image: torch.Tensor = PICTURE) -> Verdict:
    (critique,) = DetectorCritic(Cats(), reader).judge(image[None], [[claim]])
    return critique.verdicts[0]


class Painter:
    """In a CLIP's place: finds beige on dark crops and red on light ones, and keeps the captions and crops."""

    device = "cpu"

    def __init__(self, processor, colors) -> None:
        self.captions, self.crops = [], []
        self.processor, self.names = processor, colors

    def __call__(self, input_ids, attention_mask, pixel_values):
        self.captions = self.processor.tokenizer.batch_decode(input_ids, skip_special_tokens=True)
        self.crops = list(pixel_values)
        likes = [self.names.index("red" if crop.mean() > 0 else "beige") for crop in pixel_values]
        texts = torch.eye(len(self.names)).repeat_interleave(3, dim=0)
        return SimpleNamespace(text_embeds=texts, image_embeds=torch.eye(len(self.names))[likes])


@pytest.mark.model
def test_it_chooses_from_genevals_colors_and_those_that_claims_name(folder: Path) -> None:
    files = ClipFolder(folder)
    painter = Painter(files.processor, [*COLORS, "beige"])
    reader = ClipColors(files, lambda: painter)
    image = torch.zeros(40, 90, 3)
    image[5:25, 5:25] = 1
    assert reader.colors(CATS, image, ["beige", "red"]) == ["red", "beige"]
    assert len(painter.captions) == 3 * (len(COLORS) + 1) and painter.captions[-1] == "a photo of a beige object"
    assert verdict(reader, count_claim("cat", 1, "beige"), image).passed is True
    assert verdict(reader, count_claim("cat", 2, "beige"), image).passed is False


@pytest.mark.model
def test_outside_of_a_mask_it_sees_grey(folder: Path) -> None:
    files = ClipFolder(folder)
    painter = Painter(files.processor, list(COLORS))
    mask = torch.zeros(40, 90)
    mask[5:15, 5:25] = 1
    reader = ClipColors(files, lambda: painter)
    reader.colors([Detection(5, 5, 20, 20, "cat", mask=mask)], torch.ones(40, 90, 3), [])
    (crop,) = painter.crops
    assert crop[:, 4:12].min() > 1.5 and crop[:, 20:28].max() < 1


@pytest.mark.model
def test_each_object_is_read_by_itself(folder: Path) -> None:
    reader = loaded_clip_colors(ClipFolder(folder))
    objects = [CATS[0], DOG, CATS[1]]
    together = reader.colors(objects, PICTURE, [])
    assert together == [reader.colors([one], PICTURE, [])[0] for one in objects] and set(together) <= set(COLORS)
    assert reader.colors([], PICTURE, []) == []


@pytest.mark.model
def test_no_numbers_are_no_color_and_no_verdict(folder: Path) -> None:
    reader = loaded_clip_colors(ClipFolder(folder))
    torch.nn.init.constant_(reader.model().visual_projection.weight, torch.nan)
    assert reader.colors(CATS, PICTURE, []) == [None, None]
    assert verdict(reader, count_claim("cat", 1, "red")).passed is None
    assert verdict(reader, count_claim("cat", 2)).passed is True


@pytest.mark.model
def test_not_enough_memory_is_an_error_that_names_the_clip(folder: Path) -> None:
    def loaded() -> torch.nn.Module:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(CriticError, match="The CLIP clip.* ran out of memory.* Take a smaller CLIP"):
        ClipColors(ClipFolder(folder), loaded).colors(CATS, PICTURE, [])


@pytest.mark.model
def test_other_models_and_half_folders_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There is no CLIP in"):
        ClipFolder(tmp_path)
    with pytest.raises(CriticError, match="'yolos' is no CLIP"):
        detector = box_detector(tmp_path / "box")
        (detector / "tokenizer.json").write_text("{}", encoding="utf-8")
        ClipFolder(detector).check()
    half = small_clip(tmp_path / "half")
    (half / "tokenizer.json").unlink()
    for file in half.glob("vocab.*"):
        file.unlink()
    with pytest.raises(CriticError, match="tokenizer.json is missing"):
        loaded_clip_colors(ClipFolder(half))


@pytest.mark.model
def test_weights_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = small_clip(tmp_path)
    weights = load_file(broken / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(CriticError, match="visual_projection.weight"):
        loaded_clip_colors(ClipFolder(broken))
