"""Custom nodes for the tests: a MODEL as those of SAM 3 checkpoints, whose masks are ellipses, and SAM3_Detect where
ComfyUI has none.
"""

from __future__ import annotations

from typing import Any

import comfy.model_management
import comfy.model_patcher
import torch
from comfy_api.latest import ComfyExtension, io
from torch import Tensor, nn

import nodes as comfyui_nodes

SIDE = 1008
"""SAM 3's pictures have this many pixels a side."""


class Ellipses(nn.Module):
    """Segments the ellipse that fills each box; in boxes whose left edge is in the picture's left eighth, nothing."""

    def forward_segment(
        self, images: Tensor, point_inputs: Any = None, box_inputs: Tensor | None = None, mask_inputs: Any = None
    ) -> Tensor:
        """Logits (1, 1, SIDE, SIDE) of the mask of one box (1, 2, 2), or of the mask before."""
        if box_inputs is None:
            return mask_inputs
        (left, top), (right, bottom) = box_inputs[0].tolist()
        if left < SIDE / 8:
            return torch.full((1, 1, SIDE, SIDE), -5.0)
        places = torch.arange(SIDE) + 0.5
        x, y = ((places - (start + end) / 2) / ((end - start) / 2) for start, end in ((left, right), (top, bottom)))
        return 5 * (1 - x[None, :] ** 2 - y[:, None] ** 2)[None, None]


class Segmenting(nn.Module):
    """What a ModelPatcher holds."""

    def __init__(self) -> None:
        super().__init__()
        self.diffusion_model = Ellipses()

    def get_dtype(self) -> torch.dtype:
        """The weights' type."""
        return torch.float32


class EllipsesModel(io.ComfyNode):
    """Gives that MODEL."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(node_id="EllipsesModel", category="test", inputs=[], outputs=[io.Model.Output()])

    @classmethod
    def execute(cls) -> io.NodeOutput:
        cpu = torch.device("cpu")
        return io.NodeOutput(comfy.model_patcher.ModelPatcher(Segmenting(), load_device=cpu, offload_device=cpu))


class StandIn(io.ComfyNode):
    """As much of SAM3_Detect as takes boxes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SAM3_Detect",
            category="test",
            inputs=[io.Model.Input("model"), io.Image.Input("image"), io.AnyType.Input("bboxes")],
            outputs=[io.Mask.Output(), io.AnyType.Output()],
        )

    @classmethod
    def execute(
        cls, model: Any, image: Tensor, bboxes: list[dict[str, float]], individual_masks: bool = False
    ) -> io.NodeOutput:
        comfy.model_management.load_model_gpu(model)
        height, width = image.shape[1:3]
        scale = torch.tensor([SIDE / width, SIDE / height])
        masks = []
        for box in bboxes:
            corner, size = (torch.tensor([box[one], box[other]]) for one, other in (("x", "y"), ("width", "height")))
            corners = torch.stack([corner, corner + size]) * scale
            logits = model.model.diffusion_model.forward_segment(None, box_inputs=corners[None])
            resized = nn.functional.interpolate(logits, (height, width), mode="bilinear", align_corners=False)
            masks.append((resized[0] > 0).float())
        return io.NodeOutput(torch.cat(masks) if individual_masks else torch.cat(masks).amax(0, keepdim=True), [])


class TestNodes(ComfyExtension):
    """All of them."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [EllipsesModel, *([] if "SAM3_Detect" in comfyui_nodes.NODE_CLASS_MAPPINGS else [StandIn])]


async def comfy_entrypoint() -> TestNodes:
    return TestNodes()
