"""What a strategy proposes to do next with a picture, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

from ..claims import Claim
from ..critique import Critique
from ..detections import Detection
from .regions import area_of, region_grid
from .state import LoopState


def _none(noise_level: float) -> int:
    return 0


@dataclass(frozen=True)
class Situation:
    """What a strategy knows when it plans.

    ``seed`` is the round's own. ``nfe`` gives the model calls from a noise level in [0, 1] to the end,
    ``prediction_nfe`` those that head and corrector need before. ``rewrite`` gives another wording of the prompt, given
    a critique of it, or None; it is None itself where nobody can. ``single_step_level`` is the noise level at which a
    corrector changes fresh draws on their way, 0 where none does, and ``draw_nfe`` the model calls that it costs.
    """

    state: LoopState
    seed: int
    nfe: Callable[[float], int]
    prediction_nfe: Callable[[float], int] = _none
    rewrite: Callable[[Critique], str | None] | None = None
    single_step_level: float = 0.0
    draw_nfe: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the best latent."""
        height, width = self.state.best.latent.shape[-2:]
        return height, width

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the best picture in pixels."""
        height, width = self.state.best.image.shape[:2]
        return height, width

    @property
    def corrects_draws(self) -> bool:
        """Whether fresh draws are corrected on their way. Those of an edit do not start from pure noise alone."""
        return self.single_step_level > 0 and not self.state.from_source

    @property
    def area(self) -> Tensor | None:
        """The cells (h, w) that may change of a source that is edited, as booleans; None if that is all of them."""
        edit = self.state.edit
        return area_of(edit, region_grid(self.size, self.image_size)) if edit and self.state.from_source else None

    @property
    def held(self) -> list[Detection]:
        """The objects of the best picture that an edit has to leave where they are."""
        edit = self.state.edit
        return edit.held(self.state.best.critique.detections) if edit else []


PlanCorrection = Literal["none", "draw", "renoise"]
"""What head and corrector do in a plan: nothing, correct a fresh draw on its way, or choose the noise of a renoised
picture and change its prediction.
"""


@dataclass(frozen=True, eq=False)
class Plan:
    """One attempt: start from ``noise_level`` (1 is a fresh draw) inside ``region``, and spend ``nfe`` model calls.

    ``region`` (h, w) is true where the best latent is redrawn; elsewhere it stays to the last bit. None redraws all of
    it. ``latent`` (C, h, w) is what is renoised, None for the best one as it is; outside of the region they are equal.
    ``prompt`` is the wording to draw with, empty for the artist's own. ``reason`` says in a few words why. A plan with
    ``claims`` draws one object alone, and is judged on these claims only.
    """

    strategy: str
    noise_level: float
    seed: int
    nfe: int
    reason: str = ""
    region: Tensor | None = field(default=None, repr=False)
    latent: Tensor | None = field(default=None, repr=False)
    prompt: str = ""
    correction: PlanCorrection = "none"
    claims: tuple[Claim, ...] = ()


@runtime_checkable
class Strategy(Protocol):
    """One way of fixing a picture."""

    @property
    def name(self) -> str:
        """What plans, reports and switches call it."""

    def plan(self, situation: Situation) -> Plan | None:
        """What it would do next, or None where it has nothing to offer."""
