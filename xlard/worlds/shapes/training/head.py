"""Train the demo head on collected pictures; calibrated and measured on the validation split's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from ....models.head import HeadConfig, RewardHead
from ....training.head import HeadBatches, calibrated, head_figures, head_loss, usable_level
from ....training.records import FINAL, Records, join
from ....training.regional_head import RegionalHead, seen_labels
from ....training.trainer import Trainer, default_device, machine
from ..architecture import BASE_MODEL, CONTEXT_WIDTH, LATENT_CHANNELS
from ..world import ShapesWorld
from .records import encoder, load_records
from .relabel import allowed_prompts, relabelled

OTHER_PROMPTS = 0.7
"""How often a picture is shown with another prompt than its own."""

REGIONS = 0.3
"""Weight of the regional targets beside the rewards."""

HIGHEST = 0.8
"""Highest noise level of the predictions that are trained on: above, an outcome is hardly decided yet, and drowns the
rest."""


def train(
    folder: Path,
    steps: int,
    batch: int,
    seed: int,
    pool: int = 0,
    max_seconds: float | None = None,
    learning_rate: float = 1e-3,
    width: int = 128,
    layers: int = 4,
    begin: Path | None = None,
    corrected: Path | None = None,
    name: str = "head",
) -> dict:
    """Fit the head to the corrector split's pictures; writes ``folder/<name>.safetensors``. ``pool`` limits the
    latents.

    It begins with the weights of the head in the file ``begin``, of the same sizes, or with random ones. ``corrected``
    is a folder like this one whose validation pictures were drawn with a corrector: they, too, calibrate and measure
    it."""
    device = default_device()
    torch.manual_seed(seed)
    encode = encoder(ShapesWorld(folder, device))
    records, allowed = load_records(folder, "corrector"), allowed_prompts("corrector")
    records = records.where(records.noise_level <= HIGHEST + 0.01)
    records = records.rows(range(min(pool, len(records)))) if pool else records
    config = HeadConfig(LATENT_CHANNELS, CONTEXT_WIDTH, BASE_MODEL, width=width, layers=layers)
    regional = RegionalHead(RewardHead(config), seen_labels(records))
    regional.head.body.scale_to(records.finals)
    if begin:
        regional.head.load_state_dict(RewardHead.load(begin).state_dict())
    batches = HeadBatches(
        records,
        encode,
        batch,
        device,
        regional.head.body.spread,
        lambda drawn, rng: relabelled(drawn, OTHER_PROMPTS, allowed, rng),
    )
    trainer = Trainer(
        folder / f"{name}_run", regional, steps, learning_rate, seed, device, decay=0.995, weight_decay=0.05
    )

    def batch_loss(step: int, generator: torch.Generator) -> torch.Tensor:
        inputs, shown = batches(generator)
        prediction = regional.head(*inputs)
        judged = head_loss(prediction, shown.rewards.to(device), shown.confidence.to(device))
        return judged + REGIONS * regional.loss(prediction, shown)

    trainer.run(batch_loss, max_seconds=max_seconds)
    head = trainer.kept.head
    figures = {
        "model": "head",
        "steps": trainer.step,
        "batch": batch,
        "seed": seed,
        "records": len(records),
        "pictures": len(records.finals),
        "seconds": round(trainer.seconds),
        "machine": machine(),
        **measured(
            head,
            load_records(folder, "validation"),
            encode,
            device,
            load_records(corrected, "validation") if corrected else None,
        ),
    }
    head.config = replace(config, noise_level_range=(0.0, min(HIGHEST, usable_level(figures["auc"]))))
    head.figures = figures
    head.save(folder / f"{name}.safetensors")
    return figures


def measured(head: RewardHead, records: Records, encode, device: str, corrected: Records | None = None) -> dict:
    """Calibrate a head on every second prompt of records, and return its figures on the others.

    Pictures ``corrected`` on their way calibrate it for finished latents: predictions it reads before they are
    corrected. Their own figures are ``corrected``."""
    prompts = {*records.prompts, *(corrected.prompts if corrected else ())}
    half = set(sorted(prompts)[::2])

    def part(of: Records, calibrating: bool) -> Records:
        return of.where(torch.tensor([(prompt in half) == calibrating for prompt in of.prompts]))

    fitted = part(records, True)
    if corrected is not None:
        fitted = join([fitted, part(corrected.where(corrected.kinds == FINAL), True)])
    calibrated(head, fitted, encode, device)
    others = {"corrected": head_figures(head, part(corrected, False), encode, device)} if corrected is not None else {}
    return {**head_figures(head, part(records, False), encode, device), **others}
