"""Commands that only the shapes world has."""

from __future__ import annotations

from pathlib import Path

import torch

from ...prompts import claims_from_prompt
from ..decoder import load_autoencoder
from .checker import check as check_picture
from .training.scenes import pictures_of, scene_pool
from .world import ShapesWorld

BUNDLED = {
    "pipeline/unet": "generator",
    "pipeline/text_encoder": "generator",
    "pipeline/vae": "decoder",
    "critic": "critic",
    "detector": "detector",
    "head.safetensors": "head",
    "corrector.safetensors": "corrector",
}
"""Which training's figures go into the metadata of which weights."""


def check(world: ShapesWorld, out: Path, number: int, reconstructions: int, seed: int) -> None:
    """Score the checker on fresh renders of test prompts, and on what the autoencoder makes of the first of them."""
    texts, packed = scene_pool("test", number, 50_000_000 + seed)
    pictures = pictures_of(packed, torch.Generator().manual_seed(seed))
    # Before the generator is trained there is an autoencoder and no pipeline.
    alone = (out / "vae").is_dir() and not (out / "pipeline").is_dir()
    autoencoder = load_autoencoder(out / "vae" if alone else world.pipeline / "vae")
    originals = pictures[:reconstructions]
    with torch.no_grad():
        latents = [autoencoder.encode(batch).latents for batch in originals.split(32)]
        decoded = torch.cat([autoencoder.decode(batch).sample.clamp(-1, 1) for batch in latents])
    figures: dict = {}
    for name, shown in (("renders", pictures), ("reconstructions", decoded)):
        right = [
            check_picture(picture / 2 + 0.5, claims_from_prompt(text)).passed for text, picture in zip(texts, shown)
        ]
        figures[name] = {"pictures": len(right), "right": sum(right) / len(right)}
    figures["psnr"] = round(-10 * ((decoded - originals).square().mean(dim=(1, 2, 3)) / 4).log10().mean().item(), 2)
    print(figures)
