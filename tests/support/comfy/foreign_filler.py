"""Custom nodes for the tests: a fill model of another pack, which paints holes in the color of the ground."""

from __future__ import annotations

import torch
from comfy_api.latest import ComfyExtension, io
from torch import Tensor

TOLD: list[str] = []
"""What the painter was told, since a painter was made."""


class Painter:
    """Paints holes in the color that is most frequent in the picture, or raises."""

    def __init__(self, fault: str):
        self._fault = fault

    def fill(self, images: Tensor, holes: Tensor, prompts: list[str], avoided: list[str], seeds: list[int]) -> Tensor:
        """The pictures with their holes painted; the rest a little darker, as a model may give it back."""
        TOLD.extend(f"'{prompt}' without '{avoid}'" for prompt, avoid in zip(prompts, avoided))
        if self._fault:
            raise RuntimeError(self._fault)
        ground = images.flatten(1, 2).median(dim=1).values
        return torch.where(holes[..., None] == 1, ground[:, None, None], images * 0.9)

    def nfe(self) -> int:
        """As many calls as no model makes."""
        return 123


class PaintingFillModel(io.ComfyNode):
    """That painter as a fill model; where it is told so, what cannot fill."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PaintingFillModel",
            category="test",
            outputs=[io.Custom("XLARD_FILL_MODEL").Output()],
            inputs=[io.String.Input("fault", default=""), io.Boolean.Input("paints", default=True)],
        )

    @classmethod
    def execute(cls, fault: str = "", paints: bool = True) -> io.NodeOutput:
        TOLD.clear()
        return io.NodeOutput(Painter(fault) if paints else "no painter")


class WhatWasTold(io.ComfyNode):
    """What the painter was told before a state was there."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WhatWasTold",
            category="test",
            outputs=[io.String.Output("told")],
            inputs=[io.Custom("XLARD_STATE").Input("state")],
        )

    @classmethod
    def execute(cls, state: list) -> io.NodeOutput:
        return io.NodeOutput("\n".join(TOLD))


class FillerExtension(ComfyExtension):
    """The nodes as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [PaintingFillModel, WhatWasTold]


async def comfy_entrypoint() -> FillerExtension:
    return FillerExtension()
