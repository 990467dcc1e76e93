"""Learn minimal repairs: where a prediction fails, move to its picture's canonical repair; where it passes, stay.

A corrector that was trained like this acts once, at a middle noise level, and sampling draws the rest. Unlike a draft,
its target keeps what is right where it is (see ``loop.minimal_repair``, by which ``collect`` makes it: redrawn by the
generator, judged by the critic, and left out where it fails).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..models.corrector import LatentCorrector
from .objectives import ObjectiveInputs
from .records import Records
from .repair_pairs import RepairPairs

CHANGED = 0.05
"""Difference of a repaired latent, in units of the channels' spread, from which on a cell counts as changed."""


class MinimalRepair(RepairPairs):
    """``RepairPairs`` in which the cells that a repair changes weigh as much as all others together.

    They are few, and a corrector that changes nothing would already be right about the rest.
    """

    NAME = "minimal_repair"

    @classmethod
    def build(cls, inputs: ObjectiveInputs) -> MinimalRepair:
        """See ``MeasuredObjective``."""
        return cls(inputs.config, inputs.records, inputs.encode, inputs.batch, inputs.device, inputs.head)

    def error(self, module: LatentCorrector, records: Records) -> Tensor:
        """The loss of a module on records: of a repaired picture the mean over the cells that changed and the mean over
        the others, each half; of one that stays the mean over all.
        """
        cells = self.squared_error(module, records).mean(dim=1).flatten(1)
        changed = self._changed(module, records).flatten(1).to(cells)
        shares = 0.5 * (changed.any(dim=1)[:, None] * changed / changed.sum(dim=1, keepdim=True).clamp_min(1))
        others = (1 - changed) / (1 - changed).sum(dim=1, keepdim=True).clamp_min(1)
        weights = shares + (1 - shares.sum(dim=1, keepdim=True)) * others
        return (cells * weights).sum(dim=1).mean()

    @staticmethod
    def _changed(module: LatentCorrector, records: Records) -> Tensor:
        """The cells (B, h, w) that a repair changes, as booleans."""
        changed = torch.zeros(len(records), *records.latents.shape[-2:], dtype=torch.bool)
        rows = records.repaired
        difference = records.repairs[records.repair_index[rows]] - records.targets[rows]
        spread = module.body.spread.detach().cpu()[:, None, None]
        changed[rows] = ((difference / spread).abs() > CHANGED).any(dim=1)
        return changed

    @staticmethod
    def report(figures: dict[str, Any]) -> list[str]:
        """See ``MeasuredObjective``."""
        return [
            *RepairPairs.report(figures),
            "The corrector acts once, and what follows is sampled: it needs a model where it is used.",
        ]
