"""A segmenter of transformers, from a folder: the masks of boxes in a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...detections import Detection
from ..backend import Ask
from ..memory import empty_cache, in_batches
from ..pictures import full_picture
from .folder import SegmenterFolder


class TransformersSegmenter:
    """Makes masks with the model that ``model()`` returns, which must be on its device; implements ``Segmenter``.

    ``check_interrupt`` is called before each picture, and may raise. If memory runs out, ``make_room`` is called and
    the picture tried again.
    """

    def __init__(
        self,
        folder: SegmenterFolder,
        model: Callable[[], nn.Module],
        check_interrupt: Callable[[], None] | None = None,
        make_room: Callable[[], None] = empty_cache,
    ):
        self.folder, self.model, self.name = folder, model, folder.name
        self.check_interrupt, self.make_room = check_interrupt or (lambda: None), make_room

    def masks(self, image: Tensor, detections: Sequence[Detection]) -> list[Tensor | None]:
        """A mask (H, W) of 0 and 1 for each box in an image (H, W, 3) in [0, 1]; None for one in which the model sees
        nothing, or computes no numbers. Raises CriticError if memory does not suffice.
        """
        if not detections:
            return []

        def run(done: int, asks: list[Ask]) -> list[list[Tensor | None]]:
            self.check_interrupt()
            return [self._masks(image, detections)]

        (masks,) = in_batches(
            [Ask("", image)],
            1,
            run,
            self.make_room,
            self.name,
            self.folder.weights,
            self.folder.role,
            "Take a smaller segmenter.",
        )
        return masks

    @torch.inference_mode()
    def _masks(self, image: Tensor, detections: Sequence[Detection]) -> list[Tensor | None]:
        processor, model = self.folder.processor, self.model()
        corners = [[[d.x, d.y, d.x + d.width, d.y + d.height] for d in detections]]
        inputs: Any = processor(images=full_picture(image), input_boxes=corners, return_tensors="pt")
        inputs = inputs.to(next(model.parameters()).device)
        outputs = model(**{name: inputs[name] for name in ("pixel_values", "input_boxes")}, multimask_output=False)
        # SAM's own processor also has to know to which size it had scaled the picture.
        sizes = [inputs[name].cpu() for name in ("original_sizes", "reshaped_input_sizes") if name in inputs]
        (found,) = processor.post_process_masks(outputs.pred_masks.float().cpu(), *sizes)
        known = outputs.pred_masks[0].flatten(1).isfinite().all(dim=1).tolist()
        return [_one(mask[0].float(), is_known) for mask, is_known in zip(found, known)]


def _one(mask: Tensor, is_known: bool) -> Tensor | None:
    return mask if is_known and bool(mask.any()) else None


def loaded_segmenter(folder: SegmenterFolder, device: str = "cpu") -> TransformersSegmenter:
    """A segmenter outside ComfyUI with its model on one device. Raises CriticError for what is no segmenter."""
    folder.check()
    model = folder.load_module().to(device)
    return TransformersSegmenter(folder, lambda: model)
