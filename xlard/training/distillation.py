"""Distil the critic's choice into a corrector: what pictures that passed look like, given where sampling stands.

For a latent z that the critic passed, renoised to x at a noise level, the generator predicts x0(x). A regression of z -
x0 on (x0, prompt, level) over passed pictures learns E[z | x, passed] - x0: the step from the generator's prediction to
the prediction of a generator that only draws what passes. A second read-out of the same network learns it over all
pictures; the difference of the two is the part that is due to passing, noise_level^2 / (1 - noise_level) * grad log
p(passed | x) for a flow.

Both are regressions on the generator's own pictures, so that the residual stays among what the generator draws, which
the gradient of a classifier does not. The classifier-free form of reward guidance; rejection sampling (RAFT) is its
limit."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ..models.corrector import CorrectorConfig, LatentCorrector
from .objectives import predictions, tensors
from .records import Encode, Records, pick


class TwoReadings(nn.Module):
    """A corrector that reads out what passed pictures would be, with a second read-out for all pictures."""

    def __init__(self, corrector: LatentCorrector):
        super().__init__()
        self.passed, self.all = corrector, copy.deepcopy(corrector.out)

    def forward(self, latents: Tensor, context: Tensor, noise_level: Tensor) -> tuple[Tensor, Tensor]:
        """Both residuals (B, C, h, w), in units of the channels' spread, without the trust region."""
        tokens, (height, width) = self.passed.body(latents, context, noise_level)
        grid = tokens.transpose(1, 2).unflatten(-1, (height, width))
        rows, columns = latents.shape[-2:]
        return tuple(read(grid)[..., :rows, :columns] for read in (self.passed.out, self.all))


class Distillation:
    """Training by the pictures that passed. ``emphasis`` w gives passed + w * (passed - all) as the residual."""

    def __init__(
        self,
        config: CorrectorConfig,
        records: Records,
        encode: Encode,
        batch: int,
        device: str,
        emphasis: float = 0.0,
        change=lambda records: records,
    ):
        self.records = predictions(records, config.noise_level_range, renoised=True)
        passed = self.records.passed.bool()
        if not passed.any() or passed.all():
            raise ValueError(
                f"Of the {len(passed)} latents {int(passed.sum())} belong to pictures that passed. Distillation learns "
                "from the difference: collect prompts that the model gets right sometimes, and wrong sometimes."
            )
        self.encode, self.batch, self.device, self.emphasis, self.change = encode, batch, device, emphasis, change
        corrector = LatentCorrector(config)
        corrector.body.scale_to(self.records.finals)
        self.module = TwoReadings(corrector).to(device)

    def loss(self, generator: torch.Generator) -> Tensor:
        """Squared errors of both read-outs; the one for passed pictures sees only those."""
        drawn = self.change(self.records.rows(pick(torch.arange(len(self.records)), self.batch, generator)))
        latents, context, noise_level, _ = tensors(drawn, self.encode, self.device)
        return two_errors(
            self.module, latents, context, noise_level, drawn.targets.to(self.device), drawn.passed.to(self.device)
        ).sum()

    def corrector(self, module: nn.Module) -> LatentCorrector:
        """The corrector with both read-outs in one: the network is linear behind the last token."""
        corrector, w = copy.deepcopy(module.passed), self.emphasis
        with torch.no_grad():
            for own, other in zip(corrector.out.parameters(), module.all.parameters()):
                own.mul_(1 + w).sub_(w * other)
        return corrector.eval()


def two_errors(
    module: TwoReadings, latents: Tensor, context: Tensor, noise_level: Tensor, targets: Tensor, passed: Tensor
) -> Tensor:
    """Mean squared errors (2,) over passed pictures and over all, in units of the channels' spread."""
    wanted = (targets - latents) / module.passed.body.spread[:, None, None]
    of_passed, of_all = (
        read.sub(wanted).square().mean(dim=(1, 2, 3)) for read in module(latents, context, noise_level)
    )
    weight = passed.to(of_all)
    return torch.stack([(of_passed * weight).sum() / weight.sum().clamp_min(1), of_all.mean()])
