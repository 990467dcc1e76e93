"""Train a corrector by the gradient of the head's reward (path-wise), with the latent anchor."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..guidance.gradient import FLOOR
from ..models.corrector import CorrectorConfig, LatentCorrector
from ..models.head import RewardHead
from .objectives import ObjectiveInputs, mean_change, predictions, tensors
from .records import Encode, Records, chunk_mean, pick
from .settings import CorrectorSettings


@dataclass(frozen=True)
class PathwiseSettings:
    """``anchor`` weighs |delta|^2 / |z|^2 against the log reward; the paper cannot do without it. ``caution``
    subtracts this many of the head's own deviations from the log reward (Ctrl-U). ``gate`` anchors only this share of a
    batch, the pictures that the head is least sure of (GARDO); 1 anchors all.
    """

    anchor: float = CorrectorSettings.anchor
    caution: float = 0.5
    gate: float = 1.0


class Pathwise:
    """Training through a frozen head on the x0 predictions of pictures that failed. Raises ValueError if none did."""

    def __init__(
        self,
        config: CorrectorConfig,
        records: Records,
        encode: Encode,
        batch: int,
        device: str,
        head: RewardHead,
        settings: PathwiseSettings = PathwiseSettings(),
    ):
        in_range = predictions(records, config.noise_level_range)
        self.records = in_range.where(~in_range.passed.bool()).with_aspects(head.config.aspects)
        if not len(self.records):
            raise ValueError("No picture failed, so there is nothing to correct. Collect harder prompts.")
        self.encode, self.batch, self.device, self.settings = encode, batch, device, settings
        self._range = config.noise_level_range
        self.head = head.to(device).eval().requires_grad_(False)
        self.module = LatentCorrector(config).to(device)
        self.module.body.scale_to(self.records.finals)

    @classmethod
    def build(cls, inputs: ObjectiveInputs) -> Pathwise:
        """See ``MeasuredObjective``. Raises ValueError without a head."""
        if inputs.head is None:
            raise ValueError("The path-wise objective trains through a reward head, and there is none.")
        # A copy: the head of a workflow may lie on another device, and stays as it is.
        head, settings = copy.deepcopy(inputs.head), PathwiseSettings(anchor=inputs.settings.anchor)
        return cls(inputs.config, inputs.records, inputs.encode, inputs.batch, inputs.device, head, settings)

    def loss(self, generator: torch.Generator) -> Tensor:
        """See ``pathwise_loss``."""
        examples = self.records.rows(pick(torch.arange(len(self.records)), self.batch, generator))
        return self._loss(self.module, examples)

    def _loss(self, module: LatentCorrector, records: Records) -> Tensor:
        return pathwise_loss(module, self.head, *tensors(records, self.encode, self.device), self.settings)

    def corrector(self, module: LatentCorrector) -> LatentCorrector:
        """The module itself."""
        return module.eval()

    def choose(self, records: Records) -> Records:
        """The predictions of failed pictures in its range; if none failed, all in the range."""
        in_range = predictions(records, self._range).with_aspects(self.head.config.aspects)
        failed = in_range.where(~in_range.passed.bool())
        return failed if len(failed) else in_range

    def validation_loss(self, module: LatentCorrector, records: Records) -> float:
        """See ``pathwise_loss``."""
        return self._loss(module, records).item()

    @torch.no_grad()
    def figures(self, module: LatentCorrector, corrector: LatentCorrector, records: Records) -> dict[str, Any]:
        """The head's opinion of failed pictures before and after, the level up to which it is usable, and the mean
        change.
        """

        def opinion(chunk: Records, share: float) -> float:
            latents, context, noise_level, known = tensors(chunk, self.encode, self.device)
            corrected = latents + share * corrector(latents, context, noise_level)
            rewards = self.head(corrected, context, noise_level).rewards
            return ((rewards * known).sum(dim=1) / known.sum(dim=1).clamp_min(1)).mean().item()

        before, after = (round(chunk_mean(records, lambda chunk: opinion(chunk, share)), 3) for share in (0.0, 1.0))
        return {
            "head_opinion_before": before,
            "head_opinion_after": after,
            "head_usable_up_to": self.head.config.noise_level_range[1],
            "change": mean_change(corrector, records, self.encode, self.device),
        }

    @staticmethod
    def report(figures: dict[str, Any]) -> list[str]:
        """See ``MeasuredObjective``."""
        before, after = figures["head_opinion_before"], figures["head_opinion_after"]
        usable, start = figures["head_usable_up_to"], figures["noise_level_start"]
        lines = [
            f"The head's opinion of held-out pictures that failed: {before:.3f} before, {after:.3f} after the"
            " correction. That is what it was trained to raise, and no proof: a gain may be a weakness of the head."
        ]
        if usable < start:
            lines.append(
                f"The head is usable up to noise level {usable:g} only, and this corrector starts at {start:g}: above,"
                " it follows a head that cannot see. Lower noise_level_start, or train the head on more."
            )
        return lines


def pathwise_loss(
    corrector: LatentCorrector,
    head: RewardHead,
    latents: Tensor,
    context: Tensor,
    noise_level: Tensor,
    known: Tensor,
    settings: PathwiseSettings,
) -> Tensor:
    """-mean log reward over each picture's aspects, plus the latent anchor.

    ``known`` (B, A) marks the head's aspects that the prompt has claims about. Gradients flow through the head, whose
    weights must be frozen.
    """
    delta = corrector(latents, context, noise_level)
    prediction = head(latents + delta, context, noise_level)
    # Not a clamp, which would leave the worst pictures without a gradient.
    gains = (prediction.rewards + FLOOR).log() - settings.caution * prediction.deviations
    number = known.sum(dim=1).clamp_min(1)
    gain = (gains * known).sum(dim=1) / number
    distance = delta.flatten(1).square().sum(dim=1) / latents.flatten(1).square().sum(dim=1).clamp_min(1e-8)
    if settings.gate < 1:
        doubt = (prediction.deviations.detach() * known).sum(dim=1) / number
        distance = distance * (doubt >= doubt.quantile(1 - settings.gate))
    return (settings.anchor * distance - gain).mean()
