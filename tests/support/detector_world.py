"""The shapes world with a detector of random weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from xlard.worlds.shapes.architecture import WEIGHTS
from xlard.worlds.shapes.world import ShapesWorld
from xlard.worlds.training.detector import build_detector, save_detector


def with_detector(folder: Path) -> Path:
    """A folder with the bundled models and a detector that has learnt nothing."""
    shutil.copytree(WEIGHTS, folder)
    world = ShapesWorld(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_detector(build_detector(world), world.side, world.detector_folder)
    return folder
