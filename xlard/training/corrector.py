"""Train a corrector by the path-wise gradient of the head's reward, with a latent anchor."""

from __future__ import annotations

import torch
from torch import Tensor

from ..corrector import LatentCorrector
from ..critique import ASPECTS
from ..head import RewardHead
from .head import Encode
from .records import NO_REWARD, Records


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


def corrector_batch(records: Records, encode: Encode, levels: list[float], batch: int, generator: torch.Generator,
                    device: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A random batch of pictures that the critic failed, as x0 predictions at random ``levels``."""
    failed = (~records.passed.bool()).nonzero().flatten()
    rows = failed[torch.randint(0, len(failed), (batch,), generator=generator, device=generator.device).cpu()].tolist()
    picks = torch.randint(0, len(levels), (batch,), generator=generator, device=generator.device).tolist()
    latents = torch.stack([records.latents[levels[pick]][row] for row, pick in zip(rows, picks)]).to(device)
    sigma = torch.tensor([levels[pick] for pick in picks], device=device)
    known = (records.rewards[rows][:, :len(ASPECTS)] > NO_REWARD).float().to(device)
    return latents, encode([records.prompts[row] for row in rows]), sigma, known
