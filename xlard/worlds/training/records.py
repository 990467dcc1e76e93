"""Collected pictures of a world's splits, and their prompts' embeddings."""

from __future__ import annotations

from pathlib import Path

import torch

from ...training.dataset import Dataset
from ...training.records import Encode, Records, join
from ..world import World


def encoder(world: World) -> Encode:
    """A function from prompts to their embeddings (B, L, D); it encodes each prompt once."""
    known: dict[str, torch.Tensor] = {}

    def encode(prompts: list[str]) -> torch.Tensor:
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in known]
        if new:
            known.update(zip(new, world.sampler(new).context(range(len(new)))))
        return torch.stack([known[prompt] for prompt in prompts])

    return encode


def load_records(world: World, folder: Path, split: str) -> Records:
    """All collections of a split in a folder as one. Raises FileNotFoundError where there are none."""
    paths = sorted((folder / "records" / split).glob("*/dataset.json"))
    if not paths:
        raise FileNotFoundError(
            f"There are no records of the {split} split in {folder}. "
            f"Run: python -m xlard.worlds.{world.name} collect --split {split}"
        )
    return join([Dataset.load(path.parent).records() for path in paths])
