"""Drawn stand-ins for the things world's icons, which npm downloads."""

from __future__ import annotations

from PIL import Image, ImageDraw

from xlard.worlds.things.icons import Icons
from xlard.worlds.things.vocabulary import COLORED_CLASSES, COLORS, PLAIN_CLASSES


def disc(*color: int) -> Image.Image:
    """A disc of a colour, 0 to 255, on a transparent RGBA picture."""
    icon = Image.new("RGBA", (64, 64))
    ImageDraw.Draw(icon).ellipse((4, 4, 59, 59), fill=(*color, 255))
    return icon


def discs() -> Icons:
    """A disc for every class in every colour."""
    keys = [(name, None) for name in PLAIN_CLASSES] + [(name, color) for name in COLORED_CLASSES for color in COLORS]
    return {key: disc(250, 10, 10 * index % 250) for index, key in enumerate(keys)}
