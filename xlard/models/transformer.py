"""Transformer parts that the reward head and the corrector share."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Conv2d, Embedding, LayerNorm, Linear


def sincos_positions(height: int, width: int, dim: int, device: torch.device | str = "cpu") -> Tensor:
    """2-D sine-cosine positions (height * width, dim) for any grid; ``dim`` is a multiple of 4."""
    frequencies = torch.exp(
        torch.arange(dim // 4, device=device, dtype=torch.float32) * (-math.log(10000.0) / (dim // 4))
    )
    rows = torch.arange(height, device=device, dtype=torch.float32)[:, None] * frequencies
    columns = torch.arange(width, device=device, dtype=torch.float32)[:, None] * frequencies
    rows = torch.cat([rows.sin(), rows.cos()], dim=-1)[:, None].expand(height, width, dim // 2)
    columns = torch.cat([columns.sin(), columns.cos()], dim=-1)[None].expand(height, width, dim // 2)
    return torch.cat([rows, columns], dim=-1).reshape(height * width, dim)


def noise_level_embedding(noise_level: Tensor, dim: int) -> Tensor:
    """Sine-cosine features (B, dim) of noise levels (B,) in [0, 1]."""
    frequencies = torch.exp(
        torch.arange(dim // 2, device=noise_level.device, dtype=torch.float32) * (-math.log(10000.0) / (dim // 2))
    )
    angles = noise_level.float()[:, None] * 1000.0 * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class Attention(nn.Module):
    """Multi-head attention of tokens (B, N, D) over a context (B, M, D_context)."""

    def __init__(self, dim: int, heads: int, context_dim: int | None = None):
        super().__init__()
        self.heads = heads
        self.query = Linear(dim, dim, bias=False)
        self.key_value = Linear(context_dim or dim, dim * 2, bias=False)
        self.out = Linear(dim, dim)

    def forward(self, tokens: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns (B, N, D). ``mask`` (B, M) is true where the context is to be looked at."""

        def split(x: Tensor) -> Tensor:
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        key, value = self.key_value(context).chunk(2, dim=-1)
        attended = F.scaled_dot_product_attention(
            split(self.query(tokens)), split(key), split(value), None if mask is None else mask[:, None, None]
        )
        return self.out(attended.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Pre-norm transformer block: self-attention, prompt cross-attention, feed-forward, each with FiLM."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.norms = nn.ModuleList(LayerNorm(dim, elementwise_affine=False) for _ in range(3))
        self.self_attention = Attention(dim, heads)
        self.cross_attention = Attention(dim, heads)
        self.feed_forward = nn.Sequential(Linear(dim, dim * 4), nn.GELU(), Linear(dim * 4, dim))
        self.film = Linear(dim, dim * 6)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(self, tokens: Tensor, context: Tensor, condition: Tensor, mask: Tensor | None = None) -> Tensor:
        """Tokens (B, N, D), context (B, M, D) with its mask (B, M), condition (B, D); returns (B, N, D)."""
        film = self.film(condition)[:, None].chunk(6, dim=-1)

        def modulated(index: int) -> Tensor:
            return self.norms[index](tokens) * (1 + film[2 * index]) + film[2 * index + 1]

        normed = modulated(0)
        tokens = tokens + self.self_attention(normed, normed)
        tokens = tokens + self.cross_attention(modulated(1), context, mask)
        return tokens + self.feed_forward(modulated(2))


class LatentTransformer(nn.Module):
    """Patch tokens of a latent, read in the light of a prompt, a noise level and the kind of the latent.

    Any height and width that ``patch`` divides; smaller remainders are padded by repetition. ``kinds`` is how many
    kinds there are. The buffers ``mean`` and ``spread`` (C,) bring the channels of any VAE to one scale.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self, latent_channels: int, context_width: int, width: int, layers: int, heads: int, patch: int, kinds: int = 1
    ):
        super().__init__()
        self.patch, self.width = patch, width
        self.register_buffer("mean", torch.zeros(latent_channels))
        self.register_buffer("spread", torch.ones(latent_channels))
        self.kind = Embedding(kinds, width)
        nn.init.zeros_(self.kind.weight)
        self.embed = Conv2d(latent_channels, width, patch, stride=patch)
        self.context_in = nn.Sequential(LayerNorm(context_width), Linear(context_width, width))
        self.condition = nn.Sequential(Linear(width * 2, width), nn.SiLU(), Linear(width, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = LayerNorm(width)

    @torch.no_grad()
    def scale_to(self, latents: Tensor) -> None:
        """Take mean and standard deviation of each channel from latents (N, C, h, w)."""
        deviation, mean = torch.std_mean(latents.float(), dim=(0, 2, 3))
        self.mean.copy_(mean)
        self.spread.copy_(deviation.clamp_min(1e-6))

    def forward(
        self, latents: Tensor, context: Tensor, noise_level: Tensor, kind: Tensor | None = None
    ) -> tuple[Tensor, tuple[int, int]]:
        """Latents (B, C, h, w), context (B, L, D), noise levels (B,), kind (B,) -> tokens (B, N, width) and the grid's
        height and width.

        Without ``kind`` all are of the first. Tokens of the context that are all zeros are padding, and not read.
        """
        latents = (latents - self.mean[:, None, None]) / self.spread[:, None, None]
        bottom, right = -latents.shape[-2] % self.patch, -latents.shape[-1] % self.patch
        if bottom or right:
            latents = F.pad(latents, (0, right, 0, bottom), mode="replicate")
        grid = self.embed(latents)
        height, width = grid.shape[-2:]
        positions = sincos_positions(height, width, self.width, grid.device).to(grid.dtype)
        tokens = grid.flatten(2).transpose(1, 2) + positions
        mask = padding_mask(context)
        context = self.context_in(context)
        level = noise_level_embedding(noise_level, self.width).to(grid.dtype)
        condition = self.condition(torch.cat([masked_mean(context, mask), level], dim=-1))
        condition = condition + self.kind(torch.zeros_like(noise_level, dtype=torch.long) if kind is None else kind)
        for block in self.blocks:
            tokens = block(tokens, context, condition, mask)
        return self.norm(tokens), (height, width)


def padding_mask(context: Tensor) -> Tensor | None:
    """Where prompt embeddings (B, L, D) are not all zeros, (B, L); None where no token is padding.

    A prompt of zeros only, such as one that was zeroed out, is not padding.
    """
    tokens = context.ne(0).any(dim=-1)
    tokens = tokens | ~tokens.any(dim=1, keepdim=True)
    return None if tokens.all() else tokens


def masked_mean(context: Tensor, mask: Tensor | None) -> Tensor:
    """The mean (B, D) of the tokens (B, L, D) that ``mask`` (B, L) leaves."""
    if mask is None:
        return context.mean(dim=1)
    return (context * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
