"""Reward head R_phi: (latent, prompt embedding, noise level) -> reward, uncertainty and a spatial map per aspect."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import Linear

from ..aspects import ASPECTS
from .checks import check_context, check_latents
from .files import build, read_module, save_module
from .transformer import LatentTransformer

LATENT_KINDS = ("noisy", "x0", "final")
"""What a latent may be: noisy at its noise level, the model's x0 prediction at it, or finished."""


@dataclass(frozen=True)
class HeadConfig:
    """What a head was built and trained for; saved with its weights.

    ``noise_level_range`` holds the noise levels at which it was measured to tell good latents from bad ones, ``family``
    names the model's architecture where ComfyUI knows it (empty: any with these shapes).
    """

    latent_channels: int
    context_width: int
    base_model: str
    aspects: tuple[str, ...] = ASPECTS
    width: int = 128
    layers: int = 4
    heads: int = 4
    patch: int = 2
    noise_level_range: tuple[float, float] = (0.0, 1.0)
    family: str = ""


@dataclass(frozen=True)
class RewardPrediction:
    """Predicted rewards (B, A) in [0, 1], their standard deviations (B, A), and logit maps (B, A, h, w).

    The mean of a map over its positions is the logit of its reward. ``aspects`` names the columns. ``tokens``
    (B, h * w, D) are what the maps were read from.
    """

    rewards: Tensor
    deviations: Tensor
    maps: Tensor
    aspects: tuple[str, ...]
    tokens: Tensor

    def columns(self, aspects: Collection[str]) -> list[int]:
        """The columns of the named aspects; those that the head does not know are left out."""
        return [column for column, aspect in enumerate(self.aspects) if aspect in aspects]


class Head(Protocol):
    """A ``RewardHead``, or what manages one."""

    @property
    def config(self) -> HeadConfig:
        """What it was trained for."""

    def __call__(self, latents: Tensor, context: Tensor, noise_level: Tensor) -> RewardPrediction:
        """See ``RewardHead.forward``."""


class RewardHead(nn.Module):
    """Differentiable stand-in for the critic, on latents: noisy ones, x0 predictions, or finished ones.

    The buffers ``slope`` and ``shift`` (K, A) calibrate each aspect's logits for each of ``LATENT_KINDS`` (see
    ``training.calibration``).
    """

    slope: Tensor
    shift: Tensor

    def __init__(self, config: HeadConfig, figures: dict[str, Any] | None = None):
        super().__init__()
        self.config, self.figures = config, figures or {}
        self.body = LatentTransformer(
            config.latent_channels,
            config.context_width,
            config.width,
            config.layers,
            config.heads,
            config.patch,
            len(LATENT_KINDS),
        )
        self.register_buffer("slope", torch.ones(len(LATENT_KINDS), len(config.aspects)))
        self.register_buffer("shift", torch.zeros(len(LATENT_KINDS), len(config.aspects)))
        self.logits = Linear(config.width, len(config.aspects))
        self.log_deviation = Linear(config.width, len(config.aspects))

    def forward(
        self, latents: Tensor, context: Tensor, noise_level: Tensor, kind: Tensor | None = None
    ) -> RewardPrediction:
        """Read latents (B, C, h, w) with prompt embeddings (B, L, D) and noise levels (B,) in [0, 1].

        ``kind`` (B,) are indices of ``LATENT_KINDS``; without it, latents are x0 predictions, and finished ones at a
        noise level of 0. Raises ValueError for latents or embeddings that the head was not trained for.
        """
        check_latents(latents, self.config.latent_channels, "head", self.config.base_model)
        check_context(context, self.config.context_width, "head", self.config.base_model)
        if kind is None:
            kind = torch.where(noise_level > 0, LATENT_KINDS.index("x0"), LATENT_KINDS.index("final"))
        tokens, (height, width) = self.body(latents, context, noise_level, kind)
        logits = self.logits(tokens) * self.slope[kind][:, None] + self.shift[kind][:, None]
        deviations = self.log_deviation(tokens.mean(dim=1)).clamp(-5.0, 1.0).exp()
        maps = logits.transpose(1, 2).unflatten(-1, (height, width))
        return RewardPrediction(torch.sigmoid(logits.mean(dim=1)), deviations, maps, self.config.aspects, tokens)

    def save(self, path: str | os.PathLike) -> None:
        """Write weights, config and training figures to one safetensors file."""
        save_module(path, self, "head", asdict(self.config), self.figures)

    @classmethod
    def load(cls, path: str | os.PathLike) -> RewardHead:
        """Read a head; raises FileNotFoundError or ValueError with the cause (see ``read_module``)."""
        config, figures, tensors = read_module(path, "head")

        def make() -> RewardHead:
            aspects, levels = tuple(config["aspects"]), tuple(config["noise_level_range"])
            return cls(HeadConfig(**{**config, "aspects": aspects, "noise_level_range": levels}), figures)

        return build(path, make, tensors)


def overall_reward(prediction: RewardPrediction, columns: Sequence[Sequence[int]]) -> Tensor:
    """The product (B,) of the predicted rewards in each picture's ``columns``: all claims must hold at once."""
    return torch.stack([prediction.rewards[row, list(aspects)].prod() for row, aspects in enumerate(columns)])
