"""Objects of a picture in another colour, by their pixels: what a recoloured latent starts from."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

RGB = {
    "black": (25, 25, 28),
    "white": (240, 240, 240),
    "gray": (130, 130, 130),
    "grey": (130, 130, 130),
    "brown": (120, 75, 45),
    "red": (212, 45, 45),
    "orange": (238, 135, 40),
    "yellow": (235, 205, 50),
    "green": (48, 165, 70),
    "cyan": (60, 200, 215),
    "blue": (45, 85, 215),
    "purple": (150, 55, 190),
    "pink": (240, 130, 180),
}
"""A colour for each name, as prompts mean it: neither the purest nor the palest."""

_LUMA = (0.299, 0.587, 0.114)
_BLUR = 3
"""Pixels along a side over which the edge of what is painted is softened."""


def repainted(image: Tensor, pixels: Tensor, color: str) -> Tensor:
    """An image (H, W, 3) in [0, 1] whose ``pixels`` (H, W), booleans, have the colour of a name of ``RGB``.

    Light and shade stay: what is lighter than the rest of the object is lighter afterwards. Raises KeyError for another
    name.
    """
    if not pixels.any():
        return image
    brightness = image @ torch.tensor(_LUMA, dtype=image.dtype, device=image.device)
    shading = brightness - brightness[pixels].mean()
    target = torch.tensor(RGB[color], dtype=image.dtype, device=image.device) / 255
    painted = (target + shading[..., None]).clamp(0, 1)
    soft = F.avg_pool2d(pixels[None, None].to(image.dtype), _BLUR, 1, _BLUR // 2, count_include_pad=False)[
        0, 0, ..., None
    ]
    return torch.lerp(image, painted, soft)
