"""Train the things world's checker: a detector, on renders and what the autoencoder makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ....training.trainer import Trainer, decay_for, default_device
from ...training.precision import bfloat16_on_cpu
from ...training.schedule import falling_at_the_end
from ..autoencoder import load_autoencoder
from ..checker import Sight, read, sights
from ..detector import STRIDE, TINTS, Detector, Reading, save_detector
from ..icons import load_icons
from ..vocabulary import CLASSES, PLACES, SIDE
from .labelled import LabelledRenders, labelled_pool, labelled_renders, repeated
from .renders import FRESH
from .run_figures import run_figures

FRESH_RENDERS = 1000
"""Renders that accuracy is measured on, the same in every run."""

_SHIFT = 12
_NEAR = 1
"""Cells beside a middle that learn edges and colours, too."""


def distorted(data: LabelledRenders, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, H, W) in [-1, 1] and boxes (B, 5, 4) of rows: moved, mirrored, in other light, blurred, noisy."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(rows), 1, 1, 1, generator=generator)

    boxes = data.boxes[rows].float()
    pictures = data.pictures[rows].permute(0, 3, 1, 2).float() / 127.5 - 1
    wide = F.pad(pictures, [_SHIFT] * 4, mode="replicate")
    moves = torch.randint(-_SHIFT, _SHIFT + 1, (len(rows), 2), generator=generator)
    starts = (_SHIFT - moves).tolist()
    pictures = torch.stack([picture[:, y : y + SIDE, x : x + SIDE] for picture, (x, y) in zip(wide, starts)])
    boxes = boxes + moves.repeat(1, 2)[:, None]
    mirrored = torch.rand(len(rows), generator=generator) < 0.5
    pictures = torch.where(mirrored.view(-1, 1, 1, 1), pictures.flip(3), pictures)
    turned = boxes[..., [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1]) + torch.tensor([SIDE, 0, SIDE, 0])
    boxes = torch.where(mirrored.view(-1, 1, 1), turned, boxes)
    pictures = pictures * uniform(0.85, 1.15) + uniform(-0.1, 0.1)
    blurred = F.avg_pool2d(F.pad(pictures, [1] * 4, mode="replicate"), 3, 1)
    pictures = torch.lerp(pictures, blurred, uniform(-0.6, 1).clamp(min=0))
    noise = torch.randn(pictures.shape, generator=generator)
    return (pictures + uniform(-0.06, 0.12).clamp(min=0) * noise).clamp(-1, 1), boxes


def loss_of(reading: Reading, boxes: Tensor, kinds: Tensor, tints: Tensor, places: Tensor) -> Tensor:
    """CenterNet's focal loss of the middles, 1 - IoU of the boxes, and cross entropies of colours and places."""
    cells = torch.arange(SIDE // STRIDE, device=boxes.device)
    there = kinds >= 0
    middles, sizes = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    spread = (sizes / STRIDE / 6).clamp(min=0.4)
    # No move pushes a middle out of the picture: objects are more than two moves wide.
    column, row = ((middles[..., axis] / STRIDE).long() for axis in (0, 1))
    across = (cells - column[..., None]) / spread[..., :1]
    down = (cells - row[..., None]) / spread[..., 1:]
    heights = torch.exp(-(across[..., None, :] ** 2 + down[..., :, None] ** 2) / 2) * there[..., None, None]
    target = torch.zeros_like(reading.middles)
    for index in range(kinds.shape[1]):
        every = torch.arange(len(kinds), device=kinds.device)
        kind = kinds[:, index].clamp(min=0)
        target[every, kind] = torch.maximum(target[every, kind], heights[:, index])
    probability = reading.middles.sigmoid().clamp(1e-4, 1 - 1e-4)
    exact = target == 1
    right = -((1 - probability) ** 2) * probability.log() * exact
    wrong = -(probability**2) * (1 - probability).log() * (1 - target) ** 4 * ~exact
    number = there.sum().clamp(min=1)
    total = (right.sum() + wrong.sum()) / number
    steps = range(-_NEAR, _NEAR + 1)
    for index in range(kinds.shape[1]):
        chosen = there[:, index].nonzero()[:, 0]
        for x_step in steps:
            for y_step in steps:
                x = (column[chosen, index] + x_step).clamp(0, SIDE // STRIDE - 1)
                y = (row[chosen, index] + y_step).clamp(0, SIDE // STRIDE - 1)
                box, tint = boxes[chosen, index], tints[chosen, index]
                total = total + _object_loss(reading, chosen, x, y, box, tint) / number / len(steps) ** 2
    return total + F.cross_entropy(reading.places, places)


def _object_loss(reading: Reading, pictures: Tensor, x: Tensor, y: Tensor, box: Tensor, tint: Tensor) -> Tensor:
    """Sum of 1 - IoU and the colours' cross entropy of the cells (y, x) of ``pictures``."""
    middle = (torch.stack([x, y], dim=1) + 0.5) * STRIDE
    edges = torch.cat([middle - box[:, :2], box[:, 2:] - middle], dim=1).clamp(min=1)
    told = reading.edges[pictures, :, y, x]
    shared = torch.minimum(edges, told)
    area = shared[:, [0, 2]].sum(1) * shared[:, [1, 3]].sum(1)
    both = edges[:, [0, 2]].sum(1) * edges[:, [1, 3]].sum(1) + told[:, [0, 2]].sum(1) * told[:, [1, 3]].sum(1)
    return (1 - area / (both - area)).sum() + F.cross_entropy(reading.tints[pictures, :, y, x], tint, reduction="sum")


def agreement(seen: list[Sight], data: LabelledRenders) -> dict[str, float]:
    """Shares of pictures whose objects (kind and colour, as often as they are there) and whose place are seen right."""
    objects = [
        sorted(detection.label for detection in sight.objects)
        == sorted(
            f"{TINTS[tint]} {CLASSES[kind]}" if TINTS[tint] else CLASSES[kind]
            for kind, tint in zip(kinds, tints)
            if kind >= 0
        )
        for sight, kinds, tints in zip(seen, data.kinds.tolist(), data.tints.tolist())
    ]
    places = [sight.place == tuple(PLACES)[place] for sight, place in zip(seen, data.places.tolist())]
    return {"objects": round(sum(objects) / len(seen), 4), "places": round(sum(places) / len(seen), 4)}


@torch.no_grad()
def see(detector: Any, pictures: Tensor, device: str) -> list[Sight]:
    """What a detector sees in pictures (N, H, W, 3) in bytes."""
    inputs = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
    return [sight for batch in inputs.split(64) for sight in sights(read(detector, batch.to(device)))]


def train(
    folder: Path,
    command: str,
    steps: int,
    batch: int,
    learning_rate: float,
    pool: int,
    seed: int,
    validate_every: int,
    width: int,
    threads: int | None = None,
    max_seconds: float | None = None,
    export: bool = False,
) -> dict[str, Any]:
    """Train, measure and write ``folder/checker.safetensors``; returns the figures.

    Reads ``folder/autoencoder.safetensors``. ``export`` writes the weights of the last saved state without training.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(seed)
    device, icons = default_device(), folder / "icons"
    autoencoder = load_autoencoder(folder / "autoencoder.safetensors")[0].to(device)
    fresh = labelled_renders(FRESH_RENDERS, load_icons(icons), FRESH)
    repeats = repeated(fresh.pictures, autoencoder, 0.0, torch.Generator().manual_seed(seed))

    def measure(detector: Any) -> dict[str, dict[str, float]]:
        return {
            name: agreement(see(detector, pictures, device), fresh)
            for name, pictures in (("renders", fresh.pictures), ("reconstructions", repeats))
        }

    def validate(detector: Any) -> float:
        measured = measure(detector)
        print(json.dumps({"step": trainer.step, **measured}), flush=True)
        return -sum(measured[name]["objects"] for name in measured)

    detector: Any = Detector(width)
    trainer = Trainer(
        folder / "checker",
        detector.to(memory_format=torch.channels_last),
        steps,
        learning_rate,
        seed,
        device,
        decay=decay_for(steps),
        validate=validate,
        validate_every=validate_every,
        settings={"batch": batch, "pool": pool, "width": width},
        schedule=falling_at_the_end,
    )
    if not export:
        data = labelled_pool(folder / "labelled" / f"{pool}.safetensors", pool, FRESH // 2, icons, autoencoder)

        def batch_loss(step: int, generator: torch.Generator) -> Tensor:
            rows = torch.randint(0, len(data), (batch,), generator=generator)
            pictures, boxes = distorted(data, rows, generator)
            pictures = pictures.to(device).contiguous(memory_format=torch.channels_last)
            with bfloat16_on_cpu(pictures.device):
                reading = trainer.module(pictures)
            reading = Reading(
                *(values.float() for values in (reading.middles, reading.edges, reading.tints, reading.places))
            )
            labels = (values[rows].long().to(device) for values in (data.kinds, data.tints, data.places))
            return loss_of(reading, boxes.to(device), *labels)

        trainer.run(batch_loss, max_seconds=max_seconds)
    kept = trainer.kept.half().float()  # As it will be in the file.
    figures: dict[str, Any] = {**run_figures("checker", command, trainer), "pictures": FRESH_RENDERS, **measure(kept)}
    save_detector(folder / "checker.safetensors", kept, {"width": width}, figures)
    return figures
