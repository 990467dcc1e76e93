"""GrabCut as segmenter: the object in a box by the colours inside and around it, without a model.

Rother, Kolmogorov and Blake: "GrabCut", SIGGRAPH 2004, as OpenCV has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...detections import Detection
from ..backend import CriticError
from ..pictures import full_picture

MARGIN = 0.1
"""Share of a box's size around it where the object may go on: detectors' boxes are not tight."""

CONTEXT = 0.5
"""Share of a box's size around it that shows what is behind the object."""

LEAST = 0.2
"""An object that fills a smaller share of its box was not found: the box stays."""

_ITERATIONS = 2
_LONGEST = 320
"""Longer sides in pixels are scaled down: the time grows with the area."""

_SEED = 0


class GrabCut:
    """Implements ``segmenter.critic.Segmenter``. ``check_interrupt`` is called before each object, and may raise.

    Raises CriticError where OpenCV is not installed.
    """

    def __init__(self, check_interrupt: Callable[[], None] | None = None):
        self.check_interrupt = check_interrupt or (lambda: None)
        try:
            import cv2
        except ImportError as error:
            raise CriticError(
                "GrabCut needs OpenCV, which is not installed. Install opencv-python-headless with the Python that runs"
                " ComfyUI, or choose the folder of a segmenter."
            ) from error
        self._opencv: Any = cv2

    def masks(self, image: Tensor, detections: Sequence[Detection]) -> list[Tensor | None]:
        """A mask (H, W) of 0 and 1 for each box in an image (H, W, 3) in [0, 1]; None where no object stands out."""
        picture = full_picture(image)
        return [self._mask(picture, detection) for detection in detections]

    def _mask(self, picture: Image.Image, detection: Detection) -> Tensor | None:
        self.check_interrupt()
        view = _grown(detection, CONTEXT, picture.size)
        left, top, right, bottom = view
        factor = min(1.0, _LONGEST / max(right - left, bottom - top))
        size = max(1, round((right - left) * factor)), max(1, round((bottom - top) * factor))
        seen = np.asarray(picture.crop(view).resize(size, Image.Resampling.BOX))

        def inside(share: float) -> tuple[slice, slice]:
            x0, y0, x1, y1 = _grown(detection, share, picture.size)
            rows = slice(round((y0 - top) * factor), max(round((y1 - top) * factor), 1))
            return rows, slice(round((x0 - left) * factor), max(round((x1 - left) * factor), 1))

        opencv = self._opencv
        labels = np.full(seen.shape[:2], opencv.GC_BGD, np.uint8)
        labels[inside(MARGIN)] = opencv.GC_PR_BGD
        labels[inside(0)] = opencv.GC_PR_FGD
        if not (labels == opencv.GC_BGD).any() or not (labels == opencv.GC_PR_FGD).any():
            return None
        opencv.setRNGSeed(_SEED)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        opencv.grabCut(
            np.ascontiguousarray(seen[..., ::-1]), labels, None, *models, _ITERATIONS, opencv.GC_INIT_WITH_MASK
        )
        found = np.isin(labels, (opencv.GC_FGD, opencv.GC_PR_FGD))
        if found[inside(0)].mean() < LEAST:
            return None
        mask = torch.zeros(picture.height, picture.width)
        whole = Image.fromarray(found).resize((right - left, bottom - top), Image.Resampling.NEAREST)
        mask[top:bottom, left:right] = torch.from_numpy(np.array(whole, dtype=np.float32))
        return mask


def _grown(detection: Detection, share: float, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in whole pixels of a box that is larger by a share of its size to each side."""
    (width, height), wide, high = size, share * detection.width, share * detection.height
    left, top = math.floor(detection.x - wide), math.floor(detection.y - high)
    right, bottom = (math.ceil(detection.x + detection.width + wide), math.ceil(detection.y + detection.height + high))
    return (
        min(max(left, 0), width - 1),
        min(max(top, 0), height - 1),
        min(max(right, left + 1, 1), width),
        min(max(bottom, top + 1, 1), height),
    )
