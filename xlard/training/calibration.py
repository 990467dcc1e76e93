"""Calibrating a head: of the pictures to which it gives a reward of p, a share of p should be right (Platt
scaling).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.head import RewardHead
from .records import NO_REWARD

FEWEST = 20
"""Known rewards below which an aspect is not calibrated."""

_PRIOR = 0.1
"""Curvature of a prior on log slope and shift, in observations; keeps both finite where logits separate the rewards."""


def calibrate(logits: Tensor, rewards: Tensor) -> tuple[float, float]:
    """The slope > 0 and the shift with which sigmoid(slope * logit + shift) fits rewards (N,) in [0, 1] best.

    Cross entropy with soft targets, over logits (N,). A head whose logits fall where rewards rise gets a slope near 0:
    its order is never reversed. Raises ValueError for no values, or unequal numbers of them.
    """
    if not len(logits) or logits.shape != rewards.shape:
        raise ValueError(
            f"Calibrating needs one reward for each logit, and at least one; there are {tuple(logits.shape)} "
            f"logits and {tuple(rewards.shape)} rewards. Check that they are of the same pictures."
        )
    with torch.inference_mode(False), torch.enable_grad():
        logits, rewards = (values.detach().to("cpu", torch.float64, copy=True) for values in (logits, rewards))
        parameters = torch.zeros(2, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS([parameters], max_iter=200, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimizer.zero_grad()
            log_slope, shift = parameters
            entropy = F.binary_cross_entropy_with_logits(log_slope.exp() * logits + shift, rewards, reduction="sum")
            value = (entropy + _PRIOR / 2 * parameters.square().sum()) / len(logits)
            value.backward()
            return value

        optimizer.step(loss)
        log_slope, shift = parameters.detach()
        return log_slope.exp().item(), shift.item()


def expected_calibration_error(predicted: Tensor, rewards: Tensor, bins: int = 10) -> float:
    """Mean distance in [0, 1] of mean prediction and mean reward over bins of predictions (N,) of equal width, weighted
    by how many predictions a bin holds. Raises ValueError for no predictions.
    """
    if not len(predicted):
        raise ValueError("There are no predictions to measure the calibration of. Keep some pictures for validation.")
    bin_of = (predicted * bins).long().clamp(0, bins - 1)
    differences = torch.zeros(bins, dtype=torch.float64).index_add_(
        0, bin_of.cpu(), (predicted - rewards).double().cpu()
    )
    return (differences.abs().sum() / len(predicted)).item()


@torch.no_grad()
def calibrate_head(head: RewardHead, kinds: Sequence[int], logits: Tensor, rewards: Tensor) -> None:
    """Fit ``head.slope`` and ``head.shift`` of ``kinds``, places in ``LATENT_KINDS``, to rewards (N, A), NO_REWARD for
    missing ones, of pictures that it was not trained on.

    ``logits`` (N, A) are the means of the head's present maps of these pictures, so calibrating twice changes next to
    nothing. Aspects with fewer than ``FEWEST`` known rewards, or with rewards on one side of 0.5 only, stay as they
    are.
    """
    for column in range(rewards.shape[1]):
        known = rewards[:, column] > NO_REWARD
        right = rewards[known, column] > 0.5
        if known.sum() < FEWEST or right.all() or not right.any():
            continue
        slope, shift = calibrate(logits[known, column], rewards[known, column])
        for kind in kinds:
            head.slope[kind, column] *= slope
            head.shift[kind, column] = slope * head.shift[kind, column] + shift
