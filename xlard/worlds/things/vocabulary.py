"""The things world's classes, colours and places, and the size of its pictures."""

from __future__ import annotations

SIDE = 128
"""Width and height of a picture in pixels."""

MAX_OBJECTS = 5

COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
"""Colours that a colourable class comes in, the same names as GenEval's."""

PLAIN_CLASSES = (
    "cat",
    "dog",
    "bird",
    "horse",
    "elephant",
    "cow",
    "banana",
    "orange",
    "carrot",
    "pizza",
    "donut",
    "clock",
    "laptop",
    "teddy bear",
    "bicycle",
    "boat",
)
"""Classes without colours; prompts name no colour for them."""

COLORED_CLASSES = ("apple", "car", "cup", "umbrella", "book", "backpack", "bus", "chair", "suitcase", "tie")
"""Classes that come in each of ``COLORS``."""

CLASSES = PLAIN_CLASSES + COLORED_CLASSES
"""Every class, by its COCO name."""

PLACES = {
    "grass": "on grass",
    "beach": "on a beach",
    "snow": "in snow",
    "table": "on a wooden table",
    "bricks": "in front of a brick wall",
    "night": "at night",
}
"""Places, and the words that name them in a prompt."""

PLACE_NOUNS = {"grass": "grass", "beach": "beach", "snow": "snow", "table": "table", "bricks": "wall", "night": "night"}
"""What claims call each place."""

ASPECTS = {
    "cat": 1.037,
    "dog": 1.12,
    "bird": 0.955,
    "horse": 1.0,
    "elephant": 1.211,
    "cow": 1.057,
    "banana": 1.037,
    "orange": 0.821,
    "carrot": 1.018,
    "pizza": 0.893,
    "donut": 0.871,
    "clock": 1.0,
    "laptop": 0.991,
    "teddy bear": 1.004,
    "bicycle": 1.325,
    "boat": 1.0,
    "apple": 1.042,
    "car": 1.464,
    "cup": 0.96,
    "umbrella": 1.0,
    "book": 0.786,
    "backpack": 0.79,
    "bus": 1.273,
    "chair": 0.688,
    "suitcase": 0.643,
    "tie": 0.991,
}
"""Width over height of each class's cropped icon. Scenes are laid out without the icons."""
