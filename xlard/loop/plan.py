"""What a strategy proposes to do next with a picture, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from ..claims import Claim
from ..critique import Critique
from ..detections import Detection
from .regions import Grid, area_of
from .state import LoopState


@dataclass(frozen=True)
class Situation:
    """What a strategy knows when it plans.

    ``size`` are the latent's height and width, ``image_size`` the picture's in pixels, ``seed`` the round's own;
    ``calls`` gives the model calls (NFE) from a noise level in [0, 1] to the end, ``predictions`` those that head and
    corrector need before. ``rewrite`` gives the prompt in other words, given a critique of it, or None; it is None
    itself where nobody can. ``single_step_level`` is the level of a corrector that acts once and may, 0 where there is
    none, and ``steering`` the calls that it takes in a draw."""

    state: LoopState
    size: tuple[int, int]
    image_size: tuple[int, int]
    seed: int
    calls: Callable[[float], int]
    predictions: Callable[[float], int] = lambda noise_level: 0
    rewrite: Callable[[Critique], str | None] | None = None
    single_step_level: float = 0.0
    steering: int = 0

    @property
    def corrects_draws(self) -> bool:
        """Whether fresh draws are corrected on their way. Those of an edit are no draws from pure noise alone."""
        return self.single_step_level > 0 and not self.state.from_source

    @property
    def area(self) -> Tensor | None:
        """The cells (h, w) that may change of a source that is edited, as booleans; None where that is all of them."""
        grid = Grid(self.size, self.image_size)
        return area_of(self.state.edit, grid) if self.state.from_source else None

    @property
    def held(self) -> list[Detection]:
        """The objects of the best picture that an edit has to leave where they are."""
        edit = self.state.edit
        return edit.held(self.state.best.critique.detections) if edit else []


@dataclass(frozen=True, eq=False)
class Plan:
    """One attempt: start from noise level ``noise_level`` (1 draws anew) inside ``region``, and spend ``nfe`` model
    calls.

    ``region`` (h, w) is true where the best latent is to be drawn anew; elsewhere it stays to the last bit. None
    redraws all of it. ``latent`` (C, h, w) is what is renoised, None for the best one as it is; outside of the region
    they are equal. ``prompt`` is the wording to draw with, empty for the artist's own. A fresh draw may be
    ``corrected`` on its way by a corrector that acts once. ``reason`` says in a few words why. A plan with ``claims``
    draws an object alone, and is judged on these and no others."""

    strategy: str
    noise_level: float
    seed: int
    nfe: int
    reason: str = ""
    region: Tensor | None = field(default=None, repr=False)
    latent: Tensor | None = field(default=None, repr=False)
    prompt: str = ""
    corrected: bool = False
    claims: tuple[Claim, ...] = ()


class Strategy(Protocol):
    """One way of mending a picture."""

    name: str

    def plan(self, situation: Situation) -> Plan | None:
        """What it would do next, or None where it has nothing to offer."""
