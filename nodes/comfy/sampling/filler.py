"""A MODEL for inpainting as the library's filler: it redraws the holes of pictures from a prompt and what is around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..compat import editing
from .family import family_of
from .method import CustomSampling, KSamplerSettings
from .picture_model import PictureModel, drawn_size, scaled


@dataclass(frozen=True)
class FillSettings:
    """How a hole is redrawn.

    ``guidance`` is that of distilled models, ``negative`` what to avoid in any case. ``size`` is the longer side in
    pixels at which the model draws, 0 for the picture's own.
    """

    guidance: float = 30.0
    negative: str = ""
    size: int = 0


class ComfyFiller:
    """Redraws holes with a MODEL for inpainting, its CLIP and its VAE; implements ``xlard.protocols.Filler``.

    Each picture is drawn alone, inside of its hole from pure noise of its own seed. Raises ValueError where the MODEL
    reads no mask, the VAE is that of other latents, or the CLIP that of another model.
    """

    def __init__(
        self,
        model: Any,
        clip: Any,
        vae: Any,
        settings: FillSettings,
        drawing: KSamplerSettings,
        custom: CustomSampling | None = None,
    ):
        if not editing.reads_mask(model):
            raise ValueError(
                f"The model is of the family {family_of(model)}, which reads no mask among its channels: it would not "
                "see what is around a hole. Connect a model for inpainting, such as FLUX Fill, or an inpainting model "
                "of SDXL or SD 1.5."
            )
        self._drawer, self._settings = PictureModel("fill model", model, clip, vae, drawing, custom), settings
        # Encoded at once, so that the CLIP of another model is refused before anything is drawn.
        self._negative = self._drawer.encoded(settings.negative)

    def nfe(self) -> int:
        """Model calls of a picture: counted in the last one, before the first its steps."""
        return self._drawer.nfe()

    def fill(
        self, images: Tensor, holes: Tensor, prompts: Sequence[str], avoided: Sequence[str], seeds: Sequence[int]
    ) -> Tensor:
        """Images (B, H, W, 3) in [0, 1] in the same size, each redrawn by its own prompt where its hole (H, W) is 1."""
        told = zip(images, holes, prompts, avoided, seeds)
        return torch.cat(
            [self._filled(image[None], hole, prompt, avoid, seed) for image, hole, prompt, avoid, seed in told]
        )

    def _filled(self, image: Tensor, hole: Tensor, prompt: str, avoid: str, seed: int) -> Tensor:
        (height, width), drawer = image.shape[1:3], self._drawer
        size = drawn_size(height, width, self._settings.size)
        positive = editing.with_distilled_guidance(drawer.encoded(prompt), self._settings.guidance)
        positive, negative, latent = editing.with_hole(
            positive, self._avoiding(avoid), drawer.vae, scaled(image, *size), _scaled_hole(hole, size)
        )
        guider = drawer.guider(positive, negative)
        drawn = drawer.drawn(guider, latent["samples"], seed, latent["noise_mask"])
        return scaled(drawn, height, width).to(image)

    def _avoiding(self, avoid: str) -> list:
        if not avoid:
            return self._negative
        return self._drawer.encoded(", ".join(filter(None, (self._settings.negative, avoid))))


def _scaled_hole(hole: Tensor, size: tuple[int, int]) -> Tensor:
    """A hole (H, W) as a mask (1, h, w) of another size, of all pixels that show some of it."""
    if hole.shape == size:
        return hole[None]
    return (F.interpolate(hole[None, None], size, mode="bilinear", antialias=True)[0] > 0).to(hole)
