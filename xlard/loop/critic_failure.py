"""A critic that fails while a loop runs: what was drawn before and what it should have judged are not lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from ..claims import Claim, one_line
from ..critics.backend import CriticError
from ..critique import Critique, no_verdict
from ..protocols import Judge
from .state import LoopState

_CANCELLING: list[type[BaseException]] = []


def register_cancelling(kind: type[BaseException]) -> None:
    """Say by which exception an artist cancels: a judge that raises it has not failed."""
    if kind not in _CANCELLING:
        _CANCELLING.append(kind)


def critiques_of(judge: Judge, images: Tensor, claims: Sequence[Sequence[Claim]]) -> Sequence[Critique]:
    """A judge's critiques of images (B, H, W, 3) in [0, 1], each against its own claims.

    Raises CriticError for whatever the judge raises, since judges of other packs fail in ways of their own, and for
    other numbers of critiques than of images. What cancels passes through, as do KeyboardInterrupt and all else that is
    no Exception.
    """
    passing: tuple[type[BaseException], ...] = (CriticError, *_CANCELLING)
    try:
        critiques = judge.judge(images, claims)
        if len(critiques) != len(images):
            raise CriticError(f"The critic gave {len(critiques)} critiques of {len(images)} pictures.")
    except passing:
        raise
    except Exception as error:
        cause = one_line(str(error)) or "it gives no reason"
        raise CriticError(f"The critic failed ({type(error).__name__}: {cause.rstrip('.')}).") from error
    return critiques


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
