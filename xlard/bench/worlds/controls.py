"""Correctors to compare with: the same size of step without the knowledge."""

from __future__ import annotations

import torch
from torch import Tensor

from ...guidance.gradient import ascend
from ...models.corrector import CorrectorConfig, LatentCorrector
from ...models.head import RewardHead


class RandomResidual:
    """A random residual with the norm of the corrector's, for each picture and step."""

    def __init__(self, corrector: LatentCorrector):
        self.config, self._corrector = corrector.config, corrector
        self._generator = torch.Generator().manual_seed(0)

    def __call__(self, latents: Tensor, context: Tensor, noise_level: Tensor) -> Tensor:
        """Residuals (B, C, h, w)."""
        delta = self._corrector(latents, context, noise_level)
        noise = torch.randn(delta.shape, generator=self._generator).to(delta)
        size = delta.flatten(1).norm(dim=1) / noise.flatten(1).norm(dim=1)
        return noise * size[:, None, None, None]


class ShuffledPrompt:
    """The corrector with another picture's prompt."""

    def __init__(self, corrector: LatentCorrector):
        self.config, self._corrector = corrector.config, corrector

    def __call__(self, latents: Tensor, context: Tensor, noise_level: Tensor) -> Tensor:
        """Residuals (B, C, h, w)."""
        # By half a batch: neighbours are other seeds of the same prompt.
        return self._corrector(latents, context.roll(max(1, len(context) // 2), dims=0), noise_level)


class HeadGradient:
    """Gradient ascent through a head in place of a corrector, see ``gradient.ascend``; ``known`` (B, A) weighs the
    aspects that claims are about.
    """

    def __init__(self, head: RewardHead, known: Tensor):
        config = head.config
        # It acts at every step of a window, like a corrector of many steps.
        self.config = CorrectorConfig(
            config.latent_channels, config.context_width, config.base_model, noise_level_range=config.noise_level_range
        )
        self._head, self._known = head, known

    def __call__(self, latents: Tensor, context: Tensor, noise_level: Tensor) -> Tensor:
        """Residuals (B, C, h, w)."""
        return ascend(self._head, latents, context, noise_level, self._known.to(latents.device)).delta
