"""Objects that a critic sees in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Detection:
    """An object that a critic sees: its box in image pixels (top-left corner, y down) and what it is."""

    x: float
    y: float
    width: float
    height: float
    noun: str
    color: str | None = None
    score: float = 1.0

    @property
    def label(self) -> str:
        """Colour and noun, e.g. ``red circle``."""
        return f"{self.color} {self.noun}" if self.color else self.noun

    @property
    def center(self) -> tuple[float, float]:
        """The middle of the box in image pixels, y down."""
        return self.x + self.width / 2, self.y + self.height / 2

    def to_bounding_box(self) -> dict:
        """ComfyUI's BOUNDING_BOX dict: x, y, width, height, label, score."""
        return {
            "x": self.x,
            "y": self.y,
            "width": self.width,
            "height": self.height,
            "label": self.label,
            "score": self.score,
        }


def matching(detections: Sequence[Detection], noun: str | None, color: str | None) -> list[Detection]:
    """Detections of a noun, also as the last word of a longer one: a "tabby cat" is a cat."""
    return [
        d for d in detections if (d.noun == noun or d.noun.endswith(f" {noun}")) and (color is None or d.color == color)
    ]


def inside(d: Detection, zone: tuple[float, float, float, float]) -> bool:
    """Whether the middle of an object is in a zone (x, y, width, height)."""
    (x, y), (left, top, width, height) = d.center, zone
    return left <= x <= left + width and top <= y <= top + height
