"""An object detector of transformers, from a local folder: boxes alone, or masks and the boxes around them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor

from ..errors import BenchError
from .classes import class_name
from .rules import THRESHOLD, DetectedObject

_MASK_ARCHITECTURES = ("Mask2FormerForUniversalSegmentation", "MaskFormerForInstanceSegmentation")
_BOX_SUFFIX = "ForObjectDetection"


class Detector(Protocol):
    """Finds objects in pictures. ``name`` is shown in reports, ``classes`` are what it can find."""

    name: str
    classes: set[str]

    def find(self, picture: Image.Image) -> list[tuple[str, DetectedObject]]:
        """Class and place of every object with a score above ``rules.THRESHOLD``."""

    def to(self, device: str) -> None:
        """Move the model to the device that pictures are judged on."""


class TransformersDetector:
    """A folder of Mask2Former or MaskFormer for instances, or of any model for object detection; implements
    ``Detector``.

    Raises BenchError for another folder.
    """

    def __init__(self, folder: Path):
        self.name = folder.name
        architecture = _architecture(folder)
        self._makes_masks = architecture in _MASK_ARCHITECTURES
        with _explained(folder):
            self._processor, self._model = _load(folder, architecture)
        self._model.eval()
        self._names = {number: class_name(label) for number, label in self._model.config.id2label.items()}
        self.classes = set(self._names.values())

    def to(self, device: str) -> None:
        """Move the model to the device that pictures are judged on."""
        self._model.to(device)

    @torch.inference_mode()
    def find(self, picture: Image.Image) -> list[tuple[str, DetectedObject]]:
        """Class and place of every object with a score above ``rules.THRESHOLD``."""
        inputs = self._processor(images=picture, return_tensors="pt").to(self._model.device)
        output, sizes = self._model(**inputs), [(picture.height, picture.width)]
        if not self._makes_masks:
            boxes = self._processor.post_process_object_detection(output, threshold=THRESHOLD, target_sizes=sizes)[0]
            return [
                (self._names[label], DetectedObject(tuple(box), score))
                for label, box, score in zip(
                    boxes["labels"].tolist(), boxes["boxes"].tolist(), boxes["scores"].tolist()
                )
            ]
        instances = self._processor.post_process_instance_segmentation(
            output, threshold=THRESHOLD, target_sizes=sizes, return_binary_maps=True
        )[0]
        return [
            (self._names[segment["label_id"]], DetectedObject(_box_around(mask), segment["score"], mask))
            for segment, mask in zip(instances["segments_info"], instances["segmentation"].bool().cpu())
        ]


def _box_around(mask: Tensor) -> tuple[float, float, float, float]:
    """The box around a mask (H, W) that is not empty; right and bottom lie behind the last pixel."""
    columns, rows = (mask.any(dim=axis).nonzero().flatten().tolist() for axis in (0, 1))
    return float(columns[0]), float(rows[0]), columns[-1] + 1.0, rows[-1] + 1.0


def _architecture(folder: Path) -> str:
    config = folder / "config.json"
    advice = (
        "Give the folder of a detector for COCO in Hugging Face format, such as mask2former-swin-small-coco-instance."
    )
    if not config.is_file():
        raise BenchError(f"There is no detector in {folder}: config.json is missing. {advice}")
    try:
        architecture = json.loads(config.read_text(encoding="utf-8"))["architectures"][0]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BenchError(f"{config} names no architecture ({error!r}). {advice}") from error
    if architecture not in _MASK_ARCHITECTURES and not architecture.endswith(_BOX_SUFFIX):
        raise BenchError(f"The model in {folder} is a {architecture}, which finds no single objects. {advice}")
    return architecture


def _load(folder: Path, architecture: str) -> tuple[Any, Any]:
    """Image processor and model. Raises ValueError for missing weights, and whatever transformers raises."""
    import transformers

    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    # Any: transformers does not type that it returns a pair with output_loading_info.
    model_class: Any = (
        transformers.AutoModelForObjectDetection
        if architecture.endswith(_BOX_SUFFIX)
        else getattr(transformers, architecture)
    )
    # Pictures are in single precision, whatever precision the folder has.
    model, loading = model_class.from_pretrained(
        folder, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **options
    )
    missing = sorted(loading["missing_keys"])
    if missing:
        # transformers would leave them random.
        raise ValueError(f"the weights lack {missing[0]} and {len(missing) - 1} more")
    return transformers.AutoImageProcessor.from_pretrained(folder, **options), model


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    # Broken files raise nearly anything: of safetensors, of huggingface_hub, KeyError, TypeError.
    except Exception as error:
        cause = " ".join(str(error).split())[:300] or type(error).__name__
        raise BenchError(
            f"The model in {folder} cannot be read: {cause}. Copy or download the whole folder again, with its "
            "safetensors and preprocessor_config.json."
        ) from error
