"""A local folder of a Hugging Face segmenter: processor and weights. Nothing is downloaded."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import nn

from ..model_folder import WEIGHTS, ModelFolder

_FILES = (
    WEIGHTS,
    (
        ("preprocessor_config.json", "processor_config.json"),
        "preprocessor_config.json is missing, and without it no segmenter sees pictures",
        "",
    ),
)


class SegmenterFolder(ModelFolder):
    """A folder with a model that makes masks of boxes (transformers' mask-generation models: SAM, SAM 2, SAM-HQ,
    EdgeTAM). Raises FileNotFoundError if there is no model, CriticError if files are missing.
    """

    role, content = "segmenter", "mask-generation model"

    def check(self) -> None:
        """Raises CriticError where files are missing, and for a model that makes no masks of boxes."""
        from transformers import CONFIG_MAPPING, MODEL_FOR_MASK_GENERATION_MAPPING

        self._check_files(_FILES)
        self._check_known()
        if CONFIG_MAPPING[self.model_type] not in MODEL_FOR_MASK_GENERATION_MAPPING:
            raise self._error(
                f"a model of type '{self.model_type}' makes no masks of boxes", "Choose one such as SAM or SAM 2."
            )

    @cached_property
    def processor(self) -> Any:
        """The processor of transformers. Raises CriticError if files are missing or damaged."""
        from transformers import AutoProcessor

        with self._readable("processor"):
            processor = AutoProcessor.from_pretrained(self.folder, local_files_only=True, trust_remote_code=False)
        if not hasattr(processor, "post_process_masks"):
            raise self._error("its processor files are not those of a segmenter", self._again)
        return processor

    def load_module(self) -> nn.Module:
        """Read the model's weights to the CPU, in fp32. Raises CriticError for files that are missing or damaged."""
        from transformers import AutoModelForMaskGeneration

        return self._read_weights(AutoModelForMaskGeneration, dtype=torch.float32)
