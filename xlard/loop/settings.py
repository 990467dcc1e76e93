"""What a loop may do."""

from __future__ import annotations

from dataclasses import dataclass

from .registry import DEFAULT_STRATEGIES

WHERE = ("window", "once")
"""Where a corrector acts: at every step of its window of noise levels, or once, on the prediction that a round starts
from.
"""

FIRST = ("plain", "doubted", "always")
"""Which first pictures a corrector that acts once corrects: none, those that the head doubts (all without a head), or
all.
"""

KEEP_ALL, AS_NEEDED, ANYTHING = MAY_CHANGE = ("keep everything else", "as much as it takes", "anything")
"""How much of a picture repairs may change: nothing but what is wrong, and never a claim that holds; what the kind of
failure calls for; all of it, as soon as one round was no better.
"""


@dataclass(frozen=True)
class LoopSettings:
    """What a loop may do with a picture.

    ``rounds`` after the first picture; the ``strategies`` that it may use; the ``candidates``, noises per round of
    ``correct`` of which a head picks one, up to its highest readable noise level, for one model call each. ``strength``
    of the corrector, and ``where`` it acts, in its own window of noise levels unless ``window`` (lowest, highest) names
    another. ``noise_level`` to renoise to, None for each strategy's own; ``budget`` in model calls. ``first`` is one of
    ``FIRST`` and ``may_change`` one of ``MAY_CHANGE``, else ValueError is raised. ``crop_side`` is the longer side in
    pixels at which ``detail`` redraws parts of a picture, 0 for the picture's own. ``fresh_candidates`` are the seeds
    that a fresh picture of a later round begins with, of which a head lets one be finished; 1 for no choice.
    """

    rounds: int = 4
    strategies: tuple[str, ...] = DEFAULT_STRATEGIES
    candidates: int = 4
    strength: float = 1.0
    where: str = "window"
    window: tuple[float, float] | None = None
    noise_level: float | None = None
    budget: int | None = None
    first: str = FIRST[0]
    may_change: str = AS_NEEDED
    crop_side: int = 0
    fresh_candidates: int = 1

    def __post_init__(self) -> None:
        if self.first not in FIRST:
            raise ValueError(f"'{self.first}' is no way of drawing the first picture: {', '.join(FIRST)}.")
        check_may_change(self.may_change)


def check_may_change(may_change: str) -> None:
    """Raise ValueError for what is none of ``MAY_CHANGE``."""
    if may_change not in MAY_CHANGE:
        raise ValueError(f"'{may_change}' does not say how much may change: {', '.join(MAY_CHANGE)}.")
