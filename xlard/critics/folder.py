"""A local folder of a Hugging Face image-text-to-text model: processor and weights. Nothing is downloaded."""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .backend import CriticError
from .generation import without_own_settings
from .model_folder import WEIGHTS, ModelFolder

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
BITS = {"8-bit": "load_in_8bit", "4-bit": "load_in_4bit"}

_FILES = (
    WEIGHTS,
    (
        ("preprocessor_config.json", "processor_config.json"),
        "preprocessor_config.json or processor_config.json is missing, and without it no model sees pictures",
        "",
    ),
    (("tokenizer.*", "vocab.*", "*.model", "tekken.json"), "tokenizer.json is missing", ""),
)


class CriticFolder(ModelFolder):
    """A folder with a model and how to load it.

    ``dtype`` is ``auto`` (as in the files), ``fp32``, ``fp16`` or ``bf16``; ``attention`` is transformers' name of an
    attention implementation; ``quantization`` is ``none``, or with bitsandbytes ``8-bit`` or ``4-bit``. Raises
    FileNotFoundError if there is no model, CriticError if files or bitsandbytes are missing.
    """

    role, content = "critic", "image-text-to-text model"

    def __init__(self, folder: Path, dtype: str = "auto", attention: str = "sdpa", quantization: str = "none"):
        super().__init__(folder)
        self.dtype, self.attention, self.quantization = dtype, attention, quantization
        if quantization in BITS and find_spec("bitsandbytes") is None:
            raise CriticError(
                f"{quantization} weights need the package bitsandbytes, which is not installed. Install it "
                "with the Python that runs ComfyUI, or set quantization to none."
            )
        self._check_files(_FILES)

    @cached_property
    def processor(self) -> Any:
        """The model's processor, of transformers: chat template, tokenizer, image processor.

        Raises CriticError if files are missing or damaged.
        """
        from transformers import AutoProcessor

        self._check_architecture()
        with self._readable("processor"):
            processor = AutoProcessor.from_pretrained(self.folder, local_files_only=True, trust_remote_code=False)
        if not hasattr(processor, "image_processor") or not hasattr(processor, "tokenizer"):
            raise self._error("its processor files are for text only", self._again)
        if not processor.tokenizer("yes", add_special_tokens=False).input_ids:
            raise self._error("its tokenizer has no words", self._again)
        if not processor.chat_template:
            raise self._error(
                "it has no chat template",
                "Take the instruct version of the model, and copy chat_template.jinja or chat_template.json with it.",
            )
        processor.tokenizer.padding_side = "left"
        if processor.tokenizer.pad_token_id is None:
            processor.tokenizer.pad_token = processor.tokenizer.eos_token
        return processor

    def load_module(self) -> nn.Module:
        """Read the model's weights to the CPU. Raises CriticError for files that are missing or damaged."""
        from transformers import AutoModelForImageTextToText

        self._check_architecture()
        options: dict[str, Any] = {"dtype": DTYPES.get(self.dtype, "auto"), "attn_implementation": self.attention}
        if self.quantization in BITS:
            from transformers import BitsAndBytesConfig

            options["quantization_config"] = BitsAndBytesConfig(
                **{BITS[self.quantization]: True}, bnb_4bit_compute_dtype=DTYPES.get(self.dtype, torch.bfloat16)
            )
        model = self._read_weights(AutoModelForImageTextToText, **options)
        without_own_settings(model, self.name)
        return model

    def _check_architecture(self) -> None:
        """Raises CriticError for an architecture that the installed transformers cannot run as a critic."""
        from transformers import CONFIG_MAPPING, MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

        self._check_known()
        if CONFIG_MAPPING[self.model_type] not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
            raise self._error(
                f"a model of type '{self.model_type}' does not write about pictures",
                "Choose an image-text-to-text model, for example a Qwen3-VL.",
            )
