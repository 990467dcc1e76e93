"""Gradient ascent on latents, or on initial noise (ReNO), through a frozen reward head under a trust region."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.corrector import project
from ..models.head import RewardPrediction
from .corrector import moved_noise
from .min_norm import Combination, combine, mean_norm

FLOOR = 1e-3
"""The smallest reward whose logarithm is taken."""

Reader = Callable[[Tensor, Tensor, Tensor], RewardPrediction]
"""A reward head, as it is or under a memory manager."""


@dataclass(frozen=True)
class AscentSettings:
    """``steps`` of a length of ``step`` times the latent's norm, at most ``trust_region`` times that norm in all.

    ``caution`` subtracts so many of the head's own deviations from its rewards, ``how`` combines the aspects'
    gradients, and ``smooth`` averages gradients over so many latent pixels in both directions, 1 for not at all: raw
    ones are mostly fine patterns that move the head and not the picture.
    """

    steps: int = 5
    step: float = 0.02
    trust_region: float = 0.3
    caution: float = 1.0
    how: Combination = "sum"
    smooth: int = 2


@dataclass(frozen=True)
class Ascent:
    """Where the ascent ended: latents (B, C, h, w), their difference ``delta`` to those before, the predicted rewards
    (B, A) of both, and ``steps`` (B,) between them; a picture that no step made better is as it was, with 0 steps.
    """

    latents: Tensor
    delta: Tensor
    rewards_before: Tensor
    rewards_after: Tensor
    steps: Tensor


def ascend(
    head: Reader,
    latents: Tensor,
    context: Tensor,
    noise_level: Tensor,
    known: Tensor,
    settings: AscentSettings = AscentSettings(),
    mask: Tensor | None = None,
) -> Ascent:
    """Move x0 predictions or finished latents (B, C, h, w) to where the head predicts higher rewards.

    ``context`` (B, L, D) and ``noise_level`` (B,) are as the head takes them; ``known`` (B, A) weighs the aspects that
    are asked for, 0 for not at all; ``mask`` (B or 1, C or 1, h, w) is 1 where a latent may change. The objective is
    the sum of the log rewards less the head's deviations. A picture stops as soon as each asked reward is within its
    deviation of 1; of the points on the way, the one with the highest product of asked rewards is returned, the first
    included.
    """
    with torch.inference_mode(False):
        context, noise_level = context.detach().clone(), noise_level.detach().clone()
        return _climb(lambda point: head(point, context, noise_level), latents, known, settings, mask)


def ascend_noise(
    head: Reader,
    noise: Tensor,
    predict: Callable[[Tensor], Tensor],
    context: Tensor,
    noise_level: Tensor,
    known: Tensor,
    settings: AscentSettings = AscentSettings(),
    penalty: float = 0.01,
    on_sphere: bool = False,
) -> Ascent:
    """Move initial noise (B, C, h, w) to where the head predicts higher rewards of ``predict(noise)`` (ReNO).

    ``predict`` gives x0 (B, C, h, w) in one differentiable step, once for each step of the ascent and once more; the
    head reads it at ``noise_level`` (B,). ``penalty`` weighs ``noise_penalty`` against the log rewards. With
    ``on_sphere`` every point has the norm of the noise, that of a Gaussian, and nothing else holds it back: the trust
    region is that of a step before the norm is restored. Otherwise like ``ascend``.
    """
    with torch.inference_mode(False):
        context, noise_level = context.detach().clone(), noise_level.detach().clone()

        def read(point: Tensor) -> RewardPrediction:
            return head(predict(point), context, noise_level)

        return _climb(read, noise, known, settings, None, 0.0 if on_sphere else penalty, on_sphere)


def noise_penalty(noise: Tensor) -> Tensor:
    """How unlikely the norms of noise (B, C, h, w) are, (B,): ReNO's -log p(norm), p the chi density of N = C * h * w
    degrees of freedom, less its smallest value; 0 where the norm is sqrt(N - 1).
    """
    freedom = noise[0].numel() - 1
    # norm^2 / 2 - (N - 1) log(norm), without the large constant that single precision would drown in.
    ratio = noise.flatten(1).square().sum(dim=1) / max(freedom, 1)
    return freedom / 2 * (ratio - 1 - ratio.log())


def _climb(
    read: Callable[[Tensor], RewardPrediction],
    start: Tensor,
    known: Tensor,
    settings: AscentSettings,
    mask: Tensor | None,
    penalty: float = 0.0,
    on_sphere: bool = False,
) -> Ascent:
    # Tensors of inference mode can take no part in gradients; their clones can.
    start, known = start.detach().clone(), known.detach().clone()
    allowed = 1.0 if mask is None else mask.detach().clone()
    asked = known > 0
    length = settings.step * start.flatten(1).norm(dim=1)
    delta = torch.zeros_like(start)
    active = asked.any(dim=1)
    for number in range(settings.steps + 1):
        last = number == settings.steps
        with torch.set_grad_enabled(not last):
            point = (start + delta).requires_grad_(not last)
            prediction = read(point)
            cost = penalty * noise_penalty(point) if penalty else torch.zeros_like(length)
        rewards = prediction.rewards.detach()
        score = (rewards.clamp_min(FLOOR).log() * asked).sum(dim=1) - cost.detach()
        if number == 0:
            before, after, best, best_delta, taken = (
                rewards,
                rewards,
                score,
                delta,
                torch.zeros_like(score, dtype=torch.long),
            )
        better = score > best
        best, taken = torch.where(better, score, best), torch.where(better, number, taken)
        after, best_delta = torch.where(better[:, None], rewards, after), torch.where(_wide(better), delta, best_delta)
        active = active & ~((rewards + prediction.deviations.detach() >= 1) | ~asked).all(dim=1)
        if last or not active.any():
            break
        parts, weights = _gradients(_objectives(prediction, known, cost, settings), point, known, settings)
        scale = mean_norm(parts, weights).clamp_min(torch.finfo(parts.dtype).tiny)
        direction = combine(parts, weights, settings.how) / _wide(scale)
        moved = project(delta + _wide(length) * direction * allowed, start, settings.trust_region)
        if on_sphere:
            moved = moved_noise(start, moved) - start
        delta = torch.where(_wide(active), moved, delta)
    return Ascent(start + best_delta, best_delta, before, after, taken)


def _objectives(prediction: RewardPrediction, known: Tensor, cost: Tensor, settings: AscentSettings) -> Tensor:
    """What each aspect (B, A) would have rise. Their weighted sum holds the cost once."""
    cautious = prediction.rewards - settings.caution * prediction.deviations
    # A clamped value has no gradient; where the head is surest of failure, its reward alone must show the way.
    logs = torch.where(cautious > FLOOR, cautious.clamp_min(FLOOR).log(), prediction.rewards.clamp_min(FLOOR).log())
    return logs - (cost / known.sum(dim=1).clamp_min(1e-8))[:, None]


def _gradients(objectives: Tensor, point: Tensor, known: Tensor, settings: AscentSettings) -> tuple[Tensor, Tensor]:
    """Gradients (B, P, C, h, w) and their weights (B, P): of each asked aspect, or where they are summed anyway, of the
    sum.
    """
    if settings.how == "sum":
        parts, weights = [(objectives * known).sum()], (known > 0).any(dim=1, keepdim=True).to(known)
    else:
        columns = (known > 0).any(dim=0).nonzero().flatten().tolist()
        parts, weights = [objectives[:, column].sum() for column in columns], known[:, columns]
    gradients = [torch.autograd.grad(part, point, retain_graph=part is not parts[-1])[0] for part in parts]
    return torch.stack([_smoothed(gradient, settings.smooth) for gradient in gradients], dim=1), weights


def _smoothed(gradient: Tensor, factor: int) -> Tensor:
    if factor <= 1:
        return gradient
    size = gradient.shape[-2:]
    coarse = F.interpolate(gradient, size=[max(1, side // factor) for side in size], mode="area")
    return F.interpolate(coarse, size=size, mode="bilinear")


def _wide(values: Tensor) -> Tensor:
    return values[:, None, None, None]
