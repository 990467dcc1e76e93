"""Objects that a critic sees in a picture, and their kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

Zone = tuple[float, float, float, float]
"""A part of a picture: x and y of its top-left corner (y down), width and height in pixels."""


@dataclass(frozen=True)
class Detection:
    """An object that a critic sees: its box in image pixels (top-left corner, y down) and what it is.

    ``mask`` (H, W) has the picture's size and is 1 on the object, 0 elsewhere; None where only the box is known. Two
    detections are equal whatever their masks.
    """

    x: float
    y: float
    width: float
    height: float
    noun: str
    color: str | None = None
    score: float = 1.0
    mask: Tensor | None = field(default=None, compare=False, repr=False)

    @property
    def label(self) -> str:
        """Colour and noun, e.g. ``red circle``."""
        return f"{self.color} {self.noun}" if self.color else self.noun

    @property
    def center(self) -> tuple[float, float]:
        """The middle of the box in image pixels, y down."""
        return self.x + self.width / 2, self.y + self.height / 2

    def to_bounding_box(self) -> dict[str, float | str]:
        """ComfyUI's BOUNDING_BOX dict: x, y, width, height, label, score."""
        return {
            "x": self.x,
            "y": self.y,
            "width": self.width,
            "height": self.height,
            "label": self.label,
            "score": self.score,
        }

    def to_dict(self) -> dict[str, Any]:
        """All but the mask, as JSON-ready values that make the detection again."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "mask"}


@dataclass(frozen=True)
class ObjectKind:
    """A noun and a colour. Without a colour, objects of any colour are of this kind."""

    noun: str
    color: str | None = None

    @classmethod
    def of(cls, detection: Detection) -> ObjectKind:
        """The noun and colour of an object."""
        return cls(detection.noun, detection.color)

    def fits(self, detection: Detection) -> bool:
        """Whether an object is of this kind."""
        return bool(matching([detection], self.noun, self.color))

    def among(self, detections: Sequence[Detection]) -> list[Detection]:
        """The objects of this kind."""
        return matching(detections, self.noun, self.color)


def matching(detections: Sequence[Detection], noun: str | None, color: str | None) -> list[Detection]:
    """Detections of a noun, also as the last word of a longer one: a "tabby cat" is a cat. Without ``color``: of any
    colour.
    """
    return [
        d for d in detections if (d.noun == noun or d.noun.endswith(f" {noun}")) and (color is None or d.color == color)
    ]


def inside(detection: Detection, zone: Zone) -> bool:
    """Whether the middle of an object is in a zone."""
    (x, y), (left, top, width, height) = detection.center, zone
    return left <= x <= left + width and top <= y <= top + height


def overlap(a: Detection, b: Detection) -> float:
    """Area that two boxes share, as a share in [0, 1] of the area that they cover together (IoU)."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    common = max(width, 0.0) * max(height, 0.0)
    covered = a.width * a.height + b.width * b.height - common
    return common / covered if covered > 0 else 0.0
