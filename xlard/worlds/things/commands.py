"""Commands that draw with the trained generator."""

from __future__ import annotations

from pathlib import Path

from ...files import write_json
from ...training.trainer import default_device
from ..evaluation import accuracy
from .prompts import PROMPTS
from .world import ThingsWorld


def evaluate(out: Path, split: str, number: int, repeats: int, seed: int) -> None:
    """Score the generator by the checker, on ``repeats`` pictures of each of ``number`` prompts of a split."""
    world = ThingsWorld(out, default_device())
    chosen = [prompt for prompt in PROMPTS.evaluation_prompts(split, number) for _ in range(repeats)]
    seeds = [seed + row % repeats for row in range(len(chosen))]
    sampler = world.sampler([prompt.text for prompt in chosen])
    figures = {"pictures": len(chosen), **accuracy(sampler, world.decoder, world.checker, chosen, seeds)}
    write_json(out / f"evaluation_{split}.json", figures)
    print(figures)
