"""What the objectives of correctors share."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..models.corrector import CorrectorConfig, LatentCorrector, relative_norm
from ..models.head import RewardHead
from .records import NO_REWARD, X0, Encode, Records, chunk_mean
from .settings import CorrectorSettings

UNBOUND = 1e3
"""A trust region that bounds nothing: while training, the loss must see where the corrector would go."""

_VALIDATED = 512


class CorrectorObjective(Protocol):
    """How a corrector is trained: the module whose weights are trained, its loss, and the corrector that results."""

    @property
    def module(self) -> nn.Module:
        """What is trained."""

    def loss(self, generator: torch.Generator) -> Tensor:
        """The loss of one random batch."""

    def corrector(self, module: Any) -> LatentCorrector:
        """The corrector in a trained ``module`` (or a moving average of it), ready for use."""


@dataclass(frozen=True)
class ObjectiveInputs:
    """What objectives are built from. ``prompts`` are further ones to learn from, beside those of the records."""

    config: CorrectorConfig
    records: Records
    encode: Encode
    batch: int
    device: str
    settings: CorrectorSettings = CorrectorSettings()
    head: RewardHead | None = None
    prompts: Sequence[str] = ()


class MeasuredObjective(CorrectorObjective, Protocol):
    """An objective that can be validated and measured on other prompts' pictures."""

    @classmethod
    def build(cls, inputs: ObjectiveInputs) -> MeasuredObjective:
        """The objective for a training. Raises ValueError for records that it cannot learn from."""

    def choose(self, records: Records) -> Records:
        """Those of the records that it can be measured on."""

    def validation_loss(self, module: Any, records: Records) -> float:
        """The mean loss of a module on records out of ``choose``."""

    def figures(self, module: Any, corrector: LatentCorrector, records: Records) -> dict[str, Any]:
        """Figures of a trained module and its corrector on records out of ``choose``."""

    @staticmethod
    def report(figures: dict[str, Any]) -> list[str]:
        """What ``figures`` say, in lines of text."""


def sized_like(config: CorrectorConfig, head: RewardHead) -> CorrectorConfig:
    """A corrector's config with the sizes of a head, so that it can start with the head's weights."""
    return replace(
        config, width=head.config.width, layers=head.config.layers, heads=head.config.heads, patch=head.config.patch
    )


def start_from(corrector: LatentCorrector, head: RewardHead) -> None:
    """Copy what a head has learnt about reading latents into a corrector of its sizes; its residual stays zero."""
    # A head tells kinds of latents apart, a corrector only sees one.
    weights = {name: value for name, value in head.body.state_dict().items() if not name.startswith("kind.")}
    corrector.body.load_state_dict({**corrector.body.state_dict(), **weights})


def unbound_corrector(config: CorrectorConfig, finals: Tensor, head: RewardHead | None = None) -> LatentCorrector:
    """A new corrector without a trust region, scaled to finished latents (M, C, h, w); it starts from a head if one is
    given.
    """
    corrector = LatentCorrector(replace(config, trust_region=UNBOUND))
    if head is not None:
        start_from(corrector, head)
    corrector.body.scale_to(finals)
    return corrector


def bound_corrector(module: LatentCorrector, config: CorrectorConfig) -> LatentCorrector:
    """A copy of a trained corrector with its own config and trust region."""
    corrector = copy.deepcopy(module).eval()
    corrector.config = config
    return corrector


def without_residual(module: LatentCorrector) -> LatentCorrector:
    """A copy of a corrector that changes nothing."""
    corrector = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in corrector.out.parameters():
            parameter.zero_()
    return corrector


def predictions(records: Records, noise_level_range: tuple[float, float], renoised: bool = False) -> Records:
    """The x0 predictions in a range of noise levels whose pictures have a verdict; with ``renoised`` only those after
    renoising.

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


def evenly_chosen(records: Records) -> Records:
    """At most ``_VALIDATED`` of the records, evenly chosen: few enough to measure them often.

    ValueError if there are none.
    """
    if not len(records):
        raise ValueError(
            "No picture of the prompts that are kept out of training can be measured by this objective, so the best"
            " weights could not be chosen. Collect more prompts, and more pictures of each."
        )
    return records.rows(range(0, len(records), -(-len(records) // _VALIDATED)))


@torch.no_grad()
def mean_change(corrector: LatentCorrector, records: Records, encode: Encode, device: str) -> float:
    """The mean size of a corrector's residuals, relative to the latents."""

    def change_of(chunk: Records) -> float:
        latents, context, noise_level, _ = tensors(chunk, encode, device)
        return relative_norm(corrector(latents, context, noise_level), latents).mean().item()

    return round(chunk_mean(records, change_of), 4)
