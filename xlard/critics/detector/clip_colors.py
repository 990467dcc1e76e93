"""The colour of an object by CLIP: the likeliest caption of its crop, as in GenEval (arXiv 2310.11513)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from ...detections import Detection
from ..backend import Ask
from ..memory import empty_cache, in_batches
from ..model_folder import WEIGHTS, ModelFolder
from ..pictures import full_picture

COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white")
"""GenEval's colours. An object has the likeliest of these and of those that the claims name."""

_TEMPLATES = ("a photo of a {color} {noun}", "a photo of a {color}-colored {noun}", "a photo of a {color} object")
_BACKGROUND = "#999"
"""Replaces everything outside the object's mask."""

_FILES = (
    WEIGHTS,
    (
        ("preprocessor_config.json", "processor_config.json"),
        "preprocessor_config.json is missing, and without it no CLIP sees pictures",
        "",
    ),
    (("tokenizer.*", "vocab.*"), "tokenizer.json is missing, and without it no CLIP reads captions", ""),
)


class ClipFolder(ModelFolder):
    """A folder with a CLIP of transformers. Raises FileNotFoundError if there is no model, CriticError if files are
    missing.
    """

    role, content = "CLIP", "CLIP model"

    def check(self) -> None:
        """Raises CriticError where files are missing, and for another model than a CLIP."""
        self._check_files(_FILES)
        self._check_known()
        if self.model_type != "clip":
            raise self._error(
                f"a model of type '{self.model_type}' is no CLIP", "Choose one such as openai/clip-vit-large-patch14."
            )

    @cached_property
    def processor(self) -> Any:
        """The processor of transformers. Raises CriticError if files are missing or damaged."""
        from transformers import CLIPProcessor

        with self._readable("processor"):
            return CLIPProcessor.from_pretrained(self.folder, local_files_only=True)

    def load_module(self) -> nn.Module:
        """Read the model's weights to the CPU, in fp32. Raises CriticError for files that are missing or damaged."""
        from transformers import CLIPModel

        return self._read_weights(CLIPModel, dtype=torch.float32)


class ClipColors:
    """Tells colours with the CLIP that ``model()`` returns, which must be on its device; implements
    ``judging.ColorReader``.

    ``check_interrupt`` is called before each noun of a picture, and may raise. If memory runs out, ``make_room`` is
    called and the noun tried again.
    """

    def __init__(
        self,
        folder: ClipFolder,
        model: Callable[[], nn.Module],
        check_interrupt: Callable[[], None] | None = None,
        make_room: Callable[[], None] = empty_cache,
    ):
        self.folder, self.model, self.name = folder, model, folder.name
        self.check_interrupt, self.make_room = check_interrupt or (lambda: None), make_room

    def tells(self, color: str) -> bool:
        """Any colour: the claims' own are among those that it chooses from."""
        return True

    def colors(self, detections: Sequence[Detection], image: Tensor, asked: Sequence[str]) -> list[str | None]:
        """The likeliest colour of each object in an image (H, W, 3) in [0, 1], among ``COLORS`` and those asked for;
        None where the model computes no numbers. Raises CriticError if memory does not suffice.
        """
        picture, candidates = full_picture(image), list(dict.fromkeys((*COLORS, *asked)))
        color_of: dict[int, str | None] = {}
        for noun in dict.fromkeys(detection.noun for detection in detections):
            places = [place for place, detection in enumerate(detections) if detection.noun == noun]
            crops = [_crop(picture, detections[place]) for place in places]

            def run(done: int, asks: list[Ask], noun: str = noun, crops: Sequence[Image.Image] = crops) -> list:
                self.check_interrupt()
                return [likeliest_colors(self.model(), self.folder.processor, crops, noun, candidates)]

            (found,) = in_batches(
                [Ask(noun, image)],
                1,
                run,
                self.make_room,
                self.name,
                self.folder.weights,
                self.folder.role,
                "Take a smaller CLIP, or tell colours by pixels.",
            )
            color_of.update(zip(places, found))
        return [color_of[place] for place in range(len(detections))]


@torch.inference_mode()
def likeliest_colors(
    model: Any, processor: Any, crops: Sequence[Image.Image], noun: str, colors: Sequence[str]
) -> list[str | None]:
    """The likeliest colour of the object in each crop, by a CLIP and its processor; None where the model computes no
    numbers.
    """
    texts = [template.format(color=color, noun=noun) for color in colors for template in _TEMPLATES]
    inputs = processor(text=texts, images=list(crops), return_tensors="pt", padding=True, truncation=True)
    output = model(**inputs.to(model.device))
    captions = output.text_embeds.unflatten(0, (len(colors), len(_TEMPLATES))).mean(dim=1)
    likeness = (output.image_embeds @ (captions / captions.norm(dim=-1, keepdim=True)).T).float().cpu()
    known = likeness.isfinite().all(dim=-1).tolist()
    return [colors[place] if is_known else None for place, is_known in zip(likeness.argmax(dim=-1).tolist(), known)]


def cut_out(picture: Image.Image, box: Sequence[float], mask: Tensor | None) -> Image.Image:
    """What a box (left, top, right, bottom in pixels) shows of a picture; on grey where there is a mask (H, W) of 0
    and 1.
    """
    if mask is not None:
        shape = Image.fromarray((mask > 0.5).to(torch.uint8).mul(255).cpu().numpy())
        picture = Image.composite(picture, Image.new("RGB", picture.size, _BACKGROUND), shape)
    left, top, right, bottom = box
    # A box less than a pixel wide would give an empty picture.
    return picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def _crop(picture: Image.Image, detection: Detection) -> Image.Image:
    x, y = detection.x, detection.y
    return cut_out(picture, (x, y, x + detection.width, y + detection.height), detection.mask)


def loaded_clip_colors(folder: ClipFolder, device: str = "cpu") -> ClipColors:
    """Colours by CLIP outside ComfyUI, with the model on one device. Raises CriticError for what is no CLIP."""
    folder.check()
    model = folder.load_module().to(device)
    return ClipColors(folder, lambda: model)
