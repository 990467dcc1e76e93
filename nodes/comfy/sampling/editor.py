"""A MODEL for editing as the library's editor: a picture and an instruction become its conditioning, and it draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..compat import editing
from .family import family_of
from .method import CustomSampling, KSamplerSettings
from .picture_model import PictureModel, drawn_size, scaled

AUTO, REFERENCE, CONCAT, QWEN, QWEN_NEWER = METHODS = (
    "auto",
    "reference latents",
    "concat",
    "Qwen-Image-Edit",
    "Qwen-Image-Edit 2509 and later",
)
"""How a model is given the picture: as a latent among its tokens, as one among its channels, or that and seen by its
text encoder.
"""


@dataclass(frozen=True)
class EditSettings:
    """How an edit is drawn.

    ``image_cfg`` above 0 is a guidance of its own by the picture, ``guidance`` that of distilled models, ``negative``
    what to avoid. ``size`` is the longer side in pixels at which the model edits, 0 for the picture's own.
    """

    method: str = AUTO
    negative: str = ""
    image_cfg: float = 0.0
    guidance: float = 2.5
    size: int = 0


class ComfyEditor:
    """Edits pictures with a MODEL, its CLIP and its VAE; implements ``xlard.protocols.Editor``.

    Each picture is drawn alone, from pure noise of its own seed. Raises ValueError where the MODEL is none for editing,
    or the VAE is that of other latents.
    """

    def __init__(
        self,
        model: Any,
        clip: Any,
        vae: Any,
        settings: EditSettings,
        drawing: KSamplerSettings,
        custom: CustomSampling | None = None,
    ):
        self.method = _method_of(model, settings.method)
        self._drawer = PictureModel("edit model", model, clip, vae, drawing, custom)
        self._settings, self._cfg = settings, drawing.cfg

    def nfe(self) -> int:
        """Model calls of an edit: counted in the last one, before the first its steps."""
        return self._drawer.nfe()

    def edit(self, images: Tensor, instructions: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Images (B, H, W, 3) in [0, 1], each changed by its own instruction, in the same size.

        Raises ValueError where the CLIP is that of another model.
        """
        return torch.cat(
            [self._edited(image[None], told, seed) for image, told, seed in zip(images, instructions, seeds)]
        )

    def _edited(self, image: Tensor, instruction: str, seed: int) -> Tensor:
        height, width = image.shape[1:3]
        settings, drawer = self._settings, self._drawer
        shown = scaled(image, *drawn_size(height, width, settings.size))
        positive, negative, plain, latent = self._conditioned(shown, instruction)
        if settings.image_cfg:
            guider = editing.dual_guider(drawer.model, positive, negative, plain, self._cfg, settings.image_cfg)
        else:
            guider = drawer.guider(positive, negative)
        return scaled(drawer.drawn(guider, torch.zeros_like(latent), seed), height, width).to(image)

    def _conditioned(self, image: Tensor, instruction: str) -> tuple[list, list, list, Tensor]:
        """The instruction with the picture, no instruction with the picture, and neither as CONDITIONINGs; and a latent
        of the picture's shape.
        """
        avoided, drawer = self._settings.negative, self._drawer
        if self.method in (QWEN, QWEN_NEWER):
            texts, newer = (instruction, avoided), self.method == QWEN_NEWER
            positive, negative = (
                editing.encoded_with_picture(drawer.clip, text, drawer.vae, image, newer) for text in texts
            )
            drawer.check_width(positive)
            plain = drawer.encoded(avoided) if self._settings.image_cfg else negative
            latent = drawer.vae.encode(image)
        elif self.method == CONCAT:
            plain = drawer.encoded(avoided)
            told = drawer.encoded(instruction)
            positive, negative, latent = editing.with_concat(told, plain, drawer.vae, image)
        else:
            plain, latent = drawer.encoded(avoided), drawer.vae.encode(image)
            positive, negative = (editing.with_reference(text, latent) for text in (drawer.encoded(instruction), plain))
        return (editing.with_distilled_guidance(positive, self._settings.guidance), negative, plain, latent)


def _method_of(model: Any, method: str) -> str:
    """How a MODEL is given the picture. Raises ValueError where it reads none in that way."""
    concat, references = editing.reads_concat(model), editing.reads_references(model)
    if method == AUTO:
        method = CONCAT if concat else QWEN_NEWER if editing.is_qwen_image(model) else REFERENCE
    if not (concat if method == CONCAT else references):
        reads = "a picture among its channels" if method == CONCAT else "reference latents"
        raise ValueError(
            f"The model is of the family {family_of(model)}, which does not read {reads}: it would draw the "
            "instruction and not see the picture. Connect a model for editing, such as FLUX Kontext, FLUX.2, OmniGen2, "
            "Qwen-Image-Edit, InstructPix2Pix or HiDream-E1, with its own method."
        )
    return method
