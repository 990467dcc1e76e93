"""Train the things world's critic: on renders, their reconstructions, and annotated pictures of the generator."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ....training.trainer import default_device
from ...training.annotated import Annotated
from ...training.critic import LISTING, train_critic
from ...training.lessons import TASKS
from ...training.sight import train_sight
from ..autoencoder import load_autoencoder
from ..world import ThingsWorld
from .labelled import annotated, labelled_pool
from .renders import FRESH

FIRST_SEED = FRESH // 4
"""Seed of the first render: other pictures than those that the checker learns from."""


GENERATED = 3
"""How many times as often as renders the generator's pictures are shown: they are what it will judge, and harder."""


def sources(folder: Path, pool: int) -> list[Annotated]:
    """``pool`` renders, half of them repeated by the autoencoder, and the pictures of all ``folder/annotated*``,
    ``GENERATED`` times: a training takes all that it is given alike.
    """
    autoencoder, _ = load_autoencoder(folder / "autoencoder.safetensors")
    renders = labelled_pool(
        folder / "labelled" / f"critic_{pool}.safetensors", pool, FIRST_SEED, folder / "icons", autoencoder
    )
    generated = [Annotated.load(path.parent) for path in sorted(folder.glob("annotated*/objects.json"))]
    return [annotated(renders), *([Annotated.joined(generated)] * GENERATED if generated else [])]


STAGES = ("seeing", "boxes", "critic")
"""The trainings, each of which begins with what the one before wrote: what is in each cell, lists, all questions."""


def train(
    folder: Path,
    command: str,
    steps: int,
    batch: int,
    learning_rate: float,
    pool: int,
    seed: int,
    stage: str,
    begin: Path | None = None,
    threads: int | None = None,
    max_seconds: float | None = None,
) -> dict[str, Any]:
    """One of the ``STAGES``, which writes the critic's folder of that name.

    ``begin`` is the folder of the critic whose weights it begins with in place of the earlier stage's; that may be
    another world's.
    """
    if threads:
        torch.set_num_threads(threads)
    earlier = STAGES[: STAGES.index(stage)][-1:]
    begin = begin or next((folder / name for name in earlier), None)
    world = ThingsWorld(folder, default_device())
    run, pictures = folder / f"{stage}_run", partial(sources, folder, pool)
    rest = (pictures, begin, steps, batch, seed, learning_rate, max_seconds)
    if stage == "seeing":
        figures = train_sight(world, run, folder / stage, *rest)
    else:
        figures = train_critic(world, run, folder / stage, LISTING if stage == "boxes" else TASKS, *rest)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    figures = {"model": stage, "command": command, "time": now, "renders": pool, **figures}
    before = {name: folder / f"{name}.json" for name in earlier}
    return figures | {name: json.loads(file.read_text()) for name, file in before.items() if file.exists()}
