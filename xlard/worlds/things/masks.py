"""How near a segmenter's masks are to the objects of renders, beside the boxes that it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...critics.segmenter.critic import Segmenter
from ...detections import Detection
from .icons import Icons
from .render import render_random, visible_masks
from .vocabulary import SIDE

Mask = NDArray[np.bool_]

_FEWEST = 10
"""Objects of which fewer pixels can be seen are left out."""


def compare(segmenter: Segmenter, icons: Icons, number: int, seed: int, off: float) -> dict[str, Any]:
    """IoU with the visible part of each object in ``number`` renders, of its box and of the segmenter's mask.

    Boxes are tight, and each edge is then moved by up to ``off`` of the box's size, as detectors' are. Where there is
    no mask the box counts.
    """
    rng = np.random.default_rng(seed)
    by_box: list[float] = []
    by_mask: list[float] = []
    for row in range(seed, seed + number):
        picture, scene = render_random(row, icons)
        image = torch.from_numpy(picture).float() / 255
        seen = [visible for visible in visible_masks(scene, icons) if visible.sum() >= _FEWEST]
        detections = [_box_of(visible, off, rng) for visible in seen]
        for visible, detection, mask in zip(seen, detections, segmenter.masks(image, detections)):
            inside = _inside(detection)
            by_box.append(_iou(inside, visible))
            by_mask.append(by_box[-1] if mask is None else _iou(mask.numpy() > 0.5, visible))
    gain = np.array(by_mask) - np.array(by_box)
    return {
        "objects": len(gain),
        "box": round(float(np.mean(by_box)), 3),
        "mask": round(float(np.mean(by_mask)), 3),
        "gain": round(float(gain.mean()), 3),
        "interval": round(float(1.96 * gain.std() / len(gain) ** 0.5), 3),
        "better": round(float((gain > 0).mean()), 2),
        "worse": round(float((gain < 0).mean()), 2),
    }


def _box_of(visible: Mask, off: float, rng: np.random.Generator) -> Detection:
    rows, columns = np.nonzero(visible)
    edges = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], dtype=float)
    wide, high = edges[2] - edges[0], edges[3] - edges[1]
    left, top, right, bottom = (edges + rng.uniform(-off, off, 4) * (wide, high, wide, high)).clip(0, SIDE).tolist()
    return Detection(left, top, right - left, bottom - top, "object")


def _inside(box: Detection) -> Mask:
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[round(box.y) : round(box.y + box.height), round(box.x) : round(box.x + box.width)] = True
    return mask


def _iou(a: Mask, b: Mask) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))
