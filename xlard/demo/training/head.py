"""Train the demo head on collected records; figures are on the validation split's."""

from __future__ import annotations

import random
from pathlib import Path

import torch

from ...head import HeadConfig, RewardHead
from ...training.head import head_batch, head_figures, head_loss
from ...training.records import Records, join
from ...training.regions import RegionalHead, seen_labels
from ..architecture import BASE_MODEL, CONTEXT_WIDTH, LATENT_CHANNELS
from ..bundle import DemoWorld
from ..prompts import all_prompts
from ..world import SIDE
from .relabel import relabelled
from .trainer import Trainer, default_device, machine

OTHER_PROMPTS = 0.7
"""How often a picture is shown with another prompt than its own."""

REGIONS = 0.3
"""Weight of the regional targets beside the rewards."""

TRAINING_SPLITS = ("generator", "critic", "corrector")
"""Where those prompts come from: validation and test are kept out."""


def encoder(world: DemoWorld):
    """A function from prompts to their embeddings (B, L, D), each distinct prompt encoded once."""
    known: dict[str, torch.Tensor] = {}

    def encode(prompts: list[str]) -> torch.Tensor:
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in known]
        if new:
            known.update(zip(new, world.sampler(new).context(range(len(new)))))
        return torch.stack([known[prompt] for prompt in prompts])

    return encode


def load_records(folder: Path, split: str) -> list[Records]:
    """All collections of a split. Raises FileNotFoundError where there are none."""
    parts = sorted((folder / "records" / split).glob("*/records.safetensors"))
    if not parts:
        raise FileNotFoundError(f"There are no records of the {split} split in {folder}. "
                                f"Run: python -m xlard.demo collect --split {split}")
    return [Records.load(path.parent) for path in parts]


def fresh(parts: list[Records]) -> Records:
    """The fresh draws among the collections, which hold every noise level."""
    most = max(len(part.latents) for part in parts)
    return join([part for part in parts if len(part.latents) == most])


def train(folder: Path, steps: int, batch: int, seed: int, pool: int = 0, max_seconds: float | None = None,
          learning_rate: float = 1e-3) -> dict:
    """Fit the head to the corrector split's records; writes ``folder/head.safetensors``. ``pool`` limits each
    collection."""
    device = default_device()
    torch.manual_seed(seed)
    encode = encoder(DemoWorld(folder, device))
    records = load_records(folder, "corrector")
    records = [part.rows(range(min(pool, len(part)))) for part in records] if pool else records
    allowed = {prompt.text for prompt in all_prompts() if prompt.split in TRAINING_SPLITS}
    config = HeadConfig(LATENT_CHANNELS, CONTEXT_WIDTH, BASE_MODEL, width=96, layers=4)
    regional = RegionalHead(RewardHead(config), seen_labels(records), SIDE)
    trainer = Trainer(folder / "head_run", regional, steps, learning_rate, seed, device, decay=0.995, weight_decay=0.05)

    def batch_loss(step: int, generator: torch.Generator) -> torch.Tensor:
        rng = random.Random(generator.initial_seed())
        inputs, shown = head_batch(records, encode, batch, generator, device,
                                   lambda drawn: relabelled(drawn, OTHER_PROMPTS, allowed, rng))
        prediction = regional.head(*inputs)
        judged = head_loss(prediction, shown.rewards.to(device), shown.confidence.to(device))
        return judged + REGIONS * regional.loss(prediction, shown)

    trainer.run(batch_loss, max_seconds=max_seconds)
    head = RewardHead(config).to(device)
    head.load_state_dict(trainer.average.module.head.state_dict())
    head.eval()
    figures = {"model": "head", "steps": trainer.step, "batch": batch, "seed": seed, "records": sum(map(len, records)),
               "seconds": round(trainer.seconds), "machine": machine(),
               "within_prompt_auc": head_figures(head, fresh(load_records(folder, "validation")), encode, device)}
    head.figures = figures
    head.save(folder / "head.safetensors")
    return figures
