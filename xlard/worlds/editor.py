"""A world's edit model outside ComfyUI: a flow UNet that sees a picture's latent, and is told what to change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..protocols import Decoder, Encoder
from .sampling import FlowSampler


class EditSampler(FlowSampler):
    """A FlowSampler whose UNet reads the latents of ``sources`` (B, C, h, w) beside its own.

    Guidance as in InstructPix2Pix (arXiv 2211.09800): ``guidance_scale`` by the instruction beyond the picture, and
    ``image_scale`` by the picture, which takes a third prediction where it is not 1.
    """

    def __init__(
        self,
        unet: Any,
        text_encoder: Any,
        tokenizer: Any,
        instructions: Sequence[str],
        device: str,
        steps: int,
        guidance_scale: float,
        image_scale: float,
        sources: Tensor,
    ):
        super().__init__(unet, text_encoder, tokenizer, instructions, device, steps, guidance_scale)
        self.shape = (sources.shape[1], *self.shape[1:])
        self.sources, self.image_scale = sources.to(device), image_scale

    def _flow(self, noisy: Tensor, noise_level: Tensor, context: Tensor) -> Tensor:
        empty, unseen = self.empty.expand(len(context), -1, -1), torch.zeros_like(self.sources)
        asked = [(self.sources, context), (self.sources, empty)]
        if self.image_scale != 1:
            asked.append((unseen, empty))
        output = self.unet(
            torch.cat([torch.cat([noisy, source], dim=1) for source, _ in asked]),
            noise_level.to(self.device) * 1000,
            encoder_hidden_states=torch.cat([told for _, told in asked]),
        ).sample
        told, seen, *alone = output.chunk(len(asked))
        by_picture = alone[0] + self.image_scale * (seen - alone[0]) if alone else seen
        return by_picture + self.guidance_scale * (told - seen)


class WorldEditor:
    """``protocols.Editor`` with a world's edit model, and with what encodes its instructions and pictures."""

    def __init__(
        self,
        unet: Any,
        text_encoder: Any,
        tokenizer: Any,
        encoder: Encoder,
        decoder: Decoder,
        device: str,
        steps: int,
        guidance_scale: float,
        image_scale: float,
    ):
        self._models = (unet, text_encoder, tokenizer)
        self._encoder, self._decoder, self._device = encoder, decoder, device
        self._steps, self._scales = steps, (guidance_scale, image_scale)

    def nfe(self) -> int:
        """Model calls of an edit: guidance counts as part of one."""
        return self._steps

    def edit(self, images: Tensor, instructions: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Images (B, H, W, 3) in [0, 1], each changed by its own instruction."""
        sources = self._encoder.encode(images)
        sampler = EditSampler(*self._models, instructions, self._device, self._steps, *self._scales, sources)
        return self._decoder.decode(sampler.generate(range(len(images)), seeds))
