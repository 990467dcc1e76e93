"""The colour of an object by its pixels: a rule over hue, saturation and value, without a model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...detections import Detection

MIDDLE = 0.5
"""Share of a box's width and height, around its middle, whose pixels count: corners mostly show what is behind."""

MAJORITY = 0.5
"""Share of the pixels that must have one colour. Objects of several colours have none."""

BLACK_VALUE, WHITE_VALUE, GRAY_SATURATION = 0.2, 0.8, 0.15
"""Darker pixels are black, whatever their hue; of those with less saturation, lighter ones are white, others gray."""

BROWN_VALUE = 0.65
"""Orange that is darker than this is brown."""

PINK_SATURATION = 0.5
"""Red that is lighter than ``BROWN_VALUE`` and has less saturation than this is pink."""

HUES = (
    (12.0, "red"),
    (40.0, "orange"),
    (70.0, "yellow"),
    (165.0, "green"),
    (195.0, "cyan"),
    (255.0, "blue"),
    (305.0, "purple"),
    (345.0, "pink"),
    (360.0, "red"),
)
"""The hue in degrees up to which a pixel has each colour."""

NAMED = ("black", "white", "gray", "brown", *dict.fromkeys(name for _, name in HUES))
"""The colours that the rule tells apart. Gold, beige or navy lie between these: pixels do not decide them."""


_WITHOUT_HUE = ("black", "white", "gray")


class PixelColors:
    """Implements ``judging.ColorReader`` by ``pixel_color``."""

    def tells(self, color: str) -> bool:
        """Whether the rule has a name for it."""
        return color in NAMED

    def colors(self, detections: Sequence[Detection], image: Tensor, asked: Sequence[str]) -> list[str | None]:
        """The colour of each object in an image (H, W, 3) in [0, 1]; None where there is no clear one."""
        return [pixel_color(detection, image) for detection in detections]


def pixel_color(detection: Detection, image: Tensor) -> str | None:
    """The colour of an object in an image (H, W, 3) in [0, 1], one of ``NAMED``; None if there is no clear one.

    Each pixel of the object's mask, or without one of the middle of its box, gets a name by hue, saturation and value;
    the name of at least ``MAJORITY`` of them is the object's.
    """
    pixels = _pixels(detection, image)
    if not len(pixels):
        return None
    votes = torch.bincount(_names(pixels), minlength=len(NAMED))
    winner = int(votes.argmax())
    return NAMED[winner] if votes[winner] >= MAJORITY * len(pixels) else None


def object_pixels(detection: Detection, image: Tensor) -> Tensor:
    """The pixels (H, W) of an object in an image (H, W, 3) in [0, 1] that have its colour, as booleans.

    The colour is that of most pixels of its mask, or without one of the middle of its box. Inside of a mask black, gray
    and white are one colour in more or less light.
    """
    pixels = torch.zeros(image.shape[:2], dtype=torch.bool, device=image.device)
    typical = _pixels(detection, image)
    if not len(typical):
        return pixels
    colors = [int(torch.bincount(_names(typical)).argmax())]
    if detection.mask is not None:
        pixels |= detection.mask.to(image.device) > 0.5
        if NAMED[colors[0]] in _WITHOUT_HUE:
            colors = [NAMED.index(name) for name in _WITHOUT_HUE]
    else:
        pixels[_within(image, detection.x, detection.y, detection.width, detection.height)] = True
    of_colors = torch.isin(_names(image[pixels]), torch.tensor(colors, device=image.device))
    pixels[pixels.clone()] = of_colors
    return pixels


def _pixels(detection: Detection, image: Tensor) -> Tensor:
    """The pixels (N, 3) that say which colour an object has; none where it lies outside of the picture."""
    if detection.mask is not None:
        return image[detection.mask.to(image.device) > 0.5]
    (x, y), width, height = detection.center, MIDDLE * detection.width, MIDDLE * detection.height
    rows, columns = _within(image, x - width / 2, y - height / 2, width, height)
    return image[rows, columns].reshape(-1, image.shape[-1])


def _within(image: Tensor, x: float, y: float, width: float, height: float) -> tuple[slice, slice]:
    """The rows and columns of an image (H, W, 3) that a box touches."""
    rows = slice(max(0, math.floor(y)), max(0, min(image.shape[0], math.ceil(y + height))))
    columns = slice(max(0, math.floor(x)), max(0, min(image.shape[1], math.ceil(x + width))))
    return rows, columns


def _names(pixels: Tensor) -> Tensor:
    """For each pixel (N, 3) in [0, 1] the place (N,) of its colour in ``NAMED``."""
    red, green, blue = pixels.float().unbind(-1)
    value, least = pixels.float().amax(-1), pixels.float().amin(-1)
    chroma = value - least
    saturation = chroma / value.clamp(min=1e-6)
    safe = chroma.clamp(min=1e-6)
    sector = torch.where(
        value == red,
        ((green - blue) / safe) % 6,
        torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    bounds = torch.tensor([bound for bound, _ in HUES], device=pixels.device)
    by_hue = torch.tensor([NAMED.index(name) for _, name in HUES], device=pixels.device)
    names = by_hue[torch.bucketize((60 * sector).clamp(0, 359.99), bounds)]

    def repaint(where: Tensor, name: str) -> None:
        names[where] = NAMED.index(name)

    repaint((names == NAMED.index("orange")) & (value < BROWN_VALUE), "brown")
    repaint((names == NAMED.index("red")) & (value >= BROWN_VALUE) & (saturation < PINK_SATURATION), "pink")
    repaint(saturation < GRAY_SATURATION, "gray")
    repaint((saturation < GRAY_SATURATION) & (value > WHITE_VALUE), "white")
    repaint(value < BLACK_VALUE, "black")
    return names
