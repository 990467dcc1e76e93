"""Anti-aliased renderer of scenes, in batches, on any device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .scenes import Thing
from .vocabulary import MAX_OBJECTS, SHAPES, SIDE


def pack(scenes: Sequence[Sequence[Thing]]) -> Tensor:
    """Scenes as one tensor (B, MAX_OBJECTS, 7): shape index (-1: none), x, y, radius, r, g, b; rgb in [0, 1]."""
    packed = torch.zeros(len(scenes), MAX_OBJECTS, 7)
    packed[..., 0] = -1
    for row, scene in enumerate(scenes):
        for column, thing in enumerate(scene):
            packed[row, column] = torch.tensor(
                [SHAPES.index(thing.shape), thing.x, thing.y, thing.radius, *(value / 255 for value in thing.rgb)]
            )
    return packed


def _distances(x: Tensor, y: Tensor, radius: Tensor) -> Tensor:
    """Signed distances (3, B, H, W) in sides to circle, square and triangle; negative inside. Offsets are (B, H, W)."""
    circle = torch.hypot(x, y) - radius
    square = torch.maximum(x.abs(), y.abs()) - 0.85 * radius
    # Apex at -1, base at 0.75 of half-width 1: the sides' normal is (1.75, -1) / 2.0156.
    side = (1.75 * x.abs() - y - radius) / 2.0156
    triangle = torch.maximum(side, y - 0.75 * radius)
    return torch.stack([circle, square, triangle])


def background(number: int, generator: torch.Generator, device: torch.device | str) -> Tensor:
    """Softly textured grey-ish pictures (B, 3, SIDE, SIDE) in [0, 1]."""

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device=device)

    grey = 0.66 + 0.08 * noise(number, 1, 1, 1).clamp(-1.5, 1.5)
    tint = 0.012 * noise(number, 3, 1, 1)
    texture = 0.02 * F.interpolate(noise(number, 1, 6, 6), size=SIDE, mode="bicubic", align_corners=False)
    grain = 0.008 * F.interpolate(
        noise(number, 1, SIDE // 2, SIDE // 2), size=SIDE, mode="bilinear", align_corners=False
    )
    return (grey + tint + texture + grain).clamp(0, 1)


def render_packed(packed: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures (B, 3, SIDE, SIDE) in [0, 1] of packed scenes, on the device of ``packed`` and ``generator``."""
    device = packed.device
    picture = background(len(packed), generator, device)
    axis = (torch.arange(SIDE, device=device) + 0.5) / SIDE
    for index in range(MAX_OBJECTS):
        shape, x, y, radius = (packed[:, index, column, None, None] for column in range(4))
        distances = _distances(axis[None, None, :] - x, axis[None, :, None] - y, radius)
        distance = distances.gather(0, shape.clamp_min(0).long().expand(-1, SIDE, SIDE)[None])[0]
        coverage = (0.5 - distance * SIDE).clamp(0, 1) * (shape >= 0)
        picture = torch.lerp(picture, packed[:, index, 4:, None, None], coverage[:, None])
    return picture


def render(scenes: Sequence[Sequence[Thing]], seed: int = 0) -> Tensor:
    """Pictures (B, 3, SIDE, SIDE) in [0, 1] of scenes, on the CPU; ``seed`` draws the backgrounds."""
    return render_packed(pack(scenes), torch.Generator().manual_seed(seed))
