"""Teach the critic, which lists objects with boxes, to answer the other questions too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ....training.trainer import default_device
from ...training.critic import train_critic
from ...training.lessons import TASKS
from ..world import ShapesWorld
from .boxes import training_sources


def train(
    folder: Path,
    steps: int,
    batch: int,
    seed: int,
    pool: int,
    max_seconds: float | None = None,
    learning_rate: float = 1e-3,
) -> dict[str, Any]:
    """Continue from ``folder/boxes``, on the same pictures; writes ``folder/critic``."""
    world = ShapesWorld(folder, default_device())
    figures = train_critic(
        world,
        folder / "critic_run",
        folder / "critic",
        TASKS,
        lambda: training_sources(folder, pool, seed, world.device),
        folder / "boxes",
        steps,
        batch,
        seed,
        learning_rate,
        max_seconds,
    )
    return {"model": "critic", **figures, "boxes": json.loads((folder / "boxes.json").read_text())}
