"""What the pack knows of ComfyUI's SAM 3: masks of boxes. The checks in tests/support/comfy say what breaks."""

from __future__ import annotations

from typing import Any

from torch import Tensor

import nodes as comfyui_nodes

_NODE = "SAM3_Detect"
_BOXES = "bboxes"


def sam3_missing(model: Any) -> str:
    """Why this MODEL makes no masks of boxes here; empty where it does.

    Rests on the node SAM3_Detect, which newer releases have, and on ``forward_segment`` of its models.
    """
    if _NODE not in comfyui_nodes.NODE_CLASS_MAPPINGS:
        return "This ComfyUI has no SAM 3. Update it, or choose a segmenter's folder"
    network = getattr(getattr(model, "model", None), "diffusion_model", None)
    if not hasattr(network, "forward_segment"):
        return "The model is no SAM 3. Connect the one of a SAM 3 checkpoint, or none"
    return ""


def sam3_mask(model: Any, image: Tensor, box: dict[str, float]) -> Tensor:
    """The mask (H, W) of 0 and 1 of a box, ``x``, ``y``, ``width`` and ``height`` in pixels, in an image (H, W, 3).

    Rests on the inputs and outputs of the node SAM3_Detect.
    """
    node: Any = comfyui_nodes.NODE_CLASS_MAPPINGS[_NODE]
    found = node.execute(model, image[None], **{_BOXES: [box]}, individual_masks=True)
    return found.args[0][0]
