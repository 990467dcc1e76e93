"""A custom node for the tests: a narrow SD 1.5 of random weights, for jobs of ComfyUI without the pack."""

from __future__ import annotations

import comfy.model_management
import comfy.model_patcher
import comfy.supported_models
import torch
from comfy_api.latest import ComfyExtension, io

WIDTH, CONTEXT = 32, 16
UNET = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": WIDTH,
    "num_res_blocks": [1, 1],
    "channel_mult": [1, 2],
    "transformer_depth": [1, 1],
    "transformer_depth_output": [1, 1, 1, 1],
    "transformer_depth_middle": 1,
    "context_dim": CONTEXT,
    "num_heads": 2,
    "use_spatial_transformer": True,
    "use_temporal_attention": False,
    "use_linear_in_transformer": False,
    "adm_in_channels": None,
    "dtype": torch.float32,
}


class TinyModel(io.ComfyNode):
    """The model, and a conditioning that it takes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TinyModel",
            category="test",
            inputs=[],
            outputs=[io.Model.Output("model"), io.Conditioning.Output("conditioning")],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        chance = torch.Generator().manual_seed(0)
        device = comfy.model_management.get_torch_device()
        model = comfy.supported_models.SD15(dict(UNET)).get_model({}, device="cpu")
        for parameter in model.parameters():
            parameter.data = torch.randn(parameter.shape, generator=chance) * 0.1
        patcher = comfy.model_patcher.ModelPatcher(model, device, comfy.model_management.unet_offload_device())
        context = torch.randn((1, 4, CONTEXT), generator=chance)
        return io.NodeOutput(patcher, [[context, {}]])


class Tiny(ComfyExtension):
    """The node as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """One node."""
        return [TinyModel]


async def comfy_entrypoint() -> Tiny:
    return Tiny()
