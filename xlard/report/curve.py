"""What the head expected at each step of a round, as a curve that fits into a table's cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..loop.state import Round
from .rendering import render

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH, _HEIGHT, _EDGE = 96, 32, 3


def steps_curve(loop_round: Round) -> Markup | str:
    """The head's readings as SVG, and below it the step that gained most; empty text if the head read nothing.

    Noise falls from 1 at the left to 0 at the right, the reward rises from 0 to 1.
    """
    if not loop_round.steps:
        return ""
    points = [
        (_EDGE + (1 - noise_level) * (_WIDTH - 2 * _EDGE), _EDGE + (1 - reward) * (_HEIGHT - 2 * _EDGE))
        for noise_level, reward in loop_round.steps
    ]
    return render(
        "curve.html.jinja",
        width=_WIDTH,
        height=_HEIGHT,
        readings=", ".join(f"{reward:.2f} at {noise_level:.2f}" for noise_level, reward in loop_round.steps),
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points),
        last=points[-1],
        largest_gain=_largest_gain(loop_round),
    )


def _largest_gain(loop_round: Round) -> str:
    gains = [
        (gain, noise_level)
        for gain, (noise_level, _) in zip(loop_round.gains, loop_round.steps, strict=True)
        if gain is not None
    ]
    if not gains:
        return ""
    gain, noise_level = max(gains)
    return f"{gain:+.2f} at {noise_level:.2f}"
