"""A MODEL for editing as the library's editor: a picture and an instruction become its conditioning, and it draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import torch
import torch.nn.functional as F
from torch import Tensor

from ..compat import editing
from ..compat.encoders import vae_shape
from ..compat.guiders import cfg_guider, named_sampler
from ..compat.sampling import add_call_hook, sampled, schedule_of
from .family import family_of
from .latents import as_pictures
from .method import CustomSampling, KSamplerSettings, checked_sigmas
from .sampler import ComfyDecoder, NfeCounter

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

_CELL = 16
"""Pixels that the sides of an edited picture are multiples of: eight to a cell of the latent, two cells to a token."""


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
        self._model, self._clip, self._vae, self._settings, self._drawing = model.clone(), clip, vae, settings, drawing
        self._counter, self._decoder, self._measured = NfeCounter(), ComfyDecoder(vae), 0
        add_call_hook(self._model, self._counter)
        custom = custom or CustomSampling()
        if custom.sigmas is None:
            self._sigmas = schedule_of(self._model, drawing.steps, drawing.sampler_name, drawing.scheduler)
        else:
            self._sigmas = checked_sigmas(self._model, custom.sigmas)
        self._sampler = named_sampler(drawing.sampler_name) if custom.sampler is None else custom.sampler
        self.method = _method_of(self._model, settings.method)
        channels, expected = vae_shape(vae)[0], self._model.get_model_object("latent_format").latent_channels
        if channels not in (None, expected):
            raise ValueError(
                f"The edit model works on {expected}-channel latents, and the VAE makes {channels}-channel ones. "
                "Connect the VAE of the edit model."
            )

    def nfe(self) -> int:
        """Model calls of an edit: counted in the last one, before the first its steps."""
        return self._measured or len(self._sigmas) - 1

    def edit(self, images: Tensor, instructions: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Images (B, H, W, 3) in [0, 1], each changed by its own instruction, in the same size.

        Raises ValueError where the CLIP is that of another model.
        """
        return torch.cat(
            [self._edited(image[None], told, seed) for image, told, seed in zip(images, instructions, seeds)]
        )

    def _edited(self, image: Tensor, instruction: str, seed: int) -> Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        height, width = image.shape[1:3]
        positive, negative, plain, latent = self._conditioned(_scaled(image, *self._size(height, width)), instruction)
        settings = self._settings
        if settings.image_cfg:
            guider = editing.dual_guider(self._model, positive, negative, plain, self._drawing.cfg, settings.image_cfg)
        else:
            guider = cfg_guider(self._model, positive, negative, self._drawing.cfg)
        before = self._counter.nfe
        samples = sampled(guider, torch.zeros_like(latent), [seed], self._sampler, self._sigmas, None)
        self._measured = self._counter.nfe - before
        return _scaled(self._decoder.decode(as_pictures(samples)), height, width).to(image)

    def _conditioned(self, image: Tensor, instruction: str) -> tuple[list, list, list, Tensor]:
        """The instruction with the picture, no instruction with the picture, and neither as CONDITIONINGs; and a latent
        of the picture's shape.
        """
        avoided = self._settings.negative
        if self.method in (QWEN, QWEN_NEWER):
            texts, newer = (instruction, avoided), self.method == QWEN_NEWER
            positive, negative = (
                editing.encoded_with_picture(self._clip, text, self._vae, image, newer) for text in texts
            )
            self._check_width(positive)
            plain = self._encoded(avoided) if self._settings.image_cfg else negative
            latent = self._vae.encode(image)
        elif self.method == CONCAT:
            plain = self._encoded(avoided)
            positive, negative, latent = editing.with_concat(self._encoded(instruction), plain, self._vae, image)
        else:
            plain, latent = self._encoded(avoided), self._vae.encode(image)
            positive, negative = (editing.with_reference(text, latent) for text in (self._encoded(instruction), plain))
        return (editing.with_distilled_guidance(positive, self._settings.guidance), negative, plain, latent)

    def _encoded(self, text: str) -> list:
        encoded = self._clip.encode_from_tokens_scheduled(self._clip.tokenize(text))
        self._check_width(encoded)
        return encoded

    def _check_width(self, encoded: list) -> None:
        expected, width = editing.prompt_width(self._model), encoded[0][0].shape[-1]
        if expected not in (None, width):
            raise ValueError(
                f"The edit model reads prompts of the width {expected}, and its CLIP makes {width}. Connect the "
                "CLIP of the edit model."
            )

    def _size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which a picture is edited."""
        scale = self._settings.size / max(height, width) if self._settings.size else 1.0
        high, wide = (max(_CELL, _CELL * math.floor(side * scale / _CELL + 0.5)) for side in (height, width))
        return high, wide


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


def _scaled(image: Tensor, height: int, width: int) -> Tensor:
    """An image (B, H, W, 3) in another size; itself where it has that size."""
    if image.shape[1:3] == (height, width):
        return image
    scaled = F.interpolate(image.movedim(-1, 1), (height, width), mode="bicubic", antialias=True)
    return scaled.movedim(1, -1).clamp(0, 1)
