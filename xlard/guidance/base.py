"""X0 guidance: what sampling goes on from, instead of the model's own x0 predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

X0Change = Callable[[Tensor, float], Tensor]
"""Given x0 predictions (B, C, h, w) at a noise level in [0, 1], returns those to go on from."""


class X0Guidance(Protocol):
    """What a sampler asks on its way."""

    @property
    def stop_at(self) -> tuple[float, ...]:
        """The noise levels in [0, 1] at which sampling stops, for one more call of the model each.

        At a level below 1 sampling goes on under the same noise from what ``apply`` makes of the x0 prediction. At 1
        there is only noise: what ``apply`` adds to the x0 prediction moves the noise (see ``corrector.moved_noise``).
        """

    @property
    def extra_nfe(self) -> int:
        """The model calls that the guidance costs: one for each stop."""

    def apply(self, x0: Tensor, noise_level: float, stop: float | None = None) -> Tensor:
        """The x0 predictions (B, C, h, w) to go on from.

        It is called each time that the model is, which second-order samplers do several times in a step; and once at
        each stop, which ``stop`` then names. ``noise_level`` is that of the schedule's step. Predictions that are not
        changed come back as the very same tensor.
        """


@dataclass(frozen=True)
class StepwiseGuidance:
    """Changes the predictions at every call of the model; never stops."""

    change: X0Change

    @property
    def stop_at(self) -> tuple[float, ...]:
        """None."""
        return ()

    @property
    def extra_nfe(self) -> int:
        """None."""
        return 0

    def apply(self, x0: Tensor, noise_level: float, stop: float | None = None) -> Tensor:
        """See ``X0Guidance``."""
        return self.change(x0, noise_level)


@dataclass(frozen=True)
class SingleStepGuidance:
    """Changes the prediction once, at the step nearest to ``noise_level``.

    At a ``noise_level`` of 1 it moves the noise. With ``noise_change`` it also moves the noise, before it acts at a
    lower level.
    """

    noise_level: float
    change: X0Change
    noise_change: X0Change | None = None

    @property
    def stop_at(self) -> tuple[float, ...]:
        """The noise, if it is moved, and the level."""
        return (self.noise_level,) if self.noise_level >= 1 or self.noise_change is None else (1.0, self.noise_level)

    @property
    def extra_nfe(self) -> int:
        """One for each stop."""
        return len(self.stop_at)

    def apply(self, x0: Tensor, noise_level: float, stop: float | None = None) -> Tensor:
        """See ``X0Guidance``."""
        if stop is None:
            return x0
        change = self.change if stop == self.noise_level or self.noise_change is None else self.noise_change
        return change(x0, noise_level)


@dataclass(frozen=True)
class WatchedGuidance:
    """Another guidance, or none, with a ``watch`` that sees what sampling goes on from at every call of the model."""

    guidance: X0Guidance | None
    watch: Callable[[Tensor, float], None]

    @property
    def stop_at(self) -> tuple[float, ...]:
        """Those of the other guidance."""
        return self.guidance.stop_at if self.guidance else ()

    @property
    def extra_nfe(self) -> int:
        """Those of the other guidance."""
        return self.guidance.extra_nfe if self.guidance else 0

    def apply(self, x0: Tensor, noise_level: float, stop: float | None = None) -> Tensor:
        """See ``X0Guidance``."""
        guided = self.guidance.apply(x0, noise_level, stop) if self.guidance else x0
        if stop is None:
            self.watch(guided, noise_level)
        return guided
