"""A local folder of a Hugging Face image-text-to-text model: processor and weights. Nothing is downloaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from .backend import CriticError
from .generation import without_own_settings
from .memory import is_out_of_memory

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
BITS = {"8-bit": "load_in_8bit", "4-bit": "load_in_4bit"}

_AGAIN = "Copy or download the whole folder of an image-text-to-text model again."
_FILES = (
    (
        ("*.safetensors",),
        "it holds no safetensors, and other files of weights are never read, because they may hold code",
        "Copy its safetensors, or choose a version of the model that has them.",
    ),
    (
        ("preprocessor_config.json", "processor_config.json"),
        "preprocessor_config.json or processor_config.json is missing, and without it no model sees pictures",
        _AGAIN,
    ),
    (("tokenizer.*", "vocab.*", "*.model", "tekken.json"), "tokenizer.json is missing", _AGAIN),
)
"""Patterns of which one must match, and the cause and the fix if none does."""
_LONGEST_CAUSE = 300


class CriticFolder:
    """A folder with a model and how to load it.

    ``dtype`` is ``auto`` (as in the files), ``fp32``, ``fp16`` or ``bf16``; ``attention`` is transformers' name of an
    attention implementation; ``quantization`` is ``none``, or with bitsandbytes ``8-bit`` or ``4-bit``. Raises
    FileNotFoundError if there is no model, CriticError if files or bitsandbytes are missing.
    """

    def __init__(self, folder: Path, dtype: str = "auto", attention: str = "sdpa", quantization: str = "none"):
        self.folder, self.dtype, self.attention, self.quantization = Path(folder), dtype, attention, quantization
        if not (self.folder / "config.json").is_file():
            raise FileNotFoundError(
                f"There is no critic in {self.folder}: config.json is missing. Put a Hugging Face "
                "image-text-to-text model there, with its processor files."
            )
        if quantization in BITS and find_spec("bitsandbytes") is None:
            raise CriticError(
                f"{quantization} weights need the package bitsandbytes, which is not installed. Install it "
                "with the Python that runs ComfyUI, or set quantization to none."
            )
        for patterns, cause, fix in _FILES:
            if not any(any(self.folder.glob(pattern)) for pattern in patterns):
                raise self._error(cause, fix)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def weights(self) -> int:
        """The size of the model's weights in bytes."""
        return sum(path.stat().st_size for path in self.folder.glob("*.safetensors"))

    @cached_property
    def model_type(self) -> str:
        """The architecture by transformers' name, e.g. ``qwen3_vl``. Raises CriticError if config.json cannot be
        read.
        """
        return self._config.get("model_type") or ""

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
            raise self._error("its processor files are for text only", _AGAIN)
        if not processor.tokenizer("yes", add_special_tokens=False).input_ids:
            raise self._error("its tokenizer has no words", _AGAIN)
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
        with self._readable("weights"):
            model, loading_info = cast(Any, AutoModelForImageTextToText).from_pretrained(
                self.folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
                **options,
            )
        if missing := sorted(loading_info["missing_keys"]):
            # transformers would fill them with random numbers, and the critic would judge all the same.
            raise self._error(
                f"{len(missing)} of its weights are missing, among them {missing[0]}", _AGAIN + self._newer()
            )
        without_own_settings(model, self.name)
        return model.eval()

    @cached_property
    def _config(self) -> dict[str, Any]:
        try:
            config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        except ValueError as error:
            raise self._error(f"config.json cannot be read ({error})", _AGAIN) from error
        if not isinstance(config, dict):
            raise self._error("config.json holds no settings", _AGAIN)
        return config

    def _check_architecture(self) -> None:
        """Raises CriticError for an architecture that the installed transformers cannot run as a critic."""
        from transformers import CONFIG_MAPPING, MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING, __version__

        if self.model_type not in CONFIG_MAPPING:
            if "auto_map" in self._config:
                raise self._error(
                    "it brings code of its own, which is never run",
                    "Take its version for transformers, whose name often ends in -hf, or another model.",
                )
            raise self._error(
                f"transformers {__version__} does not know the model type '{self.model_type}'",
                "Update transformers, or choose another model.",
            )
        if CONFIG_MAPPING[self.model_type] not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
            raise self._error(
                f"a model of type '{self.model_type}' does not write about pictures",
                "Choose an image-text-to-text model, for example a Qwen3-VL.",
            )

    def _newer(self) -> str:
        """A sentence to add to a fix if the model was saved by a later transformers than the installed one."""
        from packaging.version import InvalidVersion, Version
        from transformers import __version__

        saved = str(self._config.get("transformers_version", ""))
        try:
            newer = Version(saved) > Version(__version__)
        except InvalidVersion:
            return ""
        return (
            f" Or update transformers: the model was saved with {saved}, and {__version__} is installed."
            if newer
            else ""
        )

    def _error(self, cause: str, fix: str) -> CriticError:
        return CriticError(f"The critic in {self.name} cannot be loaded: {cause}. {fix}")

    @contextmanager
    def _readable(self, content: str) -> Iterator[None]:
        """Turn what transformers raises about the ``content`` of a folder into a CriticError that names the folder."""
        try:
            yield
        # Broken files raise nearly anything: errors of safetensors and huggingface_hub, TypeError, AttributeError.
        except Exception as error:
            if is_out_of_memory(error):
                raise
            cause = " ".join(str(error).split())
            fix = _AGAIN
            if isinstance(error, ImportError):
                fix = "Install what is missing with the Python that runs ComfyUI."
            elif "scaled_dot_product_attention" in cause:
                fix = "Set attention to eager."
            cause = cause if len(cause) <= _LONGEST_CAUSE else cause[:_LONGEST_CAUSE] + " ..."
            raise self._error(
                f"its {content} cannot be read ({cause.rstrip('.') or type(error).__name__})", fix + self._newer()
            ) from error
