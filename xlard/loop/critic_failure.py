"""A critic that fails while a loop runs: what was drawn before and what it should have judged are not lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from ..characters import said_by
from ..claims import Claim, one_line
from ..critics.backend import CriticError
from ..critics.broken_pictures import judged_without_broken
from ..critics.memory import is_out_of_memory
from ..critique import Critique, no_verdict
from ..protocols import Judge
from .state import LoopState

_CANCELLING: list[type[BaseException]] = []
_LONGEST_CAUSE = 500


def register_cancelling(kind: type[BaseException]) -> None:
    """Say by which exception an artist cancels: a judge that raises it has not failed."""
    if kind not in _CANCELLING:
        _CANCELLING.append(kind)


def critiques_of(
    judge: Judge, images: Tensor, claims: Sequence[Sequence[Claim]], latents: Tensor | None = None
) -> Sequence[Critique]:
    """A judge's critiques of images (B, H, W, 3) in [0, 1], each against its own claims.

    What is no picture has no verdict; ``latents`` (B, C, h, w) tell whether model or VAE failed. Raises BrokenPictures
    where none is one, CriticError for whatever the judge raises, since judges of other packs fail in ways of their own,
    and for other numbers of critiques than of images. What cancels passes through, as do KeyboardInterrupt and all else
    that is no Exception.
    """
    with judging():
        critiques, faults = judged_without_broken(judge, images, claims, latents)
    if all(faults):
        raise BrokenPictures(faults[0])
    return critiques


class judging:
    """A context in which a judge works: what it raises comes out as CriticError, since judges of other packs fail in
    ways of their own.

    What cancels passes through, and what ``passes`` says of an error.
    """

    # No contextmanager: that takes a RuntimeError, as CriticError is, with a StopIteration as its cause for its own.

    def __init__(self, passes: Callable[[Exception], bool] = lambda error: False):
        self._passes = passes

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, (CriticError, *_CANCELLING)):
            if not self._passes(error):
                raise CriticError(f"The critic failed ({cause_of(error)}).") from error


def judged_or_named(
    judge: Judge, images: Tensor, claims: Sequence[Sequence[Claim]], latents: Tensor | None = None
) -> tuple[list[Critique], list[str]]:
    """``judged_without_broken`` outside of a loop's rounds: a judge's failures are CriticError, and where memory ran
    out is left to whoever can make room.
    """
    with judging(passes=is_out_of_memory):
        return judged_without_broken(judge, images, claims, latents)


class BrokenPictures(CriticError):
    """None of the pictures that were to be judged is one; see ``critics.broken_pictures``."""


def cause_of(error: BaseException) -> str:
    """The kind of an error and what it says, on one line that can be shown and logged."""
    text = one_line(said_by(error))[:_LONGEST_CAUSE] or "it gives no reason"
    return f"{type(error).__name__}: {text.rstrip('.')}"


class RoundError(CriticError):
    """A round failed, and the loop ends there: its drawing, its decoding, or the critic at what it had drawn.

    ``states`` hold the rounds that were judged before, none if the first pictures could not be judged, and say in
    ``ended`` why there are no more. ``latents`` (B, C, h, w), on the CPU, are what was drawn and nobody has judged;
    None where nothing was. ``failed`` is what could not be done.
    """

    def __init__(
        self,
        cause: str,
        number: int,
        states: Sequence[LoopState],
        latents: Tensor | None = None,
        failed: str = "judged",
    ):
        drawn = f"What round {number} drew" if number else "The first pictures"
        which = f"Round {number}" if latents is None else drawn
        super().__init__(f"{which} could not be {failed}. {cause.rstrip('.')}.")
        self.latents = None if latents is None else latents.detach().cpu()
        self.states = [
            replace(state, ended=f"{self} The loop ended there.") if state.rounds and not state.finished else state
            for state in states
        ]

    @property
    def judged(self) -> bool:
        """Whether every picture has a version that was judged."""
        return all(state.rounds for state in self.states)


class keeping:
    """A context for round ``number``, or a part of it, as which whatever fails raises RoundError, so that nothing drawn
    is lost.

    What cancels passes through, as all that is no Exception does, and a RoundError from within.
    """

    def __init__(self, states: Sequence[LoopState], number: int, latents: Tensor | None = None, failed: str = "drawn"):
        self._states, self._number, self._latents, self._failed = states, number, latents, failed

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, (RoundError, *_CANCELLING)):
            cause = str(error) if isinstance(error, CriticError) else cause_of(error)
            raise RoundError(cause, self._number, self._states, self._latents, self._failed) from error


@dataclass(frozen=True)
class FailedCritique(Critique):
    """A critique without any verdict: the critic failed, and ``cause`` says why."""

    cause: str = ""


def failed_critique(claims: Sequence[Claim], cause: str) -> FailedCritique:
    """What stands for the critique of a picture on some claims where the critic failed."""
    return FailedCritique(tuple(no_verdict(claim, cause) for claim in claims), cause=cause)
