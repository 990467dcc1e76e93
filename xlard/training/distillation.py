"""Distil the critic's choice into a corrector: what pictures that passed look like from where sampling stands.

For a latent z that the critic passed, renoised to x at a noise level, the generator predicts x0(x). A regression of z -
x0 on (x0, prompt, level) over passed pictures learns E[z | x, passed] - x0: the step from the generator's prediction to
the prediction of a generator that only draws what passes. A second output of the same network learns it over all
pictures; the difference of the two is the share due to passing, noise_level^2 / (1 - noise_level) * grad log
p(passed | x) for a flow.

Both are regressions on the generator's own pictures, so the corrected latent stays among what the generator draws; the
gradient of a classifier does not. This is the classifier-free form of reward guidance; rejection sampling (RAFT) is its
limit.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..models.corrector import CorrectorConfig, LatentCorrector
from .objectives import ObjectiveInputs, mean_change, predictions, tensors
from .records import Encode, Records, chunk_mean, pick


class TwoOutputs(nn.Module):
    """A corrector that predicts passed pictures, with a second output for all pictures."""

    def __init__(self, corrector: LatentCorrector):
        super().__init__()
        self.passed, self.all = corrector, copy.deepcopy(corrector.out)

    def forward(self, latents: Tensor, context: Tensor, noise_level: Tensor) -> tuple[Tensor, Tensor]:
        """Both residuals (B, C, h, w), in units of the channels' spread, without the trust region."""
        tokens, (height, width) = self.passed.body(latents, context, noise_level)
        grid = tokens.transpose(1, 2).unflatten(-1, (height, width))
        rows, columns = latents.shape[-2:]
        return self.passed.out(grid)[..., :rows, :columns], self.all(grid)[..., :rows, :columns]


class Distillation:
    """Training by the pictures that passed. ``emphasis`` w gives passed + w * (passed - all) as the residual.

    ``change`` may give the records of a batch other prompts. Raises ValueError where all or no pictures passed.
    """

    def __init__(
        self,
        config: CorrectorConfig,
        records: Records,
        encode: Encode,
        batch: int,
        device: str,
        emphasis: float = 0.0,
        change: Callable[[Records], Records] = lambda records: records,
    ):
        self._range = config.noise_level_range
        self.records = self.choose(records)
        passed = self.records.passed.bool()
        if not passed.any() or passed.all():
            raise ValueError(
                f"Of the {len(passed)} latents {int(passed.sum())} belong to pictures that passed. Distillation learns "
                "from the difference: collect prompts that the model gets right sometimes, and wrong sometimes."
            )
        self.encode, self.batch, self.device, self.emphasis, self.change = encode, batch, device, emphasis, change
        corrector = LatentCorrector(config)
        corrector.body.scale_to(self.records.finals)
        self.module = TwoOutputs(corrector).to(device)

    @classmethod
    def build(cls, inputs: ObjectiveInputs) -> Distillation:
        """See ``MeasuredObjective``."""
        return cls(inputs.config, inputs.records, inputs.encode, inputs.batch, inputs.device, inputs.settings.emphasis)

    def loss(self, generator: torch.Generator) -> Tensor:
        """Squared errors of both outputs; the one for passed pictures only sees those."""
        examples = self.change(self.records.rows(pick(torch.arange(len(self.records)), self.batch, generator)))
        return self.errors(self.module, examples).sum()

    def errors(self, module: TwoOutputs, records: Records) -> Tensor:
        """Mean squared errors (2,) over passed pictures and over all, in units of the channels' spread."""
        latents, context, noise_level, _ = tensors(records, self.encode, self.device)
        target = (records.targets.to(self.device) - latents) / module.passed.body.spread[:, None, None]
        of_passed, of_all = (
            residual.sub(target).square().mean(dim=(1, 2, 3)) for residual in module(latents, context, noise_level)
        )
        weight = records.passed.to(self.device).to(of_all)
        return torch.stack([(of_passed * weight).sum() / weight.sum().clamp_min(1), of_all.mean()])

    def corrector(self, module: TwoOutputs) -> LatentCorrector:
        """The corrector with both outputs in one: the network is linear behind the last token."""
        corrector, w = copy.deepcopy(module.passed), self.emphasis
        with torch.no_grad():
            for parameter, of_all in zip(corrector.out.parameters(), module.all.parameters()):
                parameter.mul_(1 + w).sub_(w * of_all)
        return corrector.eval()

    def choose(self, records: Records) -> Records:
        """The renoised predictions in its range."""
        return predictions(records, self._range, renoised=True)

    def validation_loss(self, module: TwoOutputs, records: Records) -> float:
        """The sum of both errors."""
        return self.errors(module, records).sum().item()

    @torch.no_grad()
    def figures(self, module: TwoOutputs, corrector: LatentCorrector, records: Records) -> dict[str, Any]:
        """Errors over passed pictures and over all, without and with the module; and the mean change."""
        untrained = copy.deepcopy(module)
        for out in (untrained.passed.out, untrained.all):
            for parameter in out.parameters():
                parameter.zero_()
        figures: dict[str, Any] = {}
        for place, name, chosen in ((0, "passed", records.where(records.passed.bool())), (1, "all", records)):
            for when, measured in (("before", untrained), ("after", module)):
                figures[f"held_out_error_{name}_{when}"] = (
                    round(chunk_mean(chosen, lambda chunk: self.errors(measured, chunk)[place].item()), 4)
                    if len(chosen)
                    else None
                )
        return {**figures, "change": mean_change(corrector, records, self.encode, self.device)}

    @staticmethod
    def report(figures: dict[str, Any]) -> list[str]:
        """See ``MeasuredObjective``."""
        before, after = (figures[f"held_out_error_passed_{when}"] for when in ("before", "after"))
        if before is None:
            return [
                "No held-out picture passed, so it could not be measured whether it learnt where right pictures are."
                " Collect more."
            ]
        verdict = (
            "It has learnt something that holds for new prompts."
            if after < before
            else "It has learnt nothing that holds for new prompts: do not use it. Collect more prompts, or train"
            " shorter."
        )
        return [
            f"Squared distance from held-out predictions to the pictures that passed: {before:.4f} without it,"
            f" {after:.4f} with it (before the trust region). {verdict}",
            f"To all held-out pictures: {figures['held_out_error_all_before']:.4f} without it, "
            f"{figures['held_out_error_all_after']:.4f} with its second output.",
        ]
