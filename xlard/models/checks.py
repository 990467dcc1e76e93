"""Checks of what heads and correctors are given."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Trained(Protocol):
    """What the configs of heads and correctors say of the model that they were trained for."""

    @property
    def base_model(self) -> str: ...

    @property
    def family(self) -> str: ...


def check_latents(latents: Tensor, channels: int, what: str, base_model: str) -> None:
    """Raise ValueError unless latents are (B, channels, h, w), not empty and finite. ``what`` names the reader."""
    if latents.ndim != 4 or latents.numel() == 0:
        raise ValueError(
            f"The {what} needs latents of shape (batch, channels, height, width) with no empty side; "
            f"this latent is {tuple(latents.shape)}. Check the node that made it."
        )
    if latents.shape[1] != channels:
        raise ValueError(
            f"This {what} was trained for {channels}-channel latents ({base_model}); the latent has "
            f"{latents.shape[1]}. Load or train a {what} for this checkpoint."
        )
    if not torch.isfinite(latents).all():
        raise ValueError(
            f"The latent given to the {what} holds NaN or infinite values. The sampler before it failed: "
            "lower the CFG, or run the model in fp32 or bf16."
        )


def check_context(context: Tensor, width: int, what: str, base_model: str) -> None:
    """Raise ValueError unless prompt embeddings are (B, L, width)."""
    if context.ndim != 3 or context.shape[-1] != width:
        raise ValueError(
            f"This {what} was trained for prompt embeddings of width {width} ({base_model}); these are "
            f"{tuple(context.shape)}. Load or train a {what} for this text encoder."
        )


def check_family(config: Trained, family: str, what: str) -> None:
    """Raise ValueError if ``config`` names another model family than the one that its module is used with.

    An empty family, on either side, is unknown and fits. ``what`` names the module.
    """
    if config.family and family and config.family != family:
        raise ValueError(
            f"This {what} was trained for {config.family} ({config.base_model}); here it is used with {family}, "
            f"whose latents mean something else. Load or train a {what} for {family}."
        )
