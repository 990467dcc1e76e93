"""Who corrects what in a loop: resolved once, from its models and its settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

import torch
from torch import Tensor

from ..guidance.base import StepwiseGuidance, X0Guidance
from ..guidance.corrector import corrector_change, single_step_guidance
from ..models.corrector import attribution_map, relative_norm
from ..protocols import Corrector, Head, Sampler, StagedSampler
from .engine import Engine
from .registry import uses_corrector
from .settings import LoopSettings

DECISION_NOISE_LEVEL = 0.5
"""Where a head decides between candidates of a fresh draw: there the demo world's reads best which will be right."""


def is_staged(sampler: Sampler) -> TypeGuard[StagedSampler]:
    """Whether the draws of a sampler can be stopped on their way."""
    return isinstance(sampler, StagedSampler) and sampler.staged


@dataclass(frozen=True)
class Correction:
    """What the corrector and the head of a loop do.

    ``corrector`` is None where there is none or where its strength is 0. ``single_step``: there is a corrector that is
    made to act once; it may correct fresh draws on their way (``corrects_draws``), and the head then only says which
    pictures need it. ``every_step``: the corrector acts at every step of ``window``. ``candidates`` are the noises of
    which the head picks one in a correcting round, up to its highest readable noise level ``readable_until``.
    ``fresh_candidates`` are the seeds of a fresh draw of which the head lets one be finished; 1 without a head, and
    where fresh draws are corrected on their way.
    """

    corrector: Corrector | None
    head: Head | None
    single_step: bool
    corrects_draws: bool
    every_step: bool
    strength: float
    candidates: int
    readable_until: float
    window: tuple[float, float] | None = None
    fresh_candidates: int = 1

    @classmethod
    def resolve(cls, head: Head | None, corrector: Corrector | None, settings: LoopSettings) -> Correction:
        """Who corrects what with these models and settings."""
        single_step = corrector is not None and corrector.config.single_step_level > 0
        acting = corrector if settings.strength > 0 else None
        corrects_draws = acting is not None and single_step and uses_corrector(settings.strategies)
        return cls(
            acting,
            head,
            single_step,
            corrects_draws,
            acting is not None and not single_step and settings.where == "window",
            settings.strength,
            settings.candidates,
            head.config.noise_level_range[1] if head is not None and not single_step else -1.0,
            settings.window,
            settings.fresh_candidates if head is not None and not corrects_draws else 1,
        )

    @property
    def single_step_level(self) -> float:
        """The noise level at which fresh draws are corrected on their way, 0 where they are not."""
        return self.corrector.config.single_step_level if self.corrector and self.corrects_draws else 0.0

    @property
    def draw_nfe(self) -> int:
        """Model calls that a fresh draw costs more where it is corrected on its way."""
        return self.corrector.config.extra_nfe if self.corrector and self.corrects_draws else 0

    @property
    def decision_level(self) -> float:
        """The noise level at which the head decides which candidate of a fresh draw is finished."""
        return min(DECISION_NOISE_LEVEL, self.head.config.noise_level_range[1]) if self.head else DECISION_NOISE_LEVEL

    def candidates_nfe(self, sampler: Sampler) -> int:
        """Model calls that a fresh draw costs more for the candidates that are not finished."""
        if self.fresh_candidates == 1 or not is_staged(sampler):
            return 0
        return (self.fresh_candidates - 1) * sampler.begin_nfe(self.decision_level)

    def head_picks(self, noise_level: float) -> bool:
        """Whether the head picks among noises at a level."""
        return noise_level <= self.readable_until

    def prediction_nfe(self, noise_level: float) -> int:
        """X0 predictions before a correcting round: one per candidate where the head picks, one for a corrector that
        acts on a prediction.
        """
        if self.head_picks(noise_level):
            return self.candidates
        return 1 if self.corrector and not self.every_step else 0

    def guidance(
        self, engine: Engine, rows: Sequence[int], trace: Trace, doubted_only: bool = True
    ) -> X0Guidance | None:
        """The corrector at work while some rows are sampled, None where there is none.

        One that acts once only changes what the head doubts, unless ``doubted_only`` is off.
        """
        if self.corrector is None:
            return None
        context = engine.sampler.context(rows)
        if self.single_step:
            return single_step_guidance(
                self.corrector,
                context,
                strength=self.strength,
                record=trace,
                head=self.head if doubted_only else None,
                aspect_columns=[engine.head_columns[row] for row in rows],
            )
        window = self.window or self.corrector.config.noise_level_range
        return StepwiseGuidance(corrector_change(self.corrector, context, window, self.strength, trace))


class Trace:
    """What a corrector did in a run: the largest norm(delta) / norm(x0) of each row, and where it acted in all."""

    def __init__(self) -> None:
        self._sizes: list[Tensor] = []
        self._residuals: list[Tensor] = []

    def __call__(self, noise_level: float, delta: Tensor, x0: Tensor) -> None:
        self._sizes.append(relative_norm(delta.float(), x0.float()).cpu())
        self._residuals.append(delta.abs().float().cpu())

    @property
    def changes(self) -> list[float] | None:
        """For each row; None where the corrector did not act."""
        return torch.stack(self._sizes).amax(dim=0).tolist() if self._sizes else None

    @property
    def attributions(self) -> Tensor | None:
        """LAM over all steps, (B, h, w) in [0, 1]; None where the corrector did not act."""
        return attribution_map(torch.stack(self._residuals).sum(dim=0)) if self._residuals else None
