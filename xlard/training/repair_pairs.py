"""Learn from what became of failed pictures: where a prediction fails move to the mended latent, where it passes stay.

The pairs are search, distilled: a failed picture, and the same picture with the objects rearranged that the critic then
passed (see ``collect``). They differ where something was wrong and nowhere else, so that the regression learns small
changes."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..models.corrector import CorrectorConfig, LatentCorrector
from ..models.head import RewardHead
from .objectives import predictions, start_from, tensors
from .records import Encode, Records, pick

FAILED = 0.6
"""Share of a batch that is failed pictures with a mended version."""

_UNBOUND = 1e3


class RepairPairs:
    """Squared error of the residual: to the mended latent for predictions of failed pictures, zero for those that
    passed.

    With a ``head`` the corrector begins with what it has learnt of reading latents; ``config`` must have its sizes, see
    ``ways.sized_like``.
    """

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
        self.failed = (self.records.mended >= 0).nonzero().flatten()
        self.passed = self.records.passed.bool().nonzero().flatten()
        if not len(self.failed) or not len(self.passed):
            raise ValueError(
                f"Of {len(self.records)} predictions {len(self.failed)} belong to failed pictures with a mended version"
                f" and {len(self.passed)} to pictures that passed; mending needs both. Collect with mending switched"
                " on, and prompts that the model gets right sometimes, and wrong sometimes."
            )
        self.encode, self.device, self._config, self.records_range = encode, device, config, config.noise_level_range
        self.sizes = max(1, round(batch * FAILED)), max(1, batch - round(batch * FAILED))
        # The trust region bounds what is done; what is learnt has to see where it should have gone.
        corrector = LatentCorrector(replace(config, trust_region=_UNBOUND))
        if head is not None:
            start_from(corrector, head)
        corrector.body.scale_to(self.records.finals)
        self.module = corrector.to(device)

    def loss(self, generator: torch.Generator) -> Tensor:
        """Mean squared error in units of the channels' spread."""
        rows = torch.cat([pick(self.failed, self.sizes[0], generator), pick(self.passed, self.sizes[1], generator)])
        return self.error(self.module, self.records.rows(rows))

    def error(self, module: nn.Module, drawn: Records) -> Tensor:
        """The loss of a module on records."""
        latents, context, noise_level, _ = tensors(drawn, self.encode, self.device)
        mended = drawn.mended >= 0
        wanted = torch.zeros_like(latents)
        wanted[mended.to(latents.device)] = (
            drawn.mends[drawn.mended[mended]].to(latents) - latents[mended.to(latents.device)]
        )
        return ((module(latents, context, noise_level) - wanted) / module.body.spread[:, None, None]).square().mean()

    def corrector(self, module: nn.Module) -> LatentCorrector:
        """The module itself, bound to its trust region again."""
        corrector = copy.deepcopy(module).eval()
        corrector.config = self._config
        return corrector
