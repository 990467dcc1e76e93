"""A MODEL that makes a picture out of another one, with its CLIP and its VAE: what editing and filling share."""

from __future__ import annotations

import math
from typing import Any

import comfy.model_management
import torch.nn.functional as F
from torch import Tensor

from ..compat import editing
from ..compat.clones import cloned
from ..compat.encoders import vae_shape
from ..compat.guiders import cfg_guider
from ..compat.sampling import add_call_hook, sampled, schedule_of
from .latents import as_pictures
from .method import CustomSampling, KSamplerSettings, checked_sigmas
from .sampler import ComfyDecoder, NfeCounter

_CELL = 16
"""Pixels that the sides of a drawn picture are multiples of: eight to a cell of the latent, two cells to a token."""


class PictureModel:
    """Draws pictures one by one, each from pure noise of its own seed.

    ``kind`` is what messages call the model. Raises ValueError where the VAE is that of other latents.
    """

    def __init__(
        self,
        kind: str,
        model: Any,
        clip: Any,
        vae: Any,
        drawing: KSamplerSettings,
        custom: CustomSampling | None = None,
    ):
        self.model, self.clip, self.vae = cloned(model), clip, vae
        self._kind, self._cfg = kind, drawing.cfg
        self._counter, self._decoder, self._measured = NfeCounter(), ComfyDecoder(vae), 0
        add_call_hook(self.model, self._counter)
        custom = custom or CustomSampling()
        if custom.sigmas is None:
            self._sigmas = schedule_of(self.model, drawing.steps, drawing.sampler_name, drawing.scheduler)
        else:
            self._sigmas = checked_sigmas(self.model, custom.sigmas)
        self._sampler = custom.sampler_or(drawing.sampler_name)
        channels, expected = vae_shape(vae)[0], self.model.get_model_object("latent_format").latent_channels
        if channels not in (None, expected):
            raise ValueError(
                f"The {kind} works on {expected}-channel latents, and the VAE makes {channels}-channel ones. "
                f"Connect the VAE of the {kind}."
            )

    def nfe(self) -> int:
        """Model calls of a picture: counted in the last one, before the first its steps."""
        return self._measured or len(self._sigmas) - 1

    def encoded(self, text: str) -> list:
        """A text as a CONDITIONING. Raises ValueError where the CLIP is that of another model."""
        encoded = self.clip.encode_from_tokens_scheduled(self.clip.tokenize(text))
        self.check_width(encoded)
        return encoded

    def check_width(self, encoded: list) -> None:
        """Raise ValueError for a CONDITIONING that the MODEL cannot read."""
        expected, width = editing.prompt_width(self.model), encoded[0][0].shape[-1]
        if expected not in (None, width):
            raise ValueError(
                f"The {self._kind} reads prompts of the width {expected}, and its CLIP makes {width}. Connect the "
                f"CLIP of the {self._kind}."
            )

    def guider(self, positive: list, negative: list) -> Any:
        """A GUIDER as KSampler has it."""
        return cfg_guider(self.model, positive, negative, self._cfg)

    def drawn(self, guider: Any, latent: Tensor, seed: int, noise_mask: Tensor | None = None) -> Tensor:
        """The picture (1, H, W, 3) in [0, 1] that a GUIDER draws over a latent, inside of a noise mask if there is
        one.
        """
        comfy.model_management.throw_exception_if_processing_interrupted()
        before = self._counter.nfe
        samples = sampled(guider, latent, [seed], self._sampler, self._sigmas, noise_mask)
        self._measured = self._counter.nfe - before
        return self._decoder.decode(as_pictures(samples))


def drawn_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width at which a picture is drawn whose longer side is to have ``side`` pixels, 0: its own."""
    scale = side / max(height, width) if side else 1.0
    high, wide = (max(_CELL, _CELL * math.floor(length * scale / _CELL + 0.5)) for length in (height, width))
    return high, wide


def scaled(image: Tensor, height: int, width: int) -> Tensor:
    """An image (B, H, W, 3) in another size; itself where it has that size."""
    if image.shape[1:3] == (height, width):
        return image
    enlarged = F.interpolate(image.movedim(-1, 1), (height, width), mode="bicubic", antialias=True)
    return enlarged.movedim(1, -1).clamp(0, 1)
