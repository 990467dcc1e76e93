"""Latents that show objects as plain values, for tests of what moves them about."""

from __future__ import annotations

import torch

from xlard.detections import Detection
from xlard.loop.grid import Grid

SIDE = 96
GRID = Grid((12, 12), (SIDE, SIDE), 0.0)
VALUES = {"red circle": 1.0, "blue square": 17.3125, "green triangle": 291.0703125}
"""What a cell of each holds: exact numbers that no mean of a few of the others is, as a filled hole may hold."""


def box(label: str, column: int, row: int, cells: int = 2) -> Detection:
    """An object that fills whole cells exactly."""
    color, noun = label.split()
    return Detection(8.0 * column, 8.0 * row, 8.0 * cells, 8.0 * cells, noun, color)


def drawn(objects) -> torch.Tensor:
    """A latent of zeros that shows objects as their labels' values."""
    latent = torch.zeros(4, 12, 12)
    for d in objects:
        latent[(..., *GRID.span(d))] = VALUES[d.label]
    return latent


def seen(latent: torch.Tensor) -> dict[str, int]:
    """How many cells show each label."""
    return {label: int((latent[0] == value).sum()) for label, value in VALUES.items() if (latent[0] == value).any()}
