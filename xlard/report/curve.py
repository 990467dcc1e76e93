"""What the head expected at each step of a round, as a curve that fits into a table's cell."""

from __future__ import annotations

from ..loop.state import Round

_WIDTH, _HEIGHT, _EDGE = 96, 32, 3


def steps_curve(entry: Round) -> str:
    """SVG text with the step that gained most below it; empty where the head read nothing.

    Noise falls from 1 at the left to 0 at the right, the reward rises from 0 to 1.
    """
    if not entry.steps:
        return ""
    places = [
        (_EDGE + (1 - level) * (_WIDTH - 2 * _EDGE), _EDGE + (1 - reward) * (_HEIGHT - 2 * _EDGE))
        for level, reward in entry.steps
    ]
    x, y = places[-1]
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    words = ", ".join(f"{reward:.2f} at {level:.2f}" for level, reward in entry.steps)
    return (
        f'<svg class="curve" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Reward by noise level:'
        f' {words}."><rect width="{_WIDTH}" height="{_HEIGHT}"/><polyline points="{line}"/><circle cx="{x:.1f}"'
        f' cy="{y:.1f}" r="2"/></svg>{_largest(entry)}'
    )


def _largest(entry: Round) -> str:
    gained = [(gain, level) for gain, (level, _) in zip(entry.gains, entry.steps) if gain is not None]
    if not gained:
        return ""
    gain, level = max(gained)
    return f"<small>{gain:+.2f} at {level:.2f}</small>"
