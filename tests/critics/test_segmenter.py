"""Masks of a critic's boxes: which model makes them, which objects get them, and what is no segmenter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.support.detectors import save as save_detector
from tests.support.segmenters import SEGMENTERS, save
from xlard.claims import count_claim
from xlard.critics.backend import CriticError
from xlard.critics.mllm import MLLMCritic
from xlard.critics.registry import as_writer, with_scoring
from xlard.critics.scoring import make_scoring
from xlard.critics.segmenter.critic import MaskedCritic
from xlard.critics.segmenter.folder import SegmenterFolder
from xlard.critics.segmenter.transformers import TransformersSegmenter, loaded_segmenter
from xlard.critique import Critique
from xlard.detections import Detection
from xlard.rewards import critique_from_detections

PICTURE = torch.rand(40, 90, 3, generator=torch.Generator().manual_seed(0))
CATS = [Detection(5, 5, 20, 20, "cat"), Detection(50, 10, 30, 20, "cat")]
CLAIMS = [count_claim("cat", 2)]


@pytest.mark.model
@pytest.mark.parametrize("name", SEGMENTERS)
def test_every_box_gets_a_mask_of_the_pictures_size(name, tmp_path):
    segmenter = loaded_segmenter(SegmenterFolder(save(name, tmp_path)))
    masks = segmenter.masks(PICTURE, CATS)
    assert [mask.shape for mask in masks] == [(40, 90)] * 2 and not torch.equal(*masks)
    assert all(set(mask.unique().tolist()) <= {0.0, 1.0} for mask in masks)
    # Each box by itself, whatever else is asked for.
    assert torch.equal(segmenter.masks(PICTURE, CATS[1:])[0], masks[1])
    assert segmenter.masks(PICTURE, []) == []


@pytest.mark.model
@pytest.mark.parametrize("name", SEGMENTERS)
def test_a_model_that_computes_no_numbers_makes_no_mask(name, tmp_path):
    segmenter = loaded_segmenter(SegmenterFolder(save(name, tmp_path)))
    for weight in segmenter.model().mask_decoder.parameters():
        torch.nn.init.constant_(weight, torch.nan)
    assert segmenter.masks(PICTURE, CATS) == [None, None]


def test_not_enough_memory_for_one_picture_is_an_error_that_names_the_segmenter(tmp_path):
    def loaded() -> torch.nn.Module:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    segmenter = TransformersSegmenter(SegmenterFolder(save("sam", tmp_path / "sam")), loaded)
    with pytest.raises(CriticError, match="The segmenter sam ran out of memory.* Take a smaller segmenter."):
        segmenter.masks(PICTURE, CATS)


class Seen:
    """A critic that sees two cats, and a segmenter that makes a mask of the first box it is asked for."""

    def __init__(self, detections=CATS):
        self.detections, self.asked = detections, []

    def judge(self, images, claims) -> list[Critique]:
        return [critique_from_detections(own, self.detections, 90.0) for own in claims]

    def masks(self, image, detections):
        self.asked.append(list(detections))
        return [torch.ones(40, 90), *[None] * (len(detections) - 1)]


def test_verdicts_stay_and_objects_boxes_and_evidence_get_the_same_masks():
    seen = Seen()
    (plain,), (masked,) = (critic.judge(PICTURE[None], [CLAIMS]) for critic in (seen, MaskedCritic(seen, seen)))
    assert masked == plain and masked.to_dict() == plain.to_dict()
    for objects in (masked.detections, masked.verdicts[0].evidence, [r.detection for r in masked.regions]):
        assert [detection.mask is not None for detection in objects] == [True, False]
    assert seen.asked == [CATS]


def test_an_object_keeps_the_mask_that_it_has():
    own = torch.zeros(40, 90)
    seen = Seen([replace(CATS[0], mask=own), CATS[1]])
    (critique,) = MaskedCritic(seen, seen).judge(PICTURE[None], [CLAIMS])
    assert critique.detections[0].mask is own and seen.asked == [[CATS[1]]]


def test_questions_in_words_and_scorings_go_to_the_critic_inside():
    inside, seen = MLLMCritic(object()), Seen()  # type: ignore[arg-type]  # nothing is asked
    critic = MaskedCritic(inside, seen)
    assert as_writer(critic) is inside
    rescored = with_scoring(critic, make_scoring("per claim"))
    assert isinstance(rescored, MaskedCritic) and rescored.segmenter is seen
    assert as_writer(rescored).scoring.name == "per claim"
    with pytest.raises(TypeError, match="not be asked in words"):
        as_writer(MaskedCritic(seen, seen))


def test_what_is_no_segmenter_is_refused_with_the_fix(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="There is no segmenter in"):
        SegmenterFolder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "sam"}')
    with pytest.raises(CriticError, match="holds no safetensors"):
        SegmenterFolder(tmp_path).check()
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(CriticError, match="preprocessor_config.json is missing"):
        SegmenterFolder(tmp_path).check()
    folder = SegmenterFolder(save_detector("rt_detr", tmp_path / "detector"))
    with pytest.raises(CriticError, match="makes no masks of boxes. Choose one such as SAM"):
        folder.check()
