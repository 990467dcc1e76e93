"""The autoencoder's crops, loss, PSNR, and pictures to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...training.precision import bfloat16_on_cpu
from ..vocabulary import SIDE
from .renders import Renders

_LATENT_NOISE = 0.1


def as_tensor(pictures: np.ndarray, device: str) -> Tensor:
    """Pictures (B, H, W, 3) uint8 as (B, 3, H, W) in [-1, 1], channels last in memory, which convolutions like."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


def crops(renders: Renders, number: int, side: int, rng: np.random.Generator, on_objects: float) -> np.ndarray:
    """Random square crops (number, side, side, 3), mirrored at random; a share ``on_objects`` lies around an object."""
    pictures = np.empty((number, side, side, 3), np.uint8)
    for index, row in enumerate(rng.integers(0, len(renders), number)):
        left, top = rng.integers(0, SIDE - side + 1, 2)
        boxes = renders.boxes[row][renders.boxes[row, :, 0] >= 0]
        if rng.random() < on_objects and len(boxes):
            box = boxes[rng.integers(0, len(boxes))].astype(int)
            middle = (box[:2] + box[2:] - side) // 2 + rng.integers(-side // 4, side // 4 + 1, 2)
            left, top = np.clip(middle, 0, SIDE - side)
        crop = renders.pictures[row, top : top + side, left : left + side]
        pictures[index] = crop[:, ::-1] if rng.random() < 0.5 else crop
    return pictures


def edge_error(difference: Tensor) -> Tensor:
    """Mean absolute error of horizontal and vertical gradients at three scales, from a difference (B, 3, H, W)."""
    total = difference.new_zeros(())
    for _ in range(3):
        total = total + difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
        difference = F.avg_pool2d(difference, 2)
    return total / 3


def error_of(decoded: Tensor, pictures: Tensor) -> Tensor:
    """Reconstruction error of pictures (B, 3, H, W): absolute and squared, and absolute of the gradients."""
    difference = decoded - pictures
    return difference.abs().mean() + 2 * difference.square().mean() + edge_error(difference)


def loss_of(autoencoder: Any, pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Reconstruction loss of pictures (B, 3, H, W) in [-1, 1], decoded from slightly noisy latents.

    The noise makes the decoder forgive small errors of a generator. The second term holds each latent channel near zero
    mean and unit deviation.
    """
    with bfloat16_on_cpu(pictures.device):
        latents = autoencoder.encode(pictures).latents
        amount = _LATENT_NOISE * torch.rand(len(latents), 1, 1, 1, generator=generator)
        noise = amount * torch.randn(latents.shape, generator=generator)
        decoded = autoencoder.decode(latents + noise.to(latents.device)).sample
    latents = latents.float()
    moments = latents.mean(dim=(0, 2, 3)).square().mean() + (latents.std(dim=(0, 2, 3)) - 1).square().mean()
    return error_of(decoded.float(), pictures) + 0.05 * moments


@torch.no_grad()
def reconstructed(autoencoder: Any, pictures: Tensor, batch: int = 16) -> tuple[Tensor, Tensor]:
    """Latents (B, 16, H/8, W/8) and reconstructions (B, 3, H, W) in [-1, 1] of pictures."""
    latents = torch.cat([autoencoder.encode(inputs).latents for inputs in pictures.split(batch)])
    return latents, torch.cat([autoencoder.decode(inputs).sample.clamp(-1, 1) for inputs in latents.split(batch)])


def evaluate(autoencoder: Any, renders: Renders, device: str) -> dict[str, float]:
    """The reconstruction loss, PSNR in dB of whole pictures and inside the objects' boxes (means over the renders), and
    the latents' moments.
    """
    pictures = as_tensor(renders.pictures, device)
    latents, decoded = reconstructed(autoencoder, pictures)
    error = ((decoded - pictures) / 2).square().mean(dim=1)
    inside = torch.zeros_like(error)
    for row, boxes in enumerate(renders.boxes):
        for left, top, right, bottom in boxes[boxes[:, 0] >= 0].clip(min=0):
            inside[row, top:bottom, left:right] = 1
    error_of_objects = (error * inside).sum(dim=(1, 2)) / inside.sum(dim=(1, 2)).clamp_min(1)
    return {
        "loss": round(error_of(decoded, pictures).item(), 5),
        "psnr": round(-10 * error.mean(dim=(1, 2)).log10().mean().item(), 3),
        "psnr_objects": round(-10 * error_of_objects.log10().mean().item(), 3),
        "latent_mean": round(latents.mean().item(), 4),
        "latent_std": round(latents.std().item(), 4),
    }


def side_by_side(autoencoder: Any, renders: Renders, device: str, number: int = 24, scale: int = 2) -> np.ndarray:
    """Pairs of render and reconstruction, four pairs a row, enlarged without smoothing: (H, W, 3) uint8."""
    pictures = renders.pictures[:number]
    _, decoded = reconstructed(autoencoder, as_tensor(pictures, device))
    decoded_pictures = ((decoded + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    pairs = np.concatenate([pictures, decoded_pictures], axis=2)
    rows = [np.concatenate(list(pairs[start : start + 4]), axis=1) for start in range(0, len(pairs) // 4 * 4, 4)]
    return np.concatenate(rows).repeat(scale, axis=0).repeat(scale, axis=1)
