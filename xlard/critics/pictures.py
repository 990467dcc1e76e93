"""Images as the pictures that a critic sees: 8 bits per channel, and no larger than it needs."""

from __future__ import annotations

import math

import torch
from PIL import Image
from torch import Tensor

MAX_PIXELS = 1024 * 1024
"""Larger pictures are shrunk to this area, because some models spend thousands of tokens on them."""


def resized_picture(image: Tensor, multiple: int = 1) -> Image.Image:
    """An image (H, W, 3) in [0, 1] as a picture of at most about ``MAX_PIXELS``; ``multiple`` divides its sides."""
    height, width = image.shape[:2]
    factor = min(1.0, math.sqrt(MAX_PIXELS / (height * width)))

    def resized(side: int) -> int:
        return max(multiple, round(side * factor / multiple) * multiple)

    size = resized(width), resized(height)
    picture = full_picture(image)
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


def full_picture(image: Tensor) -> Image.Image:
    """An image (H, W, 3) in [0, 1] as a picture of its own size."""
    return Image.fromarray((image.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())
