"""A critic that fails while a loop runs: what was drawn before and what it should have judged are not lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from ..claims import Claim
from ..critics.backend import CriticError
from ..critique import Critique, no_verdict
from .state import LoopState


class LoopCriticError(CriticError):
    """The critic failed at what a round had drawn, and the loop ends there.

    ``states`` hold the rounds that were judged before, none if the first pictures could not be judged, and say in
    ``ended`` why there are no more. ``latents`` (B, C, h, w), on the CPU, are what nobody has judged.
    """

    def __init__(self, cause: str, number: int, states: Sequence[LoopState], latents: Tensor):
        which = f"What round {number} drew" if number else "The first pictures"
        super().__init__(f"{which} could not be judged. {cause.rstrip('.')}.")
        self.latents = latents.detach().cpu()
        self.states = [
            replace(state, ended=f"{self} The loop ended there.") if state.rounds and not state.finished else state
            for state in states
        ]

    @property
    def judged(self) -> bool:
        """Whether every picture has a version that was judged."""
        return all(state.rounds for state in self.states)


@dataclass(frozen=True)
class FailedCritique(Critique):
    """A critique without any verdict: the critic failed, and ``cause`` says why."""

    cause: str = ""


def failed_critique(claims: Sequence[Claim], cause: str) -> FailedCritique:
    """What stands for the critique of a picture on some claims where the critic failed."""
    return FailedCritique(tuple(no_verdict(claim, cause) for claim in claims), cause=cause)
