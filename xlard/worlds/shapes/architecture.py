"""The small models of the shapes world: diffusers and transformers architectures, built from their own configs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WEIGHTS = Path(__file__).parent / "weights"
"""Bundled weights: ``pipeline/`` (a diffusers folder), ``critic/`` (a transformers folder), head and corrector."""

PIPELINE = WEIGHTS / "pipeline"
CRITIC = WEIGHTS / "critic"
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


def build_text_encoder(vocabulary: int, bos: int, eos: int, pad: int) -> Any:
    """The text encoder: a two-layer CLIP text model, trained together with the generator."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=CONTEXT_WIDTH,
            intermediate_size=CONTEXT_WIDTH * 4,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=PROMPT_TOKENS,
            projection_dim=CONTEXT_WIDTH,
            hidden_act="gelu",
            bos_token_id=bos,
            eos_token_id=eos,
            pad_token_id=pad,
        )
    )


def build_autoencoder(encoder_width: int = 64, decoder_width: int | None = None) -> Any:
    """The autoencoder: AutoencoderTiny, 8x, 4 channels; 64 wide is TAESD's own size, which ComfyUI loads."""
    from diffusers import AutoencoderTiny

    return AutoencoderTiny(
        encoder_block_out_channels=(encoder_width,) * 4,
        decoder_block_out_channels=(decoder_width or encoder_width,) * 4,
        latent_channels=LATENT_CHANNELS,
        scaling_factor=1.0,
    )


def build_scheduler() -> Any:
    """First-order DPM-Solver++ on flow sigmas, which is Euler's method for a flow model."""
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=1.0,
        solver_order=1,
        algorithm_type="dpmsolver++",
        final_sigmas_type="zero",
        steps_offset=1,
    )
