"""Latent corrector Delta_theta: (latent, prompt embedding, noise level) -> residual latent under a trust region."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import ConvTranspose2d

from .checks import check_context, check_latents
from .files import build, read_module, save_module
from .transformer import LatentTransformer


@dataclass(frozen=True)
class CorrectorConfig:
    """What a corrector was built and trained for; saved with its weights.

    ``noise_level_range`` holds the noise levels that it has learnt to correct at. ``family`` names the model's
    architecture where ComfyUI knows it (empty: any with these shapes). A corrector with a ``single_step_level`` acts
    once in a run, at that noise level; with 0, at every step inside ``noise_level_range``. ``reward_threshold``: beside
    a head, one that acts once changes only pictures whose predicted reward is below this.

    At a level of 1 there is only noise, so the noise is moved, by ``noise_share`` of the residual. One that
    ``moves_noise`` does so before it acts at its own level; not beside a head, which cannot say beforehand what would
    have come of the noise as it was.
    """

    latent_channels: int
    context_width: int
    base_model: str
    width: int = 128
    layers: int = 6
    heads: int = 8
    patch: int = 2
    trust_region: float = 0.3
    noise_level_range: tuple[float, float] = (0.0, 1.0)
    family: str = ""
    single_step_level: float = 0.0
    reward_threshold: float = 1.0
    noise_share: float = 0.45
    moves_noise: bool = False

    @property
    def extra_nfe(self) -> int:
        """Model calls that a draw costs more with a corrector that acts once, and on every picture."""
        return 1 + int(self.moves_noise and self.single_step_level < 1)


class Corrector(Protocol):
    """A ``LatentCorrector``, or what manages one."""

    @property
    def config(self) -> CorrectorConfig:
        """What it was trained for."""

    def __call__(self, latents: Tensor, context: Tensor, noise_level: Tensor) -> Tensor:
        """See ``LatentCorrector.forward``."""


def project(delta: Tensor, latents: Tensor, trust_region: float) -> Tensor:
    """Shrink delta (B, C, h, w) onto the ball of radius trust_region * norm of each latent; inside, it is unchanged."""
    radius = trust_region * latents.flatten(1).norm(dim=1)
    scale = (radius / delta.flatten(1).norm(dim=1).clamp_min(1e-8)).clamp(max=1.0)
    return delta * scale.view(-1, 1, 1, 1)


class LatentCorrector(nn.Module):
    """Residual transformer with FiLM and prompt cross-attention; its output is zero at initialisation."""

    def __init__(self, config: CorrectorConfig, figures: dict[str, Any] | None = None):
        super().__init__()
        self.config, self.figures = config, figures or {}
        self.body = LatentTransformer(
            config.latent_channels, config.context_width, config.width, config.layers, config.heads, config.patch
        )
        self.out = ConvTranspose2d(config.width, config.latent_channels, config.patch, stride=config.patch)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, latents: Tensor, context: Tensor, noise_level: Tensor) -> Tensor:
        """The residual (B, C, h, w) for latents (B, C, h, w), embeddings (B, L, D), noise levels (B,) in [0, 1].

        Its norm is at most ``trust_region`` times the latent's. Raises ValueError for latents or embeddings that
        the corrector was not trained for; a noise level outside of its range is read as the range's nearer end.
        """
        check_latents(latents, self.config.latent_channels, "corrector", self.config.base_model)
        check_context(context, self.config.context_width, "corrector", self.config.base_model)
        tokens, (height, width) = self.body(latents, context, noise_level.clamp(*self.config.noise_level_range))
        delta = self.out(tokens.transpose(1, 2).unflatten(-1, (height, width))) * self.body.spread[:, None, None]
        return project(delta[..., : latents.shape[-2], : latents.shape[-1]], latents, self.config.trust_region)

    def save(self, path: str | os.PathLike) -> None:
        """Write weights, config and training figures to one safetensors file."""
        save_module(path, self, "corrector", asdict(self.config), self.figures)

    @classmethod
    def load(cls, path: str | os.PathLike) -> LatentCorrector:
        """Read a corrector; raises FileNotFoundError or ValueError with the cause (see ``read_module``)."""
        config, figures, tensors = read_module(path, "corrector")

        def make() -> LatentCorrector:
            levels = tuple(config["noise_level_range"])
            return cls(CorrectorConfig(**{**config, "noise_level_range": levels}), figures)

        return build(path, make, tensors)


def attribution_map(delta: Tensor) -> Tensor:
    """Where a residual (B, C, h, w) acts: LAM = sum over channels of its magnitude, scaled to [0, 1], (B, h, w)."""
    magnitude = delta.abs().sum(dim=1)
    return magnitude / magnitude.amax(dim=(-2, -1), keepdim=True).clamp_min(1e-8)


def enlarge(maps: Tensor, height: int, width: int) -> Tensor:
    """Resize maps (B, h, w) to (B, height, width), bilinear."""
    return F.interpolate(maps[:, None], size=(height, width), mode="bilinear", align_corners=False)[:, 0]


def relative_norm(delta: Tensor, latents: Tensor) -> Tensor:
    """norm(delta) / norm(latents) per picture, (B,)."""
    return delta.flatten(1).norm(dim=1) / latents.flatten(1).norm(dim=1).clamp_min(1e-8)
