"""The small models of the shapes world: diffusers and transformers architectures, built from their own configs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..architecture import clip_text_model

WEIGHTS = Path(__file__).parent / "weights"
"""Bundled weights: ``pipeline/`` (a diffusers folder), ``critic/`` and ``detector/`` (transformers folders), head and
corrector.
"""

PIPELINE = WEIGHTS / "pipeline"
CRITIC = WEIGHTS / "critic"
DETECTOR = WEIGHTS / "detector"
DETECTOR_THRESHOLD = 0.45
"""Score from which a box of the detector counts; chosen on validation prompts."""

HEAD = WEIGHTS / "head.safetensors"
CORRECTOR = WEIGHTS / "corrector.safetensors"

BASE_MODEL = "xLARD demo world"
LATENT_CHANNELS = 4
LATENT_SIDE = 12
CONTEXT_WIDTH = 128
PROMPT_TOKENS = 20


def build_unet() -> Any:
    """The generator: a two-level UNet on 12x12x4 latents, which predicts the flow (noise minus latent)."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(64, 128),
        layers_per_block=1,
        norm_num_groups=32,
        # Prompts act at 6x6 only: attention at 12x12 costs a fifth of the training speed and was not needed.
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        # diffusers reads this as the number of heads: 64 / 2 and 128 / 4 are both 32 channels a head.
        attention_head_dim=(2, 4),
        cross_attention_dim=CONTEXT_WIDTH,
    )


def build_text_encoder(tokenizer: Any) -> Any:
    """The text encoder: a two-layer CLIP text model, trained together with the generator."""
    return clip_text_model(tokenizer, CONTEXT_WIDTH, layers=2, heads=4)


def build_autoencoder(encoder_width: int = 64, decoder_width: int | None = None) -> Any:
    """The autoencoder: AutoencoderTiny, 8x, 4 channels; 64 wide is TAESD's own size, which ComfyUI loads."""
    from diffusers import AutoencoderTiny

    return AutoencoderTiny(
        encoder_block_out_channels=(encoder_width,) * 4,
        decoder_block_out_channels=(decoder_width or encoder_width,) * 4,
        latent_channels=LATENT_CHANNELS,
        scaling_factor=1.0,
    )
