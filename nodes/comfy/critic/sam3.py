"""ComfyUI's SAM 3 as segmenter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ....xlard.critics.backend import CriticError
from ....xlard.detections import Detection
from ..compat.segmenting import sam3_mask, sam3_missing
from .folder import check_interrupt


class Sam3:
    """Implements ``segmenter.critic.Segmenter`` with a MODEL of a SAM 3 checkpoint, under ComfyUI's memory manager.

    Raises CriticError for another model, and where the release has no SAM 3.
    """

    def __init__(self, model: Any):
        self._model = model
        missing = sam3_missing(model)
        if missing:
            raise CriticError(f"{missing}.")

    def masks(self, image: Tensor, detections: Sequence[Detection]) -> list[Tensor | None]:
        """A mask (H, W) of 0 and 1 for each box in an image (H, W, 3) in [0, 1]; None where SAM 3 sees nothing."""
        return [self._mask(image, detection) for detection in detections]

    def _mask(self, image: Tensor, detection: Detection) -> Tensor | None:
        check_interrupt()
        box = {"x": detection.x, "y": detection.y, "width": detection.width, "height": detection.height}
        mask = sam3_mask(self._model, image, box).cpu()
        return mask if mask.any() else None
