"""Masks of objects on a latent's grid: cut out with soft edges, moved, mirrored and scaled."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..detections import Detection

EDGE = 0.05
"""Share of a cell from which on it belongs to an object: less shows no more than its edge's blur."""

_FINE = 4
"""Points along a cell's side at which a mask is grown: enough for its edge, and fast for large pictures."""


def coverage(mask: Tensor, size: tuple[int, int], growth: float) -> Tensor:
    """The share in [0, 1] of each cell (h, w) that a mask (H, W) covers, grown and feathered.

    ``growth`` is a share of the picture's longer side, by which the mask is grown on all sides and once more below,
    where an object's shadow lies.
    """
    fine = [_FINE * side for side in size]
    shown = F.interpolate(mask[None, None].float(), fine, mode="area")
    # A mask that is coarser than the cells, or thin, must not vanish between the points.
    shown = torch.maximum(shown, F.adaptive_max_pool2d(mask[None, None].float(), fine) * 0.5)
    steps = round(growth * max(fine))
    if steps:
        shown = F.pad(shown, (steps, steps, 2 * steps, steps))
        shown = F.max_pool2d(F.max_pool2d(shown, (1, 2 * steps + 1), 1), (3 * steps + 1, 1), 1)
        blur = steps // 2
        if blur:
            shown = F.avg_pool2d(shown, 2 * blur + 1, 1, blur, count_include_pad=False)
    return F.avg_pool2d(shown, _FINE)[0, 0].clamp(0, 1)


def moved_to(detection: Detection, x: float, y: float) -> Detection:
    """An object with its box and its mask shifted so that the box begins at ``x`` and ``y``, in pixels."""
    mask = detection.mask
    if mask is not None:
        mask = _shifted(mask, round(y - detection.y), round(x - detection.x))
    return replace(detection, x=x, y=y, mask=mask)


def resized(detection: Detection, share: float, mirrored: bool) -> Detection:
    """An object with its sides shrunk to a share around its middle, mirrored there or not."""
    (x, y), width, height = detection.center, share * detection.width, share * detection.height
    mask = detection.mask
    if mask is not None:
        rows, columns = mask.shape
        # Output to input, in affine_grid's coordinates from -1 to 1.
        middle_x, middle_y = 2 * x / columns - 1, 2 * y / rows - 1
        across = (-1 if mirrored else 1) / share
        matrix = torch.tensor([[across, 0.0, middle_x * (1 - across)], [0.0, 1 / share, middle_y * (1 - 1 / share)]])
        where = F.affine_grid(matrix[None], [1, 1, rows, columns], align_corners=False)
        mask = (F.grid_sample(mask[None, None].float(), where, align_corners=False)[0, 0] > 0.5).to(mask)
    return replace(detection, x=x - width / 2, y=y - height / 2, width=width, height=height, mask=mask)


def rim(cells: Tensor) -> Tensor:
    """The cells (h, w) that touch some of ``cells`` and are none of them, as booleans."""
    return (F.max_pool2d(cells[None, None].float(), 3, 1, 1)[0, 0] > 0) & ~cells


def _shifted(mask: Tensor, down: int, right: int) -> Tensor:
    """A mask (H, W) shifted by pixels; what leaves the picture is lost."""
    rows, columns = mask.shape
    shifted = torch.zeros_like(mask)
    if abs(down) < rows and abs(right) < columns:
        shifted[max(down, 0) : rows + min(down, 0), max(right, 0) : columns + min(right, 0)] = mask[
            max(-down, 0) : rows + min(-down, 0), max(-right, 0) : columns + min(-right, 0)
        ]
    return shifted
