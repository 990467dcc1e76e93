"""Train a world's head on collected pictures; the validation split's calibrate and measure it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...models.head import HeadConfig, RewardHead
from ...training.head import HeadBatches, calibrate_on, head_figures, head_loss, usable_level
from ...training.muon import Muon
from ...training.records import FINAL, Encode, Records, join
from ...training.regional_head import RegionalHead, seen_labels
from ...training.trainer import Trainer, default_device, machine
from ..world import World
from .records import encoder, load_records
from .relabel import allowed_prompts, relabelled

OTHER_PROMPTS = 0.7
"""How often a picture is shown with another prompt than its own."""

REGIONS = 0.3
"""Weight of the regional targets beside the rewards."""

HIGHEST = 0.8
"""Highest noise level of the predictions that are trained on: above, a picture is hardly decided yet, and such
predictions would dominate.
"""

_NO_MATRICES = ("body.kind", "body.embed", "head.logits", "head.log_deviation", "regions", "parts")
_FASTER = 5.0
"""Times AdamW's learning rate for Muon."""


def train(
    world: World,
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
) -> dict[str, Any]:
    """Fit the head to the corrector split's pictures; writes ``folder/<name>.safetensors``. ``pool`` limits the
    latents.

    It begins with the weights of the head in the file ``begin``, of the same sizes, or with random ones. ``corrected``
    is a folder like this one whose validation pictures were drawn with a corrector; they calibrate and measure it,
    too.
    """
    device = default_device()
    torch.manual_seed(seed)
    encode = encoder(world)
    records, allowed = load_records(world, folder, "corrector"), allowed_prompts(world, "corrector")
    records = records.where(records.noise_level <= HIGHEST + 0.01)
    records = records.rows(range(min(pool, len(records)))) if pool else records
    config = HeadConfig(world.latent_size[0], world.context_width, world.base_model, records.aspects, width, layers)
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
        lambda drawn, rng: relabelled(world, drawn, OTHER_PROMPTS, allowed, rng),
    )
    trainer = Trainer(
        folder / f"{name}_run",
        regional,
        steps,
        learning_rate,
        seed,
        device,
        decay=0.995,
        weight_decay=0.05,
        settings={"optimizer": "Muon"},
        optimizer=head_optimizer,
    )

    def batch_loss(step: int, generator: torch.Generator) -> torch.Tensor:
        inputs, shown = batches(generator)
        prediction = regional.head(*inputs)
        reward_loss = head_loss(prediction, shown.rewards.to(device), shown.confidence.to(device))
        return reward_loss + REGIONS * regional.loss(prediction, shown)

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
            load_records(world, folder, "validation"),
            encode,
            device,
            load_records(world, corrected, "validation") if corrected else None,
        ),
    }
    head.config = replace(config, noise_level_range=(0.0, min(HIGHEST, usable_level(figures["auc"]))))
    head.figures = figures
    head.save(folder / f"{name}.safetensors")
    return figures


def head_optimizer(module: nn.Module, learning_rate: float, weight_decay: float) -> Muon:
    """Muon for a head's blocks."""
    return Muon(module, learning_rate, weight_decay, _NO_MATRICES, _FASTER)


def measured(
    head: RewardHead, records: Records, encode: Encode, device: str, corrected: Records | None = None
) -> dict[str, Any]:
    """Calibrate a head on every second prompt of records, and return its figures on the others.

    ``corrected`` are pictures that were corrected while they were drawn. They calibrate it for finished latents only:
    predictions are read before they are corrected. Their figures are under ``corrected``.
    """
    prompts = {*records.prompts, *(corrected.prompts if corrected else ())}
    calibrating = set(sorted(prompts)[::2])

    def half(of: Records, first: bool) -> Records:
        return of.where(torch.tensor([(prompt in calibrating) == first for prompt in of.prompts]))

    calibration = half(records, True)
    if corrected is not None:
        calibration = join([calibration, half(corrected.where(corrected.kinds == FINAL), True)])
    calibrate_on(head, calibration, encode, device)
    figures = head_figures(head, half(records, False), encode, device)
    if corrected is not None:
        figures["corrected"] = head_figures(head, half(corrected, False), encode, device)
    return figures
