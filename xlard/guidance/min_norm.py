"""The minimum-norm point of several gradients' hull, which no aspect's gradient opposes (MGDA, MARBLE)."""

from __future__ import annotations

from itertools import product
from typing import Literal

import torch
from torch import Tensor

MOST_ASPECTS = 8

Combination = Literal["sum", "min_norm"]

_RIDGE = 1e-10
_SLACK = 1e-9


def min_norm_weights(gradients: Tensor, known: Tensor | None = None) -> Tensor:
    """Weights (..., A) of the convex combination of gradients (..., A, N) that has the smallest norm.

    Those that ``known`` (..., A) leaves out weigh nothing; where it leaves out all, so do all. Every face of the
    simplex is solved in closed form, hence exact: of equally good weights, those spread most evenly. Raises ValueError
    for more than ``MOST_ASPECTS`` gradients.
    """
    number = gradients.shape[-2]
    if number > MOST_ASPECTS:
        raise ValueError(
            f"The quadratic program takes at most {MOST_ASPECTS} gradients; there are {number}. Ask for fewer "
            "aspects, or combine them by their sum."
        )
    known = torch.ones(gradients.shape[:-1], dtype=torch.bool) if known is None else known.to("cpu", torch.bool)
    # Not every accelerator has double precision, which nearly parallel gradients need.
    exact = gradients.detach().to("cpu", torch.float64)
    exact = exact / exact.norm(dim=-1).amax(dim=-1).clamp_min(1e-150)[..., None, None]
    gram = exact @ exact.transpose(-1, -2) + _RIDGE * torch.eye(number, dtype=torch.float64)
    faces = torch.tensor([face for face in product((0.0, 1.0), repeat=number) if any(face)], dtype=torch.float64)
    # On a face, the smallest norm of weights w that sum to one is where gram @ w is constant: solve for the constant 1.
    on_face = faces[:, :, None] * faces[:, None]
    system = gram[..., None, :, :] * on_face + torch.diag_embed(1 - faces)
    solved = torch.linalg.solve(system, faces.expand(*gram.shape[:-2], *faces.shape))
    total = solved.sum(dim=-1)
    allowed = (solved >= -_SLACK * total.abs()[..., None]).all(dim=-1) & (total > 0)
    allowed &= ~((faces > 0) & ~known[..., None, :]).any(dim=-1)
    # The squared norm is 1 / total.
    best = total.where(allowed, 0.0).argmax(dim=-1)
    weights = solved.gather(-2, best[..., None, None].expand(*best.shape, 1, number))[..., 0, :].clamp_min(0.0)
    weights = weights / weights.sum(dim=-1, keepdim=True).clamp_min(1e-300)
    return (weights * known).to(gradients)


def combine(gradients: Tensor, known: Tensor, how: Combination) -> Tensor:
    """One gradient (B, C, h, w) from those of A aspects (B, A, C, h, w); ``known`` (B, A) weighs them, 0 leaves one
    out.

    ``sum``: their weighted sum. ``min_norm``: the minimum-norm point of their directions, times the mean norm of the
    known gradients; its product with no known gradient is negative, its norm is at most that mean, and less the more
    they disagree. There ``known`` only says which count, and a gradient of zero counts for nothing.
    """
    if how == "sum":
        return (gradients * known[:, :, None, None, None]).sum(dim=1)
    flat = gradients.flatten(2)
    norms = flat.norm(dim=-1)
    counts = (known > 0) & (norms > 0)
    # Without this, the shortest gradient would decide, which is that of the aspect that needs it least.
    directions = flat / norms.clamp_min(torch.finfo(flat.dtype).tiny)[..., None]
    mean = mean_norm(gradients, counts)
    weights = min_norm_weights(directions, counts)
    return ((directions * weights[..., None]).sum(dim=1) * mean[:, None]).unflatten(-1, gradients.shape[2:])


def mean_norm(gradients: Tensor, known: Tensor) -> Tensor:
    """Mean norm (B,) of the known ones of gradients (B, A, C, h, w); 0 where none is."""
    counts = known > 0
    return (gradients.flatten(2).norm(dim=-1) * counts).sum(dim=1) / counts.sum(dim=1).clamp_min(1)
