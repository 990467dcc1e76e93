"""A local folder of a Hugging Face object detector: processor, labels and weights. Nothing is downloaded."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...english import singular
from ..model_folder import WEIGHTS, ModelFolder

_FILES = (
    WEIGHTS,
    (
        ("preprocessor_config.json", "processor_config.json"),
        "preprocessor_config.json is missing, and without it no detector sees pictures",
        "",
    ),
)
_TOKENIZER = (
    (("tokenizer.*", "vocab.*"), "tokenizer.json is missing, and without it an open detector cannot be asked", ""),
)


class DetectorFolder(ModelFolder):
    """A folder with an open or a closed detector.

    An open one looks for any noun (transformers' zero-shot-object-detection models: Grounding DINO, OWLv2, OmDet-Turbo
    and their kin), a closed one for the labels that it was trained on (object-detection models: D-FINE, RT-DETR,
    RF-DETR and their kin). Raises FileNotFoundError if there is no model, CriticError if files are missing.
    """

    role, content = "detector", "object-detection model"

    def __init__(self, folder: Path):
        super().__init__(folder)
        self._check_files(_FILES)

    @cached_property
    def is_open(self) -> bool:
        """Whether the detector looks for any noun. Raises CriticError for a model that is no detector."""
        from transformers import (
            CONFIG_MAPPING,
            MODEL_FOR_OBJECT_DETECTION_MAPPING,
            MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING,
        )

        self._check_known()
        config = CONFIG_MAPPING[self.model_type]
        if config in MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING:
            self._check_files(_TOKENIZER)
            return True
        if config in MODEL_FOR_OBJECT_DETECTION_MAPPING:
            return False
        raise self._error(
            f"a model of type '{self.model_type}' is no detector of transformers",
            "Choose one such as Grounding DINO, OWLv2 or D-FINE, or load a model that writes with xLARD Load Critic.",
        )

    @cached_property
    def labels(self) -> dict[int, str]:
        """The nouns, in the singular, that a closed detector looks for, by its own numbers; none for an open one.

        Raises CriticError if config.json names none.
        """
        if self.is_open:
            return {}
        from transformers import AutoConfig

        with self._readable("config.json"):
            config = AutoConfig.from_pretrained(self.folder, local_files_only=True, trust_remote_code=False)
        if all(label == f"LABEL_{number}" for number, label in config.id2label.items()):
            raise self._error(
                "its config.json does not name what it detects",
                "Write the names into id2label of config.json, or choose a detector that has them.",
            )
        return {number: singular(label.lower().replace("_", " ").strip()) for number, label in config.id2label.items()}

    @cached_property
    def processor(self) -> Any:
        """The processor of an open detector, the image processor of a closed one, both of transformers.

        Raises CriticError if files are missing or damaged.
        """
        from transformers import AutoImageProcessor, AutoProcessor

        loader: Any = AutoProcessor if self.is_open else AutoImageProcessor
        method = "post_process_grounded_object_detection" if self.is_open else "post_process_object_detection"
        with self._readable("processor"):
            processor = loader.from_pretrained(self.folder, local_files_only=True, trust_remote_code=False)
        if not hasattr(processor, method):
            raise self._error("its processor files are not those of a detector", self._again)
        return processor

    def load_module(self) -> nn.Module:
        """Read the model's weights to the CPU, in fp32: boxes suffer in half precision, and detectors are small.

        Raises CriticError for a model that is no detector, and for files that are missing or damaged.
        """
        from transformers import AutoModelForObjectDetection, AutoModelForZeroShotObjectDetection

        auto_class = AutoModelForZeroShotObjectDetection if self.is_open else AutoModelForObjectDetection
        return self._read_weights(auto_class, dtype=torch.float32)
