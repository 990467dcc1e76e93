"""The checker's network: finds objects by their middles (CenterNet, arXiv 1904.07850), their colours, and the place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Conv2d, Linear

from ...models.files import build, read_module, save_module
from .vocabulary import CLASSES, COLORS, PLACES

STRIDE = 8
"""Pixels of a cell, along each side."""

TINTS = (None, *COLORS)
"""What is told about an object's colour; None for a class without colours."""

_KIND = "things detector"


@dataclass(frozen=True)
class Reading:
    """What the network says of pictures, before anything is decided.

    ``middles`` (B, 26, h, w) are logits of a class's middle in each cell. ``edges`` (B, 4, h, w) are the distances in
    pixels of left, top, right and bottom from the cell's middle, ``tints`` (B, 8, h, w) logits of ``TINTS``, ``places``
    (B, 6) logits of ``PLACES``.
    """

    middles: Tensor
    edges: Tensor
    tints: Tensor
    places: Tensor

    def mirrored(self) -> Reading:
        """The reading of the mirrored pictures."""
        edges = self.edges.flip(-1)[:, [2, 1, 0, 3]]
        return Reading(self.middles.flip(-1), edges, self.tints.flip(-1), self.places)

    def averaged(self, other: Reading) -> Reading:
        """The mean of two readings of the same pictures."""
        return Reading(
            (self.middles + other.middles) / 2,
            (self.edges + other.edges) / 2,
            (self.tints + other.tints) / 2,
            (self.places + other.places) / 2,
        )


class _Block(nn.Module):
    """Two convolutions beside a connection that skips them."""

    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features of the same shape."""
        return F.relu(features + self.layers(features))


def _halved(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class Detector(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1] to a ``Reading`` with a cell for each 8x8 pixels."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.features = nn.Sequential(
            _halved(3, width),
            _Block(width),
            _halved(width, 2 * width),
            *(_Block(2 * width) for _ in range(2)),
            _halved(2 * width, 4 * width),
            *(_Block(4 * width) for _ in range(4)),
        )
        self.cells = nn.Sequential(
            Conv2d(4 * width, 4 * width, 3, padding=1), nn.ReLU(), Conv2d(4 * width, len(CLASSES) + 4 + len(TINTS), 1)
        )
        self.place = Linear(4 * width, len(PLACES))
        with torch.no_grad():
            last: Any = self.cells[-1]
            last.bias[: len(CLASSES)] = -4.0  # Hardly any cell is a middle.
            last.bias[len(CLASSES) : len(CLASSES) + 4] = 2.5

    def forward(self, pictures: Tensor) -> Reading:
        """What is read from pictures."""
        features = self.features(pictures)
        middles, edges, tints = self.cells(features).split([len(CLASSES), 4, len(TINTS)], dim=1)
        return Reading(middles, edges.clamp(max=5).exp(), tints, self.place(features.mean(dim=(2, 3))))


def save_detector(file: Path, detector: Detector, config: dict[str, Any], figures: dict[str, Any]) -> None:
    """Write the weights in half precision with ``Detector``'s arguments and the training's figures."""
    save_module(file, detector, _KIND, config, figures)


def load_detector(file: Path) -> tuple[Detector, dict[str, Any]]:
    """The detector of a file, in single precision, and its training's figures.

    Raises as ``models.files.read_module`` and ``models.files.build``.
    """
    config, figures, tensors = read_module(file, _KIND)
    return build(file, lambda: Detector(**config), tensors), figures
