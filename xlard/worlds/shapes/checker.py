"""The exact checker: reads the objects of a picture from its pixels. It evaluates; it is never in the loop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...claims import Claim
from ...critique import Critique
from ...detections import Detection
from ...rewards import critique_from_detections
from .vocabulary import BLOB, COLOR_NAMES, COLORS, SHAPES, SIDE

_PALETTE = np.array([COLORS[name] for name in COLOR_NAMES], dtype=np.float32) / 255
_PALETTE_HUES = _PALETTE - _PALETTE.mean(axis=1, keepdims=True)
_PALETTE_HUES /= np.linalg.norm(_PALETTE_HUES, axis=1, keepdims=True)
_SATURATION = 0.22
_MIN_AREA = 60
_MIN_IOU = 0.70


def _template(shape: str, height: int, width: int) -> np.ndarray:
    """The shape filling a box of height x width pixels, as a boolean mask."""
    y, x = np.mgrid[0:height, 0:width]
    u, v = (x + 0.5) / width, (y + 0.5) / height
    if shape == "circle":
        return (u - 0.5) ** 2 + (v - 0.5) ** 2 <= 0.25
    if shape == "square":
        return np.ones((height, width), dtype=bool)
    return np.abs(u - 0.5) <= v / 2


def _shape_of(mask: np.ndarray) -> str:
    """The best-fitting shape of a component's mask cropped to its box; a blob if none fits."""
    height, width = mask.shape
    if not 0.6 < height / width < 1.67:
        return BLOB
    overlaps = {}
    for shape in SHAPES:
        template = _template(shape, height, width)
        overlaps[shape] = (mask & template).sum() / (mask | template).sum()
    best = max(overlaps, key=lambda shape: overlaps[shape])
    return best if overlaps[best] >= _MIN_IOU else BLOB


def detect(picture: Tensor) -> list[Detection]:
    """Objects of a picture (3, SIDE, SIDE) in [0, 1], with tight boxes in pixels, largest first.

    Saturated pixels are grouped by palette hue and connectivity, then compared with each shape's template.
    """
    from scipy import ndimage

    pixels = picture.detach().cpu().float().numpy().transpose(1, 2, 0)
    saturated = (pixels.max(axis=2) - pixels.min(axis=2)) > _SATURATION
    hues = pixels - pixels.mean(axis=2, keepdims=True)
    nearest = (hues @ _PALETTE_HUES.T).argmax(axis=2)
    sized: list[tuple[int, Detection]] = []
    for index, color in enumerate(COLOR_NAMES):
        mask = ndimage.binary_opening(saturated & (nearest == index))
        labels, number = ndimage.label(mask)
        for label, box in enumerate(ndimage.find_objects(labels), start=1):
            component = labels[box] == label
            area = int(component.sum())
            if area < _MIN_AREA:
                continue
            rows, columns = box
            size = columns.stop - columns.start, rows.stop - rows.start
            sized.append((area, Detection(columns.start, rows.start, *size, _shape_of(component), color)))
    return [detection for _, detection in sorted(sized, key=lambda pair: -pair[0])]


def check(picture: Tensor, claims: Sequence[Claim]) -> Critique:
    """Judge a picture (3, SIDE, SIDE) in [0, 1] exactly."""
    return critique_from_detections(claims, detect(picture), SIDE)


class ShapesChecker:
    """``worlds.world.Checker``: the same for images (H, W, 3)."""

    def detect(self, image: Tensor) -> list[Detection]:
        """The objects of an image (H, W, 3) in [0, 1], with tight boxes in pixels, largest first."""
        return detect(image.permute(2, 0, 1))

    def check(self, image: Tensor, claims: Sequence[Claim]) -> Critique:
        """The critique of an image (H, W, 3) in [0, 1]."""
        return check(image.permute(2, 0, 1), claims)

    def judge(self, images: Tensor, claims: Sequence[Sequence[Claim]]) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims."""
        return [self.check(image, claims_of_image) for image, claims_of_image in zip(images, claims)]


def as_uint8(pictures: Tensor) -> Tensor:
    """Pictures in [0, 1] as bytes."""
    return (pictures.clamp(0, 1) * 255).round().to(torch.uint8)
