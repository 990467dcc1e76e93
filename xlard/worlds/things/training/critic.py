"""Train the things world's critic: on renders, their reconstructions, and annotated pictures of the generator."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from ....training.trainer import default_device
from ...training.annotated import Annotated
from ...training.critic import LISTING, train_critic
from ...training.lessons import TASKS
from ..autoencoder import load_autoencoder
from ..world import ThingsWorld
from .labelled import annotated, labelled_pool
from .renders import FRESH

FIRST_SEED = FRESH // 4
"""Seed of the first render: other pictures than those that the checker learns from."""


def sources(folder: Path, pool: int) -> list[Annotated]:
    """``pool`` renders, half of them repeated by the autoencoder, and the pictures of all ``folder/annotated*``."""
    autoencoder, _ = load_autoencoder(folder / "autoencoder.safetensors")
    renders = labelled_pool(
        folder / "labelled" / f"critic_{pool}.safetensors", pool, FIRST_SEED, folder / "icons", autoencoder
    )
    generated = [Annotated.load(path.parent) for path in sorted(folder.glob("annotated*/objects.json"))]
    return [annotated(renders), *([Annotated.joined(generated)] if generated else [])]


def train(
    folder: Path,
    command: str,
    steps: int,
    batch: int,
    learning_rate: float,
    pool: int,
    seed: int,
    listing: bool,
    begin: Path | None = None,
    threads: int | None = None,
    max_seconds: float | None = None,
) -> dict[str, Any]:
    """Train on listing objects, into ``folder/boxes``; or, from there, on every question, into ``folder/critic``.

    ``begin`` is the folder of the critic whose weights the listing begins with, which may be another world's.
    """
    if threads:
        torch.set_num_threads(threads)
    name = "boxes" if listing else "critic"
    figures = train_critic(
        ThingsWorld(folder, default_device()),
        folder / f"{name}_run",
        folder / name,
        LISTING if listing else TASKS,
        lambda: sources(folder, pool),
        begin if listing else folder / "boxes",
        steps,
        batch,
        seed,
        learning_rate,
        max_seconds,
    )
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"model": name, "command": command, "time": now, "renders": pool, **figures}
