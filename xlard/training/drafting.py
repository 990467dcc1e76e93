"""Learn drafts: the residual takes a prediction to the draft of its prompt, on the picture's own background (see
``drafts``).

A corrector that was trained so acts once, at a mid noise level, on pictures that a head holds for failures: what was
drawn is given up for a layout in which the claims hold, and sampling draws that."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..models.corrector import CorrectorConfig, LatentCorrector
from ..models.head import RewardHead
from .drafts import Drafts
from .objectives import predictions, start_from
from .records import Encode, Records, pick

_UNBOUND = 1e3


class Drafting:
    """Squared error of the residual to the draft of a prompt, on predictions of any pictures.

    A share ``OTHERS`` of the predictions is read with another prompt than their own, one of ``prompts`` or of the
    records': a draft depends on the prompt, not on what was drawn. With a ``head`` the corrector begins with what that
    has learnt of reading latents; ``config`` must have its sizes, see ``ways.sized_like``. Raises ValueError where no
    prompt has a draft."""

    OTHERS = 0.5

    def __init__(
        self,
        config: CorrectorConfig,
        records: Records,
        encode: Encode,
        batch: int,
        device: str,
        head: RewardHead | None = None,
        prompts: Sequence[str] = (),
    ):
        self._records, self._drafts = predictions(records, config.noise_level_range), Drafts(records)
        self._prompts = [
            prompt for prompt in dict.fromkeys([*prompts, *self._records.prompts]) if self._drafts.has(prompt)
        ]
        if not self._prompts:
            raise ValueError(
                "No prompt of these records has a draft: that takes prompts that ask for objects, and at least two of a"
                " size of each object in the pictures, with boxes. Collect with the way of judging 'grounded', and more"
                " pictures."
            )
        self._known = set(self._prompts)
        self.encode, self.batch, self.device, self._config = encode, batch, device, config
        # The trust region bounds what is done; what is learnt has to see where it should have gone.
        corrector = LatentCorrector(replace(config, trust_region=_UNBOUND))
        if head is not None:
            start_from(corrector, head)
        corrector.body.scale_to(records.finals)
        self.module = corrector.to(device)

    def loss(self, generator: torch.Generator) -> Tensor:
        """Mean squared error in units of the channels' spread."""
        drawn = self._records.rows(pick(torch.arange(len(self._records)), self.batch, generator))
        chance = torch.rand(len(drawn), generator=generator, device=generator.device).tolist()
        others = pick(torch.arange(len(self._prompts)), self.batch, generator).tolist()
        prompts = [
            prompt if prompt in self._known and share >= self.OTHERS else self._prompts[other]
            for prompt, share, other in zip(drawn.prompts, chance, others)
        ]
        return self._error(self.module, drawn, prompts, self._drafts)

    def choose(self, records: Records) -> Records:
        """Of other records the predictions that it could have learnt from, with prompts that have drafts."""
        found = predictions(records, self._config.noise_level_range)
        return found.rows([row for row, prompt in enumerate(found.prompts) if self._drafts.has(prompt)])

    def error_on(self, module: nn.Module, records: Records) -> float:
        """The loss on records of other pictures, out of ``choose``."""
        return self._error(module, records, records.prompts, self._drafts.over(records)).item()

    def _error(self, module: nn.Module, drawn: Records, prompts: Sequence[str], drafts: Drafts) -> Tensor:
        latents = drawn.latents.to(self.device)
        wanted = torch.stack(
            [drafts.draft(prompt, picture) for prompt, picture in zip(prompts, drawn.pictures.tolist())]
        )
        residual = module(latents, self.encode(list(prompts)).to(self.device), drawn.noise_level.to(self.device))
        return ((residual - (wanted.to(latents) - latents)) / module.body.spread[:, None, None]).square().mean()

    def corrector(self, module: nn.Module) -> LatentCorrector:
        """The module itself, bound to its trust region again."""
        corrector = copy.deepcopy(module).eval()
        corrector.config = self._config
        return corrector
