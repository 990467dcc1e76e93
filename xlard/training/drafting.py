"""Learn drafts: the residual takes a prediction to the draft of its prompt, on the picture's own background (see
``drafts``).

A corrector that was trained like this acts once, at a middle noise level, on pictures that a head expects to fail: it
replaces what was drawn by a layout in which the claims hold, and sampling draws that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..models.corrector import CorrectorConfig, LatentCorrector
from ..models.head import RewardHead
from .drafts import Drafts
from .objectives import ObjectiveInputs, bound_corrector, mean_change, predictions, unbound_corrector, without_residual
from .records import Encode, Records, chunk_mean, pick


class Drafting:
    """Squared error of the residual to the draft of a prompt, on predictions of any pictures.

    A share ``OTHER_PROMPTS`` of the predictions is read with another prompt than their own, one of ``prompts`` or of
    the records: a draft depends on the prompt, not on what was drawn. With a ``head`` the corrector starts with what
    that has learnt about reading latents; ``config`` must have its sizes, see ``objectives.sized_like``. Raises
    ValueError where no prompt has a draft.
    """

    OTHER_PROMPTS = 0.5

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
                "No prompt of these records has a draft: that takes prompts that ask for objects, and for each object"
                " at least two of one size in the pictures, with boxes. Collect with a critic whose scoring is"
                " 'grounded', and more pictures."
            )
        self._known = set(self._prompts)
        self.encode, self.batch, self.device, self._config = encode, batch, device, config
        self.module = unbound_corrector(config, records.finals, head).to(device)

    @classmethod
    def build(cls, inputs: ObjectiveInputs) -> Drafting:
        """See ``MeasuredObjective``."""
        return cls(
            inputs.config, inputs.records, inputs.encode, inputs.batch, inputs.device, inputs.head, inputs.prompts
        )

    def loss(self, generator: torch.Generator) -> Tensor:
        """Mean squared error in units of the channels' spread."""
        examples = self._records.rows(pick(torch.arange(len(self._records)), self.batch, generator))
        chance = torch.rand(len(examples), generator=generator, device=generator.device).tolist()
        others = pick(torch.arange(len(self._prompts)), self.batch, generator).tolist()
        prompts = [
            prompt if prompt in self._known and draw >= self.OTHER_PROMPTS else self._prompts[other]
            for prompt, draw, other in zip(examples.prompts, chance, others)
        ]
        return self._error(self.module, examples, prompts, self._drafts)

    def choose(self, records: Records) -> Records:
        """Those of other records that it could have learnt from: predictions in its range, with prompts that have
        drafts.
        """
        in_range = predictions(records, self._config.noise_level_range)
        return in_range.rows([row for row, prompt in enumerate(in_range.prompts) if self._drafts.has(prompt)])

    def validation_loss(self, module: LatentCorrector, records: Records) -> float:
        """The loss on records of other pictures, out of ``choose``, with their own prompts."""
        return self._error(module, records, records.prompts, self._drafts.over(records)).item()

    def _error(self, module: LatentCorrector, records: Records, prompts: Sequence[str], drafts: Drafts) -> Tensor:
        latents = records.latents.to(self.device)
        targets = torch.stack(
            [drafts.draft(prompt, picture) for prompt, picture in zip(prompts, records.pictures.tolist())]
        )
        residual = module(latents, self.encode(list(prompts)).to(self.device), records.noise_level.to(self.device))
        return ((residual - (targets.to(latents) - latents)) / module.body.spread[:, None, None]).square().mean()

    def corrector(self, module: LatentCorrector) -> LatentCorrector:
        """The module with its trust region."""
        return bound_corrector(module, self._config)

    @torch.no_grad()
    def figures(self, module: LatentCorrector, corrector: LatentCorrector, records: Records) -> dict[str, Any]:
        """Errors without and with the module, and the mean change."""
        figures: dict[str, Any] = {
            f"held_out_error_{when}": (
                round(chunk_mean(records, lambda chunk: self.validation_loss(measured, chunk)), 4)
                if len(records)
                else None
            )
            for when, measured in (("before", without_residual(module)), ("after", module))
        }
        return {**figures, "change": mean_change(corrector, records, self.encode, self.device)}

    @staticmethod
    def report(figures: dict[str, Any]) -> list[str]:
        """See ``MeasuredObjective``."""
        before, after = (figures[f"held_out_error_{when}"] for when in ("before", "after"))
        if before is None:
            return ["No held-out prompt has a draft, so nothing could be measured. Collect more prompts and pictures."]
        verdict = (
            "It draws drafts of new prompts."
            if after < 0.5 * before
            else "It has not learnt to draw drafts of new prompts: do not use it. Train longer, or collect more"
            " prompts."
        )
        return [
            f"Squared distance from held-out predictions to the drafts of their prompts: {before:.4f} without it,"
            f" {after:.4f} with it. {verdict}",
            f"It acts once, at noise level {figures['noise_level_end']:g}: with a head beside it, on pictures whose"
            f" predicted reward is below {figures['reward_threshold']:g}, without one on all."
            + (" Without a head it also moves the noise before the first step." if figures["moves_noise"] else ""),
        ]
