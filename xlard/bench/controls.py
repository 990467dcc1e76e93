"""Correctors to compare with: the same size of step without the knowledge."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..corrector import LatentCorrector
from ..gradient import ascend
from ..head import HeadConfig, RewardHead
from ..protocols import Sampler, Steer
from ..steering import corrector_once


class RandomResidual:
    """A random residual with the norm of the corrector's, for each picture and step."""

    def __init__(self, corrector: LatentCorrector):
        self.config, self._corrector = corrector.config, corrector
        self._generator = torch.Generator().manual_seed(0)

    def __call__(self, latents: Tensor, context: Tensor, sigma: Tensor) -> Tensor:
        """Residuals (B, C, h, w)."""
        delta = self._corrector(latents, context, sigma)
        noise = torch.randn(delta.shape, generator=self._generator).to(delta)
        size = delta.flatten(1).norm(dim=1) / noise.flatten(1).norm(dim=1)
        return noise * size[:, None, None, None]


class GuidedSampler:
    """A sampler whose every fresh draw a corrector that acts once has part in; all else is ``sampler``'s."""

    def __init__(self, sampler: Sampler, corrector: LatentCorrector):
        self._sampler, self._corrector = sampler, corrector

    def __getattr__(self, name: str):
        return getattr(self._sampler, name)

    def generate(self, rows: Sequence[int], seeds: Sequence[int], steer: Steer | None = None) -> Tensor:
        """See ``protocols.Sampler``."""
        return self._sampler.generate(rows, seeds, corrector_once(self._corrector, self._sampler.context(rows)))

    def calls(self, sigma: float = 1.0) -> int:
        """One call more for a whole draw."""
        return self._sampler.calls(sigma) + (sigma == 1.0)


class ShuffledPrompt:
    """The corrector told another picture's prompt."""

    def __init__(self, corrector: LatentCorrector):
        self.config, self._corrector = corrector.config, corrector

    def __call__(self, latents: Tensor, context: Tensor, sigma: Tensor) -> Tensor:
        """Residuals (B, C, h, w)."""
        # By half a batch: neighbours are other seeds of the same prompt.
        return self._corrector(latents, context.roll(max(1, len(context) // 2), dims=0), sigma)


class HeadGradient:
    """Gradient ascent through a head in place of a corrector, see ``gradient.ascend``; ``known`` (B, A) are the asked aspects."""

    def __init__(self, head: RewardHead, config: HeadConfig, known: Tensor):
        self.config, self._head, self._known = config, head, known

    def __call__(self, latents: Tensor, context: Tensor, sigma: Tensor) -> Tensor:
        """Residuals (B, C, h, w)."""
        return ascend(self._head, latents, context, sigma, self._known.to(latents.device)).delta
