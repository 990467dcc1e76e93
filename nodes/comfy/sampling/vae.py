"""A VAE of ComfyUI as the library's decoder."""

from __future__ import annotations

from torch import Tensor


class ComfyDecoder:
    """Decodes latents (B, C, h, w) with a VAE; implements ``xlard.protocols.Decoder``."""

    def __init__(self, vae):
        self._vae = vae

    def decode(self, latents: Tensor) -> Tensor:
        """Images (B, H, W, 3) in [0, 1]; raises ValueError if the VAE is for other latents."""
        channels = getattr(self._vae, "latent_channels", latents.shape[1])
        if channels != latents.shape[1]:
            raise ValueError(
                f"The VAE decodes {channels}-channel latents; the model's have {latents.shape[1]}. "
                "Connect the VAE of this checkpoint."
            )
        video = getattr(self._vae, "latent_dim", 2) == 3
        images = self._vae.decode(latents.unsqueeze(2) if video else latents).float()
        return images.reshape(-1, *images.shape[-3:])[..., :3]
