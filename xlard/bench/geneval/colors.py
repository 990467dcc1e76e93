"""The colour of objects by CLIP, from a local folder: the likeliest of GenEval's ten."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from ...comfy_server.errors import BenchError
from ...training.prompt_lists import COLORS
from .rules import Found

_TEMPLATES = ("a photo of a {color} {name}", "a photo of a {color}-colored {name}", "a photo of a {color} object")
_BACKGROUND = "#999"
"""What takes the place of everything that is not the object, where a mask says what is."""


class ClipColors:
    """Names colours with the CLIP in a folder in Hugging Face format. Raises BenchError for another folder."""

    def __init__(self, folder: Path):
        from transformers import CLIPModel, CLIPProcessor

        self.name = folder.name
        options = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._processor = CLIPProcessor.from_pretrained(folder, **options)
            # Pictures come in single precision, whatever the folder was saved in.
            self._model, found = CLIPModel.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **options
            )
        # Broken files raise nearly anything: of safetensors, of huggingface_hub, KeyError, TypeError.
        except Exception as error:
            cause = " ".join(str(error).split())[:300] or type(error).__name__
            raise BenchError(
                f"The CLIP in {folder} cannot be read: {cause}. Give the folder of a CLIP in Hugging Face format with "
                "its safetensors, such as clip-vit-large-patch14."
            ) from error
        if found["missing_keys"]:
            raise BenchError(
                f"The model in {folder} is no whole CLIP: {sorted(found['missing_keys'])[0]} is missing. Give the"
                " folder of a CLIP, such as clip-vit-large-patch14."
            )
        self._model.eval()

    def to(self, device: str) -> None:
        """Move to where pictures are looked at."""
        self._model.to(device)

    @torch.inference_mode()
    def __call__(self, picture: Image.Image, objects: Sequence[Found], name: str) -> list[str]:
        """The colour of each object of the class ``name`` in the picture, one of ``COLORS``."""
        texts = [template.format(color=color, name=name) for color in COLORS for template in _TEMPLATES]
        inputs = self._processor(
            text=texts, images=[crop(picture, each) for each in objects], return_tensors="pt", padding=True
        )
        output = self._model(**inputs.to(self._model.device))
        colors = output.text_embeds.unflatten(0, (len(COLORS), len(_TEMPLATES))).mean(dim=1)
        likeness = output.image_embeds @ (colors / colors.norm(dim=-1, keepdim=True)).T
        return [COLORS[place] for place in likeness.argmax(dim=-1).tolist()]


def crop(picture: Image.Image, found: Found) -> Image.Image:
    """The object's box out of a picture, on grey where the object has a mask."""
    if found.mask is not None:
        mask = Image.fromarray(found.mask.to(torch.uint8).mul(255).numpy(), "L")
        picture = Image.composite(picture, Image.new("RGB", picture.size, _BACKGROUND), mask)
    left, top, right, bottom = found.box
    # A box that is less than a pixel wide has nothing to look at.
    return picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
