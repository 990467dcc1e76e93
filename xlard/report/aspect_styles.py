"""How the lines of aspects differ in the report's chart: by colour, dash and marker."""

from __future__ import annotations

from dataclasses import dataclass

from ..aspects import REPORTED

Corner = tuple[float, float]
"""x and y in pixels of the chart from the marker's middle; y points down."""


@dataclass(frozen=True)
class LineStyle:
    """A line's colour on light and on dark paper, its ``stroke-dasharray``, and the corners of its marker (none: a
    circle).
    """

    light: str
    dark: str
    dash: str
    corners: tuple[Corner, ...] = ()


_SQUARE = ((-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5))
_TRIANGLE_UP = ((0, -4.5), (4.5, 3.5), (-4.5, 3.5))
_TRIANGLE_DOWN = ((0, 4.5), (4.5, -3.5), (-4.5, -3.5))
_DIAMOND = ((0, -5), (5, 0), (0, 5), (-5, 0))
_PLUS = (
    (-1.4, -4.5),
    (1.4, -4.5),
    (1.4, -1.4),
    (4.5, -1.4),
    (4.5, 1.4),
    (1.4, 1.4),
    (1.4, 4.5),
    (-1.4, 4.5),
    (-1.4, 1.4),
    (-4.5, 1.4),
    (-4.5, -1.4),
    (-1.4, -1.4),
)
_WIDE = ((-4.5, -2.5), (4.5, -2.5), (4.5, 2.5), (-4.5, 2.5))
_TALL = ((-2.5, -4.5), (2.5, -4.5), (2.5, 4.5), (-2.5, 4.5))
_TRIANGLE_RIGHT = ((4.5, 0), (-3.5, 4.5), (-3.5, -4.5))

_STYLES = (
    LineStyle("#1f5fa8", "#7db4f2", "none", _SQUARE),
    LineStyle("#a3470c", "#f0a26b", "6 3"),
    LineStyle("#6b3fa0", "#c3a2f0", "2 3", _TRIANGLE_UP),
    LineStyle("#a01f6b", "#f294cb", "9 3 2 3", _DIAMOND),
    LineStyle("#5d6410", "#c3cc66", "1 4", _TRIANGLE_DOWN),
    LineStyle("#0b6a75", "#6cd0dc", "12 4", _PLUS),
    LineStyle("#4a5568", "#b8c2d0", "14 3 2 3", _WIDE),
    LineStyle("#7a4a21", "#d9b48f", "4 2 1 2", _TALL),
    LineStyle("#2f6b2f", "#8fd18f", "8 2", _TRIANGLE_RIGHT),
)
"""One style for each aspect, in the order of the aspects; the last ones wait for further aspects. Colours are dark or
light enough for text on their paper (WCAG AA).
"""

STYLE_OF = {aspect: _STYLES[index % len(_STYLES)] for index, aspect in enumerate(REPORTED)}
"""The style of every aspect of a critique's rewards."""
