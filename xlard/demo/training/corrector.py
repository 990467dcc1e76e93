"""Train the demo corrector on the failed pictures of the corrector split, path-wise through the frozen head."""

from __future__ import annotations

from pathlib import Path

import torch

from ...corrector import CorrectorConfig, LatentCorrector, relative_norm
from ...training.corrector import corrector_batch, corrector_loss, failed
from ..architecture import BASE_MODEL, CONTEXT_WIDTH, LATENT_CHANNELS
from ..bundle import DemoWorld
from .head import encoder, load_records
from .trainer import Trainer, default_device, machine

LEVELS = [0.9, 0.8, 0.7]
"""Noise levels whose x0 predictions are corrected."""


def train(folder: Path, steps: int, batch: int, seed: int, pool: int = 0, max_seconds: float | None = None,
          anchor: float = 2.0, caution: float = 0.5, learning_rate: float = 5e-4) -> dict:
    """Train and write ``folder/corrector.safetensors``; ``pool`` limits each collection."""
    device = default_device()
    torch.manual_seed(seed)
    world = DemoWorld(folder, device)
    encode, head = encoder(world), world.head().requires_grad_(False)
    records = failed(load_records(folder, "corrector"), LEVELS)
    records = [part.rows(range(min(pool, len(part)))) for part in records] if pool else records
    config = CorrectorConfig(LATENT_CHANNELS, CONTEXT_WIDTH, BASE_MODEL, width=96, layers=3, sigma_range=(min(LEVELS), max(LEVELS)))
    trainer = Trainer(folder / "corrector_run", LatentCorrector(config), steps, learning_rate, seed, device, decay=0.99)

    def batch_loss(step: int, generator: torch.Generator) -> torch.Tensor:
        return corrector_loss(trainer.module, head, *corrector_batch(records, encode, LEVELS, batch, generator, device),
                              anchor=anchor, caution=caution)

    trainer.run(batch_loss, max_seconds=max_seconds)
    corrector = LatentCorrector(config).to(device)
    corrector.load_state_dict(trainer.average.module.state_dict())
    corrector.eval()
    figures = {"model": "corrector", "steps": trainer.step, "batch": batch, "seed": seed, "anchor": anchor, "caution": caution,
               "records": sum(map(len, records)), "seconds": round(trainer.seconds), "machine": machine(),
               **_gains(corrector, head, failed(load_records(folder, "validation"), LEVELS), encode, device, seed)}
    corrector.figures = figures
    corrector.save(folder / "corrector.safetensors")
    return figures


@torch.no_grad()
def _gains(corrector, head, records, encode, device: str, seed: int) -> dict:
    """What the head thinks of validation failures before and after, and how far they were moved."""
    generator = torch.Generator(device).manual_seed(seed)
    latents, context, sigma, known = corrector_batch(records, encode, LEVELS, 500, generator, device)
    delta = corrector(latents, context, sigma)

    def mean_reward(z: torch.Tensor) -> float:
        return round(((head(z, context, sigma).rewards * known).sum() / known.sum()).item(), 3)

    return {"predicted_before": mean_reward(latents), "predicted_after": mean_reward(latents + delta),
            "change": round(relative_norm(delta, latents).mean().item(), 4)}
