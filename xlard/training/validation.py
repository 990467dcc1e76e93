"""What a way of training a corrector is validated by, on prompts that are kept out, and the figures that it leaves."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Protocol

import torch
from torch import nn

from ..models.corrector import CorrectorConfig, LatentCorrector, relative_norm
from ..models.head import RewardHead
from .distillation import two_errors
from .drafting import Drafting
from .objectives import predictions, tensors
from .pathwise import PathwiseSettings, pathwise_loss
from .records import Encode, Records, chunks
from .repair_pairs import RepairPairs

_VALIDATED = 512


def some(records: Records) -> Records:
    """At most so many records, evenly chosen, that measuring them now and again takes no time."""
    return records.rows(range(0, len(records), -(-len(records) // _VALIDATED)))


def mean(records: Records, of: Callable[[Records], float]) -> float:
    """The mean over records of what parts of them have as mean."""
    return sum(of(part) * len(part) for part in chunks(records)) / len(records)


class Validation(Protocol):
    """What one way is validated by: records out of ``choose``, the loss of a module on them, and figures of the
    corrector."""

    def choose(self, records: Records) -> Records: ...

    def loss(self, module: nn.Module, part: Records) -> float: ...

    def figures(self, module: nn.Module, corrector: LatentCorrector, records: Records) -> dict: ...


class Errors:
    """Distillation's validation: squared errors of both read-outs."""

    def __init__(self, config: CorrectorConfig, encode: Encode, device: str):
        self._range, self._encode, self._device = config.noise_level_range, encode, device

    def choose(self, records: Records) -> Records:
        return predictions(records, self._range, renoised=True)

    def _pair(self, module: nn.Module, part: Records) -> torch.Tensor:
        latents, context, noise_level, _ = tensors(part, self._encode, self._device)
        return two_errors(
            module, latents, context, noise_level, part.targets.to(self._device), part.passed.to(self._device)
        )

    def loss(self, module: nn.Module, part: Records) -> float:
        return self._pair(module, part).sum().item()

    @torch.no_grad()
    def figures(self, module: nn.Module, corrector: LatentCorrector, records: Records) -> dict:
        nothing = copy.deepcopy(module)
        for out in (nothing.passed.out, nothing.all):
            for parameter in out.parameters():
                parameter.zero_()
        passed = records.where(records.passed.bool())
        figures: dict = {}
        for name, part, place in (("passed", passed, 0), ("all", records, 1)):
            for when, reading in (("before", nothing), ("after", module)):
                figures[f"held_out_error_{name}_{when}"] = (
                    round(mean(part, lambda rows: self._pair(reading, rows)[place].item()), 4) if len(part) else None
                )
        return {**figures, "change": change(corrector, records, self._encode, self._device)}


class RepairPairErrors:
    """RepairPairs's validation: its own error, on failed pictures and on passed ones."""

    def __init__(self, way: RepairPairs):
        self._way = way

    def choose(self, records: Records) -> Records:
        found = predictions(records, self._way.records_range)
        return found.where((found.mended >= 0) | found.passed.bool())

    def loss(self, module: nn.Module, part: Records) -> float:
        return self._way.error(module, part).item()

    @torch.no_grad()
    def figures(self, module: nn.Module, corrector: LatentCorrector, records: Records) -> dict:
        nothing = copy.deepcopy(module)
        for parameter in nothing.out.parameters():
            parameter.zero_()
        figures: dict = {}
        for name, part in (
            ("failed", records.where(records.mended >= 0)),
            ("passed", records.where(records.mended < 0)),
        ):
            for when, reading in (("before", nothing), ("after", module)):
                figures[f"held_out_error_{name}_{when}"] = (
                    round(mean(part, lambda rows: self._way.error(reading, rows).item()), 4) if len(part) else None
                )
        return {**figures, "change": change(corrector, records, self._way.encode, self._way.device)}


class DraftErrors:
    """Drafting's validation: its own error."""

    def __init__(self, way: Drafting):
        self._way = way

    def choose(self, records: Records) -> Records:
        return self._way.choose(records)

    def loss(self, module: nn.Module, part: Records) -> float:
        return self._way.error_on(module, part)

    @torch.no_grad()
    def figures(self, module: nn.Module, corrector: LatentCorrector, records: Records) -> dict:
        nothing = copy.deepcopy(module)
        for parameter in nothing.out.parameters():
            parameter.zero_()
        figures: dict = {
            f"held_out_error_{when}": (
                round(mean(records, lambda part: self.loss(reading, part)), 4) if len(records) else None
            )
            for when, reading in (("before", nothing), ("after", module))
        }
        return {**figures, "change": change(corrector, records, self._way.encode, self._way.device)}


class Opinions:
    """The path-wise way's validation: what its head thinks of pictures that failed."""

    def __init__(
        self, config: CorrectorConfig, head: RewardHead, settings: PathwiseSettings, encode: Encode, device: str
    ):
        self._range, self._head, self._settings, self._encode, self._device = (
            config.noise_level_range,
            head,
            settings,
            encode,
            device,
        )

    def choose(self, records: Records) -> Records:
        found = predictions(records, self._range)
        failed = found.where(~found.passed.bool())
        return failed if len(failed) else found

    def loss(self, module: nn.Module, part: Records) -> float:
        return pathwise_loss(module, self._head, *tensors(part, self._encode, self._device), self._settings).item()

    @torch.no_grad()
    def figures(self, module: nn.Module, corrector: LatentCorrector, records: Records) -> dict:
        def opinion(part: Records, share: float) -> float:
            latents, context, noise_level, known = tensors(part, self._encode, self._device)
            rewards = self._head(
                latents + share * corrector(latents, context, noise_level), context, noise_level
            ).rewards
            return ((rewards * known).sum(dim=1) / known.sum(dim=1).clamp_min(1)).mean().item()

        before, after = (round(mean(records, lambda part: opinion(part, share)), 3) for share in (0.0, 1.0))
        return {
            "head_opinion_before": before,
            "head_opinion_after": after,
            "head_usable_up_to": self._head.config.noise_level_range[1],
            "change": change(corrector, records, self._encode, self._device),
        }


@torch.no_grad()
def change(corrector: LatentCorrector, records: Records, encode: Encode, device: str) -> float:
    """The mean size of a corrector's residuals, relative to the latents."""

    def of(part: Records) -> float:
        latents, context, noise_level, _ = tensors(part, encode, device)
        return relative_norm(corrector(latents, context, noise_level), latents).mean().item()

    return round(mean(records, of), 4)
