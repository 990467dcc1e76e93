"""Model families: the shapes of their latents and prompts, and what one call of their diffusion model computes.

The calls are counted on diffusers' architectures without weights or data. Their parameters are the published ones:
0.86 billion (SD 1.5), 2.57 (SDXL), 11.9 (FLUX.1), 20.4 (Qwen-Image).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .measure import count_flops

TOKENS = 1024
"""Number of patches into which heads and correctors cut every latent of the table."""


ModelCall = tuple[nn.Module, dict[str, Any]]
"""A diffusion model and the arguments of a call of it."""


@dataclass(frozen=True)
class Family:
    """A family at one picture size: latents (channels, side, side) for pictures of ``pixels`` a side, and prompts
    (length, width).

    ``call`` builds the diffusion model and its arguments for one picture.
    """

    name: str
    pixels: int
    channels: int
    length: int
    width: int
    call: Callable[[Family], ModelCall]

    @property
    def side(self) -> int:
        """Latent pixels a side."""
        return self.pixels // 8

    @property
    def patch(self) -> int:
        """The patch that cuts a latent into ``TOKENS``, or a smaller latent into its pixels."""
        return max(1, round(self.side / TOKENS**0.5))

    def step(self) -> tuple[float, float]:
        """Number of parameters of the diffusion model, and floating-point operations of one call of it."""
        with torch.device("meta"):
            model, arguments = self.call(self)
            flops = count_flops(lambda: model(**arguments, return_dict=False))
        return sum(parameter.numel() for parameter in model.parameters()), flops


def _unet(family: Family, **config: Any) -> ModelCall:
    from diffusers import UNet2DConditionModel

    # Any: mypy does not see that diffusers' models are modules.
    model: Any = UNet2DConditionModel(sample_size=family.side, cross_attention_dim=family.width, **config)
    return model, {
        "sample": torch.empty(1, family.channels, family.side, family.side),
        "timestep": torch.empty(1),
        "encoder_hidden_states": torch.empty(1, family.length, family.width),
    }


def _sd15(family: Family) -> ModelCall:
    return _unet(family, attention_head_dim=8)


def _sdxl(family: Family) -> ModelCall:
    model, arguments = _unet(
        family,
        block_out_channels=(320, 640, 1280),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10),
        attention_head_dim=(5, 10, 20),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    )
    return model, {
        **arguments,
        "added_cond_kwargs": {"text_embeds": torch.empty(1, 1280), "time_ids": torch.empty(1, 6)},
    }


def _packed_inputs(family: Family) -> dict[str, Any]:
    # Both pack 2 x 2 latent pixels into one token.
    return {
        "hidden_states": torch.empty(1, (family.side // 2) ** 2, family.channels * 4),
        "timestep": torch.empty(1),
        "encoder_hidden_states": torch.empty(1, family.length, family.width),
    }


def _flux(family: Family) -> ModelCall:
    from diffusers import FluxTransformer2DModel

    model: Any = FluxTransformer2DModel(guidance_embeds=True)
    return model, {
        **_packed_inputs(family),
        "pooled_projections": torch.empty(1, 768),
        "guidance": torch.empty(1),
        "img_ids": torch.empty((family.side // 2) ** 2, 3),
        "txt_ids": torch.empty(family.length, 3),
    }


def _qwen(family: Family) -> ModelCall:
    from diffusers import QwenImageTransformer2DModel

    model: Any = QwenImageTransformer2DModel()
    return model, {
        **_packed_inputs(family),
        "encoder_hidden_states_mask": torch.empty(1, family.length),
        "img_shapes": [(1, family.side // 2, family.side // 2)],
    }


FAMILIES = (
    Family("SD 1.5", 512, 4, 77, 768, _sd15),
    Family("SD 1.5", 1024, 4, 77, 768, _sd15),
    Family("SDXL", 1024, 4, 77, 2048, _sdxl),
    Family("FLUX.1", 1024, 16, 256, 4096, _flux),
    Family("Qwen-Image", 1024, 16, 256, 3584, _qwen),
)
