"""Train the autoencoder on renders: AutoencoderTiny, trained narrow, zero-padded to TAESD's 64 channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ....prompts import claims_from_prompt
from ....training.trainer import Trainer, default_device, machine
from ...previews import preview_factors
from ..architecture import build_autoencoder
from ..checker import as_uint8, check
from ..vocabulary import SIDE
from .scenes import pictures_of, scene_pool

_LATENT_NOISE = 0.08
_CROP = 32
_OBJECT_WEIGHT = 4.0


def loss_of(autoencoder: Any, pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Reconstruction loss of pictures (B, 3, H, W) in [-1, 1], decoded from slightly noisy latents.

    Saturated pixels weigh more. The noise makes the decoder forgive what a generator gets slightly wrong; the second
    term holds the latents near zero mean and unit deviation: the diffusion model needs no scaling factor.
    """
    latents = autoencoder.encode(pictures).latents
    amount = torch.rand(len(latents), 1, 1, 1, generator=generator) * _LATENT_NOISE
    noisy = latents + (amount * torch.randn(latents.shape, generator=generator)).to(latents.device)
    decoded = autoencoder.decode(noisy).sample
    difference = (decoded - pictures).abs()
    # Objects cover a tenth of a picture: without more weight on saturated pixels the rarer colours come last.
    weight = 1 + _OBJECT_WEIGHT * (pictures.amax(dim=1, keepdim=True) - pictures.amin(dim=1, keepdim=True))
    error = (weight * (difference + 2 * difference.square())).mean() / weight.mean()
    moments = latents.mean(dim=(0, 2, 3)).square().mean() + (latents.std(dim=(0, 2, 3)) - 1).square().mean()
    return error + 0.05 * moments


@torch.no_grad()
def evaluate(autoencoder: Any, number: int, seed: int, device: str) -> dict:
    """PSNR in dB, share of reconstructions on which the checker finds every claim true, and the latents' moments."""
    texts, packed = scene_pool("validation", number, seed)
    pictures = pictures_of(packed, torch.Generator(device).manual_seed(seed))
    latents = torch.cat([autoencoder.encode(batch).latents for batch in pictures.split(100)])
    decoded = torch.cat([autoencoder.decode(batch).sample.clamp(-1, 1) for batch in latents.split(100)])
    error = (decoded - pictures).square().mean(dim=(1, 2, 3)) / 4
    right = [check((picture + 1) / 2, claims_from_prompt(text)).passed for text, picture in zip(texts, decoded)]
    return {
        "psnr": round(-10 * error.log10().mean().item(), 2),
        "right": sum(right) / number,
        "pictures": number,
        "latent_mean": round(latents.mean().item(), 3),
        "latent_std": round(latents.std().item(), 3),
    }


@torch.no_grad()
def _preview_factors(autoencoder: Any, seed: int, device: str) -> list[list[float]]:
    """See ``previews.preview_factors``, of 500 scenes."""
    pictures = pictures_of(scene_pool(None, 500, seed)[1], torch.Generator(device).manual_seed(seed))
    return preview_factors(pictures, autoencoder.encode(pictures).latents)


def figures_of(trainer: Trainer, autoencoder: Any) -> dict:
    """What a finished training says of itself: steps, time, machine, and how good the autoencoder is."""
    return {
        "steps": trainer.step,
        "seed": trainer.seed,
        "seconds": round(trainer.seconds),
        "machine": machine(),
        **evaluate(autoencoder, 500, trainer.seed + 1, trainer.device),
        "preview_factors": _preview_factors(autoencoder, trainer.seed + 2, trainer.device),
    }


def widen(narrow: Any) -> Any:
    """The same function at TAESD's 64 channels: extra channels are zero and stay zero through every ReLU."""
    wide = build_autoencoder(64)
    state = wide.state_dict()
    for name, value in narrow.state_dict().items():
        padded = torch.zeros_like(state[name])
        padded[tuple(slice(0, size) for size in value.shape)] = value
        state[name] = padded
    wide.load_state_dict(state)
    return wide


def load_narrow(folder: Path, name: str = "narrow_vae") -> Any:
    """A trained autoencoder at its own width, several times faster than the padded one. Reads ``folder/<name>``."""
    from diffusers import AutoencoderTiny

    return AutoencoderTiny.from_pretrained(folder / name).eval()


def train(
    folder: Path,
    steps: int,
    batch: int,
    width: int,
    seed: int,
    pool: int,
    max_seconds: float | None = None,
    learning_rate: float = 2e-3,
) -> dict:
    """Train, evaluate and save ``folder/vae`` (half precision); returns the figures."""
    device = default_device()
    torch.manual_seed(seed)
    trainer = Trainer(folder / "autoencoder", build_autoencoder(width), steps, learning_rate, seed, device)
    drawing = torch.Generator(device).manual_seed(seed)
    rendered = torch.cat(
        [
            as_uint8(pictures_of(scenes, drawing) / 2 + 0.5).cpu()
            for scenes in scene_pool(None, pool, seed)[1].split(250)
        ]
    )

    def batch_loss(step: int, generator: torch.Generator) -> Tensor:
        rows = torch.randint(0, len(rendered), (batch,), generator=generator)
        top, left = torch.randint(0, SIDE - _CROP + 1, (2,), generator=generator).tolist()
        crops = rendered[rows, :, top : top + _CROP, left : left + _CROP].to(device)
        return loss_of(trainer.module, crops.float() / 127.5 - 1, generator)

    trainer.run(batch_loss, max_seconds=max_seconds)
    autoencoder: Any = trainer.module.eval()
    figures = {"model": "autoencoder", "batch": batch, "width": width, **figures_of(trainer, autoencoder)}
    autoencoder.cpu().save_pretrained(folder / "narrow_vae")
    widen(autoencoder).half().save_pretrained(folder / "vae")
    return figures
