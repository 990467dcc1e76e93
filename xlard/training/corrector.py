"""Train a corrector by the path-wise gradient of the head's reward, with a latent anchor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..corrector import LatentCorrector
from ..critique import ASPECTS
from ..head import RewardHead
from .head import Encode
from .records import NO_REWARD, Records, draw


def corrector_loss(corrector: LatentCorrector, head: RewardHead, latents: Tensor, context: Tensor, sigma: Tensor,
                   known: Tensor, anchor: float, caution: float) -> Tensor:
    """-mean log reward over each picture's aspects, plus anchor * |delta|^2 / |z|^2 (the latent anchor).

    ``known`` (B, A) marks the aspects that the prompt has claims about. ``caution`` subtracts so many of the head's own
    deviations from its reward, so that the corrector gains nothing where the head only guesses (Ctrl-U). Gradients flow
    through the head, whose weights must be frozen.
    """
    delta = corrector(latents, context, sigma)
    prediction = head(latents + delta, context, sigma)
    rewards = (prediction.rewards - caution * prediction.deviations).clamp_min(1e-3)
    gain = (rewards.log() * known).sum(dim=1) / known.sum(dim=1).clamp_min(1)
    distance = delta.flatten(1).square().sum(dim=1) / latents.flatten(1).square().sum(dim=1).clamp_min(1e-8)
    return (anchor * distance - gain).mean()


def corrector_batch(failures: Sequence[Records], encode: Encode, levels: Sequence[float], batch: int,
                    generator: torch.Generator, device: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A random batch of failed pictures (see ``failed``), as x0 predictions at random ``levels``."""
    records, sigma = draw(failures, levels, batch, generator)
    known = (records.rewards[:, :len(ASPECTS)] > NO_REWARD).float()
    return records.latents[0.0].to(device), encode(records.prompts), sigma.to(device), known.to(device)


def failed(parts: Sequence[Records], levels: Sequence[float]) -> list[Records]:
    """The pictures that the critic failed, of the parts that hold any of ``levels``."""
    kept = [part.rows((~part.passed.bool()).nonzero().flatten().tolist()) for part in parts
            if any(level in part.latents for level in levels)]
    return [part for part in kept if len(part)]
