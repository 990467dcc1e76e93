"""LATENT and CONDITIONING as the plain tensors that the library reads."""

from __future__ import annotations

import comfy.utils
import torch
from torch import Tensor

from ..compat.sampling import mask_like

PIXELS_PER_LATENT = 8
"""Enlargement of maps for viewing; the true ratio is the VAE's, which no latent knows."""


def as_pictures(samples: Tensor) -> Tensor:
    """The samples of a LATENT as (B, C, h, w); video-shaped ones (B, C, 1, h, w) lose their frame axis.

    Raises ValueError for an empty latent, more than one frame, several latents in one, NaN or infinite values.
    """
    pictures = shaped_pictures(samples)
    if not torch.isfinite(pictures).all():
        raise ValueError(
            "The latent holds NaN or infinite values. The node that made it failed: lower the CFG, or "
            "run the model in fp32 or bf16."
        )
    return pictures


def shaped_pictures(samples: Tensor) -> Tensor:
    """``as_pictures`` of samples that may hold NaN and infinite values."""
    if getattr(samples, "is_nested", False):
        raise ValueError(
            "This latent holds several latents in one (picture and sound). Separate them first, and "
            "connect the picture's."
        )
    if samples.ndim == 5 and samples.shape[2] == 1:
        samples = samples[:, :, 0]
    elif samples.ndim == 5:
        raise ValueError(
            f"This latent is a video of {samples.shape[2]} latent frames {tuple(samples.shape)}; xLARD "
            "works on single pictures. Use a latent of one frame."
        )
    if samples.ndim != 4 or samples.numel() == 0:
        raise ValueError(
            "A latent must have the shape (batch, channels, height, width) with no empty side; this one "
            f"is {tuple(samples.shape)}. Check the width, height and batch size of the node that made it."
        )
    return samples


def like_source(pictures: Tensor, source: Tensor) -> Tensor:
    """Latents (B, C, h, w) in the shape of samples: with a frame axis if the samples have one."""
    return pictures.unsqueeze(2) if source.ndim == 5 else pictures


def with_source(latent: dict, source: dict | None) -> dict:
    """A LATENT with the samples of the source that is edited; unchanged without a source.

    One source serves all pictures of a batch. Raises ValueError for another number of pictures, for several that
    differ, and for another shape.
    """
    if source is None:
        return latent
    samples, replaced = as_pictures(source["samples"]), as_pictures(latent["samples"])
    if len(samples) not in (1, len(replaced)) or samples.shape[1:] != replaced.shape[1:]:
        raise ValueError(
            f"The source is {tuple(samples.shape)}, latent_image {tuple(replaced.shape)} (batch, channels, height,"
            " width): they must have the same shape. Connect VAE Encode of the picture to both."
        )
    if (samples != samples[:1]).any():
        raise ValueError(
            f"The source holds {len(samples)} pictures that differ, and the claims of an edit are of one picture. Take"
            " one of them, for example with LatentFromBatch."
        )
    shaped = source["samples"] if source["samples"].ndim == 5 else latent["samples"]
    return {**latent, "samples": like_source(comfy.utils.repeat_to_batch_size(samples, len(replaced)), shaped)}


def mask_of(latent: dict, like: Tensor) -> Tensor | None:
    """The LATENT's noise mask in the shape of ``like`` (B, C, h, w), 1 where a picture may change; None without one."""
    mask = latent.get("noise_mask")
    return None if mask is None else mask_like(mask, like)


def prompt_embeddings(conditioning: list, batch: int) -> Tensor:
    """The first prompt of a CONDITIONING as (batch, L, D) in fp32, which heads and correctors compute in.

    Raises ValueError if there is none.
    """
    if not conditioning or not isinstance(conditioning[0][0], Tensor):
        raise ValueError(
            "The conditioning holds no text embedding. Connect the one of CLIP Text Encode that the "
            "picture was made with."
        )
    return comfy.utils.repeat_to_batch_size(conditioning[0][0].float(), batch)


def map_image(maps: Tensor) -> Tensor:
    """Maps (B, h, w) in [0, 1] in latent pixels as a grey IMAGE (B, H, W, 3)."""
    enlarged = torch.nn.functional.interpolate(maps[:, None].float(), scale_factor=PIXELS_PER_LATENT, mode="bilinear")
    return enlarged.clamp(0, 1).movedim(1, -1).expand(-1, -1, -1, 3).contiguous()
