"""The colour of objects by CLIP, from a local folder: the likeliest of GenEval's ten."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from ...training.prompt_lists import COLORS
from ..errors import BenchError
from .rules import DetectedObject

_TEMPLATES = ("a photo of a {color} {name}", "a photo of a {color}-colored {name}", "a photo of a {color} object")
_BACKGROUND = "#999"
"""Replaces everything outside the object's mask."""


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

    @torch.inference_mode()
    def __call__(self, picture: Image.Image, objects: Sequence[DetectedObject], name: str) -> list[str]:
        """The colour of each object of the class ``name`` in the picture, one of ``COLORS``."""
        texts = [template.format(color=color, name=name) for color in COLORS for template in _TEMPLATES]
        crops = [crop(picture, detected) for detected in objects]
        inputs = self._processor(text=texts, images=crops, return_tensors="pt", padding=True)
        output = self._model(**inputs.to(self._model.device))
        colors = output.text_embeds.unflatten(0, (len(COLORS), len(_TEMPLATES))).mean(dim=1)
        likeness = output.image_embeds @ (colors / colors.norm(dim=-1, keepdim=True)).T
        return [COLORS[place] for place in likeness.argmax(dim=-1).tolist()]


def crop(picture: Image.Image, detected: DetectedObject) -> Image.Image:
    """The object's box out of a picture, on grey if the object has a mask."""
    if detected.mask is not None:
        mask = Image.fromarray(detected.mask.to(torch.uint8).mul(255).numpy(), "L")
        picture = Image.composite(picture, Image.new("RGB", picture.size, _BACKGROUND), mask)
    left, top, right, bottom = detected.box
    # A box less than a pixel wide would give an empty picture.
    return picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
