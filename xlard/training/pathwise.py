"""Train a corrector by the gradient of the head's reward (path-wise), with the latent anchor."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..guidance.gradient import FLOOR
from ..models.corrector import CorrectorConfig, LatentCorrector
from ..models.head import RewardHead
from .objectives import predictions, tensors
from .records import Encode, Records, pick


@dataclass(frozen=True)
class PathwiseSettings:
    """``anchor`` weighs |delta|^2 / |z|^2 against the log reward, which the paper cannot do without. ``caution``
    subtracts so many of the head's own deviations from the log reward (Ctrl-U). ``gate`` anchors only that share of a
    batch which the head is least sure of (GARDO); 1 anchors all."""

    anchor: float = 2.0
    caution: float = 0.5
    gate: float = 1.0


class Pathwise:
    """Training through a frozen head on the x0 predictions of pictures that failed."""

    def __init__(
        self,
        config: CorrectorConfig,
        records: Records,
        encode: Encode,
        batch: int,
        device: str,
        head: RewardHead,
        settings: PathwiseSettings = PathwiseSettings(),
    ):
        found = predictions(records, config.noise_level_range)
        self.records = found.where(~found.passed.bool())
        if not len(self.records):
            raise ValueError("No picture failed, so that there is nothing to correct. Collect harder prompts.")
        self.encode, self.batch, self.device, self.settings = encode, batch, device, settings
        self.head = head.to(device).eval().requires_grad_(False)
        self.module = LatentCorrector(config).to(device)
        self.module.body.scale_to(self.records.finals)

    def loss(self, generator: torch.Generator) -> Tensor:
        """See ``pathwise_loss``."""
        drawn = self.records.rows(pick(torch.arange(len(self.records)), self.batch, generator))
        return pathwise_loss(self.module, self.head, *tensors(drawn, self.encode, self.device), self.settings)

    def corrector(self, module: nn.Module) -> LatentCorrector:
        """The module itself."""
        return module.eval()


def pathwise_loss(
    corrector: LatentCorrector,
    head: RewardHead,
    latents: Tensor,
    context: Tensor,
    noise_level: Tensor,
    known: Tensor,
    settings: PathwiseSettings,
) -> Tensor:
    """-mean log reward over each picture's aspects, plus the latent anchor.

    ``known`` (B, A) marks the aspects that the prompt has claims about. Gradients flow through the head, whose weights
    must be frozen."""
    delta = corrector(latents, context, noise_level)
    prediction = head(latents + delta, context, noise_level)
    # Not a clamp, which would leave the worst pictures without a gradient.
    gains = (prediction.rewards + FLOOR).log() - settings.caution * prediction.deviations
    asked = known.sum(dim=1).clamp_min(1)
    gain = (gains * known).sum(dim=1) / asked
    distance = delta.flatten(1).square().sum(dim=1) / latents.flatten(1).square().sum(dim=1).clamp_min(1e-8)
    if settings.gate < 1:
        doubt = (prediction.deviations.detach() * known).sum(dim=1) / asked
        distance = distance * (doubt >= doubt.quantile(1 - settings.gate))
    return (settings.anchor * distance - gain).mean()
