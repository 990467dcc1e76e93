"""Custom nodes for the tests: prompts stacked in one conditioning, and a ControlNet whose hints show in pictures."""

from __future__ import annotations

import comfy.controlnet
import comfy.utils
import torch
from comfy_api.latest import ComfyExtension, io
from torch import Tensor


class StackedPrompts(io.ComfyNode):
    """Two prompts as one CONDITIONING, for a picture each."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="StackedPrompts",
            category="test",
            outputs=[io.Conditioning.Output("conditioning")],
            inputs=[io.Conditioning.Input("first"), io.Conditioning.Input("second")],
        )

    @classmethod
    def execute(cls, first: list, second: list) -> io.NodeOutput:
        ((one, options), (two, others)) = first[0], second[0]
        pooled = torch.cat([options["pooled_output"], others["pooled_output"]])
        return io.NodeOutput([[torch.cat([one, two]), {**options, "pooled_output": pooled}]])


class Brightness(comfy.controlnet.ControlBase):
    """Adds the mean of its hint to what the middle of the UNet computes."""

    def copy(self) -> Brightness:
        """The same with the same hints."""
        copied = Brightness()
        self.copy_to(copied)
        return copied

    def get_control(self, x_noisy: Tensor, t: Tensor, cond: dict, batched_number: int, *others: object) -> dict:
        """As ComfyUI's ControlNets: hints are shared out over the pictures."""
        means = self.cond_hint_original.mean(dim=(1, 2, 3), keepdim=True).to(x_noisy)
        shared = comfy.controlnet.broadcast_image_to(means, x_noisy.shape[0], batched_number)
        before = None
        if self.previous_controlnet is not None:
            before = self.previous_controlnet.get_control(x_noisy, t, cond, batched_number, *others)
        added = 5 * shared.expand(len(x_noisy), 1, 1, 1)
        if before is not None:
            added = added + before["middle"][0]
        return {"input": [], "middle": [added], "output": []}


class BrightnessControl(io.ComfyNode):
    """The ControlNet, for Apply ControlNet."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="BrightnessControl", category="test", outputs=[io.ControlNet.Output("control")], inputs=[]
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        return io.NodeOutput(Brightness())


class StackedExtension(ComfyExtension):
    """The nodes as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [StackedPrompts, BrightnessControl]


async def comfy_entrypoint() -> StackedExtension:
    return StackedExtension()
