"""What a training can be told: sizes and steps of any training, and what a corrector is trained for.

No torch here: nodes and the command line read names, defaults and help texts before anything is trained.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def _option(default: Any, help_text: str) -> Any:
    """A field with a text for the command line's help."""
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True)
class TrainingSettings:
    """Steps, latents in a batch, AdamW's peak learning rate, and the size of the transformer.

    ``max_seconds`` stops early; a later run continues from there. Raises ValueError for a width that is no multiple of
    32.
    """

    steps: int = _option(2000, "steps of the training")
    batch: int = _option(32, "latents in a step, in each process")
    learning_rate: float = _option(1e-3, "AdamW's peak learning rate")
    width: int = _option(128, "width of the transformer, a multiple of 32")
    layers: int = _option(4, "blocks of the transformer")
    seed: int = _option(0, "seed of weights, batches and split")
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.width < 32 or self.width % 32:
            raise ValueError(
                f"The width is {self.width}; it must be a multiple of 32, which attention divides by. Take 128."
            )


@dataclass(frozen=True)
class CorrectorSettings:
    """What a corrector is trained for: its objective, the noise levels in [0, 1] that it corrects at, from
    ``noise_level_start`` down to ``noise_level_end``, and its trust region. It also learns from the levels below, down
    to ``learns_until``.

    ``emphasis`` is for distillation (see ``Distillation``), ``anchor`` for the path-wise objective (see
    ``PathwiseSettings``). Drafting and minimal repair learn from ``noise_level_start`` down to ``noise_level_end``, and
    their corrector acts once, at ``noise_level_end``: if a head reads along, only on pictures whose predicted reward is
    below ``reward_threshold``. With ``moves_noise`` it also moves the noise before the first step. Raises ValueError
    for a start below the end.
    """

    objective: str = "drafting"
    trust_region: float = _option(2.0, "largest correction relative to the latent")
    noise_level_start: float = _option(0.75, "highest noise level that it corrects at")
    noise_level_end: float = _option(0.5, "lowest noise level that it corrects at")
    learns_until: float = _option(0.5, "lowest noise level that it learns from")
    emphasis: float = _option(0.0, "distillation: how far to go beyond what passed")
    reward_threshold: float = _option(0.6, "drafting, minimal_repair: predicted reward below which it acts")
    anchor: float = _option(2.0, "path-wise: weight of staying near the latent")
    moves_noise: bool = _option(False, "drafting: the corrector also moves the noise before the first step")

    def __post_init__(self) -> None:
        if self.noise_level_end > self.noise_level_start:
            raise ValueError(
                f"The corrector is to act from noise level {self.noise_level_start:g} to {self.noise_level_end:g}, but "
                "sampling goes from 1 down to 0: noise_level_start must be the higher one."
            )
