"""The colour of objects by CLIP, from a local folder: the likeliest of GenEval's ten."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from ...critics.detector.clip_colors import COLORS, cut_out, likeliest_colors
from ..errors import BenchError
from .rules import DetectedObject


class ClipColors:
    """Names colours with the CLIP in a folder in Hugging Face format. Raises BenchError for another folder."""

    def __init__(self, folder: Path):
        from transformers import CLIPModel, CLIPProcessor

        self.name = folder.name
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        self._processor: Any
        self._model: Any
        loading: dict[str, list[str]]
        # Any: transformers does not type that it returns a pair with output_loading_info.
        load: Any = CLIPModel.from_pretrained
        try:
            self._processor = CLIPProcessor.from_pretrained(folder, **options)
            # Pictures are in single precision, whatever precision the folder has.
            self._model, loading = load(
                folder, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **options
            )
        # Broken files raise nearly anything: of safetensors, of huggingface_hub, KeyError, TypeError.
        except Exception as error:
            cause = " ".join(str(error).split())[:300] or type(error).__name__
            raise BenchError(
                f"The CLIP in {folder} cannot be read: {cause}. Give the folder of a CLIP in Hugging Face format with "
                "its safetensors, such as clip-vit-large-patch14."
            ) from error
        if loading["missing_keys"]:
            raise BenchError(
                f"The model in {folder} is no whole CLIP: {sorted(loading['missing_keys'])[0]} is missing. Give the"
                " folder of a CLIP, such as clip-vit-large-patch14."
            )
        self._model.eval()

    def to(self, device: str) -> None:
        """Move the model to the device that pictures are judged on."""
        self._model.to(device)

    def __call__(self, picture: Image.Image, objects: Sequence[DetectedObject], name: str) -> list[str]:
        """The colour of each object of the class ``name`` in the picture, one of ``COLORS``; empty where CLIP computes
        no numbers.
        """
        crops = [cut_out(picture, detected.box, detected.mask) for detected in objects]
        return [color or "" for color in likeliest_colors(self._model, self._processor, crops, name, COLORS)]
