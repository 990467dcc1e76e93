"""What all ways of training a corrector share."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor, nn

from ..models.corrector import CorrectorConfig, LatentCorrector
from ..models.head import RewardHead
from .records import NO_REWARD, X0, Encode, Records


class CorrectorObjective(Protocol):
    """One way of training a corrector: the module whose weights are trained, its loss, and the corrector that comes
    out."""

    module: nn.Module

    def loss(self, generator: torch.Generator) -> Tensor:
        """The loss of one random batch."""

    def corrector(self, module: nn.Module) -> LatentCorrector:
        """The corrector within a trained ``module`` (or a moving average of it), as it is to be used."""


def sized_like(config: CorrectorConfig, head: RewardHead) -> CorrectorConfig:
    """A corrector's config with the sizes of a head, so that it can begin as one."""
    return replace(
        config, width=head.config.width, layers=head.config.layers, heads=head.config.heads, patch=head.config.patch
    )


def start_from(corrector: LatentCorrector, head: RewardHead) -> None:
    """Copy what a head has learnt of reading latents into a corrector of its sizes; its residual stays zero."""
    read = {name: value for name, value in head.body.state_dict().items() if not name.startswith("kind.")}
    # A head tells kinds of latents apart, a corrector sees one.
    corrector.body.load_state_dict({**corrector.body.state_dict(), **read})


def predictions(records: Records, noise_level_range: tuple[float, float], renoised: bool = False) -> Records:
    """The x0 predictions within a range of noise levels that the critic has judged; only ``renoised`` ones if asked.

    Raises ValueError where there are none.
    """
    low, high = noise_level_range
    chosen = (
        (records.kinds == X0)
        & (records.noise_level >= low - 1e-6)
        & (records.noise_level <= high + 1e-6)
        & (records.confidence > 0)
        & (records.renoised | (not renoised))
    )
    if not chosen.any():
        raise ValueError(
            f"These records hold no {'renoised ' if renoised else ''}x0 predictions between the noise levels {low} and "
            f"{high} that the critic judged. Collect with levels (or views) in this range."
        )
    return records.where(chosen)


def tensors(records: Records, encode: Encode, device: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Latents, prompt embeddings, noise levels, and which aspects the prompts have claims about (B, A), on a device."""
    known = (records.rewards > NO_REWARD).float()
    return (
        records.latents.to(device),
        encode(records.prompts).to(device),
        records.noise_level.to(device),
        known.to(device),
    )
