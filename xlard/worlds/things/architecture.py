"""The small models of the things world: diffusers and transformers architectures, built from their own configs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..architecture import clip_text_model
from .autoencoder import LATENT_CHANNELS
from .vocabulary import SIDE

WEIGHTS = Path(__file__).parent / "weights"
"""Bundled weights, laid out as those of the shapes world, and the checker's."""

BASE_MODEL = "xLARD things world"
LATENT_SIDE = SIDE // 8
CONTEXT_WIDTH = 128
PROMPT_TOKENS = 24
EDIT_TOKENS = 64
"""Tokens of an instruction: it says what to keep, too."""

WIDTHS = (64, 160)
"""Channels of the UNet at 16x16 and at 8x8."""


def build_unet() -> Any:
    """The generator: a two-level UNet on 16x16x16 latents, which predicts the flow (noise minus latent)."""
    return _unet(LATENT_CHANNELS)


def build_edit_unet() -> Any:
    """The edit model: the generator's UNet with a picture's latent beside its own."""
    return _unet(2 * LATENT_CHANNELS)


def _unet(inward: int) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=inward,
        out_channels=LATENT_CHANNELS,
        block_out_channels=WIDTHS,
        layers_per_block=1,
        norm_num_groups=32,
        # Prompts act at 8x8 only: attention at 16x16 costs two fifths of the training speed.
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        # diffusers reads this as the number of heads: all of them are 32 channels wide.
        attention_head_dim=tuple(width // 32 for width in WIDTHS),
        cross_attention_dim=CONTEXT_WIDTH,
    )


def build_text_encoder(tokenizer: Any) -> Any:
    """The text encoder: a two-layer CLIP text model, trained together with the generator."""
    return clip_text_model(tokenizer, CONTEXT_WIDTH, layers=2, heads=4)
