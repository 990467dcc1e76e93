"""The learning rate of long trainings, whose number of steps may be changed on the way."""

from __future__ import annotations

_WARMUP, _FALL, _LOWEST_RATE = 200, 0.3, 0.01


def falling_at_the_end(step: int, steps: int) -> float:
    """The share of the learning rate at a step: a short rise, constant, then a linear fall over the last 30 %.

    Up to the fall it does not depend on the number of steps: a run may be given fewer or more of them.
    """
    return min(1.0, (step + 1) / _WARMUP, max((steps - step) / (_FALL * steps), _LOWEST_RATE))
