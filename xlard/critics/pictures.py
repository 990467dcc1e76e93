"""Images as the pictures that models get: 8 bits, and no larger than a judge needs."""

from __future__ import annotations

import math

import torch
from PIL import Image
from torch import Tensor

MAX_PIXELS = 1024 * 1024
"""Larger pictures are shrunk to this area: some models would otherwise spend thousands of tokens on them."""


def resized_picture(image: Tensor, multiple: int = 1) -> Image.Image:
    """An image (H, W, 3) in [0, 1] as a picture of at most ``MAX_PIXELS``, with sides that are multiples of
    ``multiple``."""
    height, width = image.shape[:2]
    shrink = min(1.0, math.sqrt(MAX_PIXELS / (height * width)))
    size = tuple(max(multiple, round(side * shrink / multiple) * multiple) for side in (width, height))
    picture = Image.fromarray((image.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
