"""Learn from repair pairs: where a prediction fails, move to the repaired latent; where it passes, stay.

A pair is a failed picture, and the same picture repaired as little as will do, which the critic then passed (see
``collect``). The two differ only where something was wrong, so the regression learns small changes. Search is distilled
into the corrector this way.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..models.corrector import CorrectorConfig, LatentCorrector
from ..models.head import RewardHead
from .objectives import (
    ObjectiveInputs,
    bound_corrector,
    mean_change,
    predictions,
    tensors,
    unbound_corrector,
    without_residual,
)
from .records import Encode, Records, chunk_mean, pick

FAILED = 0.6
"""Share of a batch that is failed pictures with a repaired version."""


class RepairPairs:
    """Squared error of the residual: to the repaired latent for predictions of failed pictures, to zero for those that
    passed.

    With a ``head`` the corrector starts with what it has learnt about reading latents; ``config`` must have its sizes,
    see ``objectives.sized_like``. Raises ValueError without failed pictures that were repaired, or without passed ones.
    """

    NAME = "mending"
    """The objective's name, for errors."""

    def __init__(
        self,
        config: CorrectorConfig,
        records: Records,
        encode: Encode,
        batch: int,
        device: str,
        head: RewardHead | None = None,
    ):
        self.records = predictions(records, config.noise_level_range)
        self.failed = self.records.repaired.nonzero().flatten()
        self.passed = self.records.passed.bool().nonzero().flatten()
        if not len(self.failed) or not len(self.passed):
            raise ValueError(
                f"Of {len(self.records)} predictions {len(self.failed)} belong to failed pictures with a repaired"
                f" version and {len(self.passed)} to pictures that passed; {self.NAME} needs both. Collect with"
                " repair_pairs switched on, and prompts that the model gets right sometimes, and wrong sometimes."
            )
        self.encode, self.device, self._config = encode, device, config
        self._failed_number = max(1, round(batch * FAILED))
        self._passed_number = max(1, batch - round(batch * FAILED))
        self.module = unbound_corrector(config, self.records.finals, head).to(device)

    @classmethod
    def build(cls, inputs: ObjectiveInputs) -> RepairPairs:
        """See ``MeasuredObjective``."""
        return cls(inputs.config, inputs.records, inputs.encode, inputs.batch, inputs.device, inputs.head)

    def loss(self, generator: torch.Generator) -> Tensor:
        """Mean squared error in units of the channels' spread."""
        failed = pick(self.failed, self._failed_number, generator)
        passed = pick(self.passed, self._passed_number, generator)
        return self.error(self.module, self.records.rows(torch.cat([failed, passed])))

    def error(self, module: LatentCorrector, records: Records) -> Tensor:
        """The loss of a module on records."""
        return self.squared_error(module, records).mean()

    def squared_error(self, module: LatentCorrector, records: Records) -> Tensor:
        """The squared error (B, C, h, w) of the residual, in units of the channels' variance."""
        latents, context, noise_level, _ = tensors(records, self.encode, self.device)
        repaired, target = records.repaired, torch.zeros_like(latents)
        repairs = records.repairs[records.repair_index[repaired]].to(latents)
        target[repaired.to(latents.device)] = repairs - latents[repaired.to(latents.device)]
        return ((module(latents, context, noise_level) - target) / module.body.spread[:, None, None]).square()

    def corrector(self, module: LatentCorrector) -> LatentCorrector:
        """The module with its trust region."""
        return bound_corrector(module, self._config)

    def choose(self, records: Records) -> Records:
        """The predictions in its range of failed pictures with a repaired version, and of those that passed."""
        in_range = predictions(records, self._config.noise_level_range)
        return in_range.where(in_range.repaired | in_range.passed.bool())

    def validation_loss(self, module: LatentCorrector, records: Records) -> float:
        """See ``error``."""
        return self.error(module, records).item()

    @torch.no_grad()
    def figures(self, module: LatentCorrector, corrector: LatentCorrector, records: Records) -> dict[str, Any]:
        """Errors on failed pictures and on passed ones, without and with the module; and the mean change."""
        figures: dict[str, Any] = {}
        untrained = without_residual(module)
        for name, chosen in (("failed", records.where(records.repaired)), ("passed", records.where(~records.repaired))):
            for when, measured in (("before", untrained), ("after", module)):
                figures[f"held_out_error_{name}_{when}"] = (
                    round(chunk_mean(chosen, lambda chunk: self.error(measured, chunk).item()), 4)
                    if len(chosen)
                    else None
                )
        return {**figures, "change": mean_change(corrector, records, self.encode, self.device)}

    @staticmethod
    def report(figures: dict[str, Any]) -> list[str]:
        """See ``MeasuredObjective``."""
        return [
            _distance(figures, "failed", "failed pictures to their repaired versions"),
            _distance(figures, "passed", "pictures that passed to themselves"),
        ]


def _distance(figures: dict[str, Any], name: str, what: str) -> str:
    before, after = (figures[f"held_out_error_{name}_{when}"] for when in ("before", "after"))
    if before is None:
        return f"There was no held-out record to measure the distance from {what}."
    return (
        f"Squared distance from held-out {what}: {before:.4f} without it, {after:.4f} with it (before the trust"
        " region)."
    )
