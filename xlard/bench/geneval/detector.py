"""An object detector of transformers, from a local folder: boxes alone, or masks and the boxes around them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor

from ...comfy_server.errors import BenchError
from .classes import class_name
from .rules import THRESHOLD, Found

_MASKS = ("Mask2FormerForUniversalSegmentation", "MaskFormerForInstanceSegmentation")
_BOXES = "ForObjectDetection"


class Detector(Protocol):
    """What finds objects. ``name`` stands in reports, ``classes`` are what it can find."""

    name: str
    classes: set[str]

    def find(self, picture: Image.Image) -> list[tuple[str, Found]]:
        """Class and place of every object that it is surer of than ``rules.THRESHOLD``."""

    def to(self, device: str) -> None:
        """Move to where pictures are looked at."""


class TransformersDetector:
    """A folder of Mask2Former or MaskFormer for instances, or of any model for object detection; implements
    ``Detector``.

    Raises BenchError for another folder.
    """

    def __init__(self, folder: Path):
        self.name = folder.name
        architecture = _architecture(folder)
        self._makes_masks = architecture in _MASKS
        with _readable(folder):
            self._processor, self._model = _load(folder, architecture)
        self._model.eval()
        self._names = {number: class_name(label) for number, label in self._model.config.id2label.items()}
        self.classes = set(self._names.values())

    def to(self, device: str) -> None:
        """Move to where pictures are looked at."""
        self._model.to(device)

    @torch.inference_mode()
    def find(self, picture: Image.Image) -> list[tuple[str, Found]]:
        """Class and place of every object that the model is surer of than ``rules.THRESHOLD``."""
        inputs = self._processor(images=picture, return_tensors="pt").to(self._model.device)
        output, sizes = self._model(**inputs), [(picture.height, picture.width)]
        if not self._makes_masks:
            found = self._processor.post_process_object_detection(output, threshold=THRESHOLD, target_sizes=sizes)[0]
            return [
                (self._names[label], Found(tuple(box), score))
                for label, box, score in zip(
                    found["labels"].tolist(), found["boxes"].tolist(), found["scores"].tolist()
                )
            ]
        found = self._processor.post_process_instance_segmentation(
            output, threshold=THRESHOLD, target_sizes=sizes, return_binary_maps=True
        )[0]
        return [
            (self._names[each["label_id"]], Found(_around(mask), each["score"], mask))
            for each, mask in zip(found["segments_info"], found["segmentation"].bool().cpu())
        ]


def _around(mask: Tensor) -> tuple[float, float, float, float]:
    """The box around a mask (H, W) that is not empty; right and bottom lie behind the last pixel."""
    columns, rows = (mask.any(dim=axis).nonzero().flatten().tolist() for axis in (0, 1))
    return float(columns[0]), float(rows[0]), columns[-1] + 1.0, rows[-1] + 1.0


def _architecture(folder: Path) -> str:
    config = folder / "config.json"
    mend = (
        "Give the folder of a detector for COCO in Hugging Face format, such as mask2former-swin-small-coco-instance."
    )
    if not config.is_file():
        raise BenchError(f"There is no detector in {folder}: config.json is missing. {mend}")
    try:
        architecture = json.loads(config.read_text(encoding="utf-8"))["architectures"][0]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BenchError(f"{config} names no architecture ({error!r}). {mend}") from error
    if architecture not in _MASKS and not architecture.endswith(_BOXES):
        raise BenchError(f"The model in {folder} is a {architecture}, which finds no single objects. {mend}")
    return architecture


def _load(folder: Path, architecture: str) -> tuple:
    import transformers

    options = {"local_files_only": True, "trust_remote_code": False}
    kind = (
        transformers.AutoModelForObjectDetection
        if architecture.endswith(_BOXES)
        else getattr(transformers, architecture)
    )
    # Pictures come in single precision, whatever the folder was saved in.
    model, found = kind.from_pretrained(
        folder, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **options
    )
    if found["missing_keys"]:
        # transformers would leave them random.
        raise ValueError(
            f"the weights lack {sorted(found['missing_keys'])[0]} and {len(found['missing_keys']) - 1} others"
        )
    return transformers.AutoImageProcessor.from_pretrained(folder, **options), model


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    # Broken files raise nearly anything: of safetensors, of huggingface_hub, KeyError, TypeError.
    except Exception as error:
        cause = " ".join(str(error).split())[:300] or type(error).__name__
        raise BenchError(
            f"The model in {folder} cannot be read: {cause}. Copy or download the whole folder again, with its "
            "safetensors and preprocessor_config.json."
        ) from error
