"""The autoencoder's architecture and file: diffusers' AutoencoderTiny, 16 latent channels at 8x."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...models.files import build, read_module, save_module

LATENT_CHANNELS = 16

_KIND = "things autoencoder"


def build_autoencoder(
    encoder_width: int, decoder_width: int, scaling_factor: float = 1.0, shift_factor: float = 0.0
) -> Any:
    """An untrained autoencoder of pictures (B, 3, H, W) in [-1, 1] and latents (B, 16, H/8, W/8).

    It does not apply the factors: a generator sees (latent - shift_factor) * scaling_factor.
    """
    from diffusers import AutoencoderTiny

    return AutoencoderTiny(
        encoder_block_out_channels=(encoder_width,) * 4,
        decoder_block_out_channels=(decoder_width,) * 4,
        latent_channels=LATENT_CHANNELS,
        scaling_factor=scaling_factor,
        shift_factor=shift_factor,
    )


def save_autoencoder(file: Path, autoencoder: Any, config: dict[str, float], figures: dict[str, Any]) -> None:
    """Write the weights in half precision with ``build_autoencoder``'s arguments and the training's figures."""
    save_module(file, autoencoder, _KIND, config, figures)


def load_autoencoder(file: Path) -> tuple[Any, dict[str, Any]]:
    """The autoencoder of a file, in single precision, and its training's figures.

    Raises as ``models.files.read_module`` and ``models.files.build``.
    """
    config, figures, tensors = read_module(file, _KIND)
    return build(file, lambda: build_autoencoder(**config), tensors), figures
