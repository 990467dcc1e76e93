"""What the shapes world is made of: picture size, shapes, colours."""

from __future__ import annotations

SIDE = 96
"""Side of the square RGB pictures in pixels."""

SHAPES = ("circle", "square", "triangle")

COLORS = {
    "red": (215, 45, 45),
    "green": (45, 165, 70),
    "blue": (45, 85, 215),
    "yellow": (235, 205, 50),
    "purple": (150, 55, 190),
    "cyan": (60, 200, 215),
}
COLOR_NAMES = tuple(COLORS)

COLOR_JITTER = 12
"""Each channel of a colour varies by up to this much between objects."""

MAX_OBJECTS = 5
MIN_RADIUS, MAX_RADIUS = 0.1, 0.2
"""Radius of an object as a share of the side."""

BLOB = "blob"
"""Noun for something that has a colour of the world and none of its shapes."""
