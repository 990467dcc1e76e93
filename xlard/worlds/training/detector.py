"""Train a world's detector, a small RT-DETR, on renders and generated pictures, as the checker annotates them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...training.trainer import Trainer, decay_for, default_device, machine
from ..sampling import generate
from ..world import World

_LABELS = list[dict[str, Tensor]]


def train(
    world: World,
    folder: Path,
    steps: int,
    batch: int,
    seed: int,
    pool: int,
    max_seconds: float | None = None,
    learning_rate: float = 1e-3,
    drawn: int = 2000,
) -> dict[str, Any]:
    """Fit the detector to ``pool`` pictures of the critic split; writes ``folder/detector``.

    The generator draws ``drawn`` of them, which takes as long as many steps; the others are renders.

    It looks for the world's nouns: a critic reads the colours from the pixels.
    """
    device = default_device()
    torch.manual_seed(seed)
    images, labels = annotated_pictures(world, pool, min(drawn, pool), seed)
    model = build_detector(world)
    trainer = Trainer(
        folder / "detector_run",
        model,
        steps,
        learning_rate,
        seed,
        device,
        decay=decay_for(steps),
        settings={"batch": batch, "pool": pool, "drawn": drawn},
    )

    def batch_loss(step: int, generator: torch.Generator) -> Tensor:
        rows = torch.randint(0, len(images), (batch,), generator=generator).tolist()
        mirrored = (torch.rand(batch, generator=generator) < 0.5).tolist()
        seen = [images[row].flip(1) if flip else images[row] for row, flip in zip(rows, mirrored)]
        found = [_mirror(labels[row]) if flip else labels[row] for row, flip in zip(rows, mirrored)]
        pixels = torch.stack(seen).movedim(-1, 1).to(device)
        return trainer.module(
            pixel_values=pixels, labels=[{name: value.to(device) for name, value in own.items()} for own in found]
        ).loss

    trainer.run(batch_loss, max_seconds=max_seconds)
    save_detector(trainer.kept.cpu(), world.side, folder / "detector")
    return {
        "model": "detector",
        "machine": machine(),
        "seed": seed,
        "steps": trainer.step,
        "minutes": round(trainer.seconds / 60, 1),
        "pictures": len(images),
    }


def build_detector(world: World) -> Any:
    """A small RT-DETR for the world's nouns, of random weights."""
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

    config: Any = RTDetrResNetConfig
    backbone = config(
        embedding_size=24, hidden_sizes=[24, 48, 64, 96], depths=[1, 1, 1, 1], layer_type="basic", out_indices=[2, 3, 4]
    )
    return RTDetrForObjectDetection(
        RTDetrConfig(
            backbone_config=backbone,
            freeze_backbone_batch_norms=False,
            encoder_hidden_dim=64,
            encoder_in_channels=[48, 64, 96],
            encoder_ffn_dim=128,
            encoder_attention_heads=4,
            d_model=64,
            num_queries=20,
            decoder_in_channels=[64, 64, 64],
            decoder_ffn_dim=128,
            decoder_layers=2,
            decoder_attention_heads=4,
            num_denoising=20,
            hidden_expansion=0.5,
            id2label=dict(enumerate(world.nouns)),
            label2id={noun: index for index, noun in enumerate(world.nouns)},
        )
    )


def save_detector(model: Any, side: int, folder: Path) -> None:
    """Write a detector and its image processor as an ordinary transformers folder, in half precision."""
    from transformers import RTDetrImageProcessor

    model.half().save_pretrained(folder)
    RTDetrImageProcessor(size={"height": side, "width": side}).save_pretrained(folder)


def annotated_pictures(world: World, number: int, drawn: int, seed: int) -> tuple[Tensor, _LABELS]:
    """``number`` pictures (N, H, W, 3) of the critic split, ``drawn`` of them by the generator, and their boxes as
    transformers' detectors learn them: class numbers (n,), and middles and sizes (n, 4) in shares of the side.
    """
    texts = [prompt.text for prompt in world.prompts.sample_prompts("critic", number, random.Random(seed))]
    generated = texts[:drawn]
    with torch.inference_mode():
        latents = generate(world.sampler(generated), range(seed, seed + len(generated)))
        images = torch.cat([world.decoder.decode(latents).cpu(), world.render(texts[len(generated) :], seed)])
    return images, [_labels(world, objects) for objects in world.annotation(images)]


def _labels(world: World, objects: Any) -> dict[str, Tensor]:
    things = [thing for thing in objects if thing.noun in world.nouns]
    boxes = [[*thing.center, thing.width, thing.height] for thing in things]
    return {
        "class_labels": torch.tensor([world.nouns.index(thing.noun) for thing in things], dtype=torch.long),
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4) / world.side,
    }


def _mirror(labels: dict[str, Tensor]) -> dict[str, Tensor]:
    boxes = labels["boxes"].clone()
    boxes[:, 0] = 1 - boxes[:, 0]
    return {**labels, "boxes": boxes}
