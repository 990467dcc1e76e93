"""The conventions of boxes: which numbers a critic writes, in which order, under which key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

X_FIRST, Y_FIRST_ORDER = ("x1", "y1", "x2", "y2"), ("y1", "x1", "y2", "x2")
X_KEY, Y_KEY = "bbox_2d", "box_2d"
KEYS = (X_KEY, Y_KEY, "bbox", "box")
"""Names of boxes in answers. The first two say which of x and y is first, the others do not."""

OVERSHOOT = 0.05
"""How far beyond a side, as a share of it, a box may reach that a model drew a little too large."""


@dataclass(frozen=True)
class BoxConvention:
    """``scale`` is the number for a whole side, 0 for boxes in pixels of the picture that the model sees; ``order`` is
    that of the corners x1, y1, x2, y2; ``key`` is the name of the box in JSON.
    """

    name: str
    scale: float
    order: tuple[str, str, str, str] = X_FIRST
    key: str = X_KEY

    def example(self, width: int = 0, height: int = 0) -> str:
        """The form of an answer, for the question; ``width`` and ``height`` are those that the model sees."""
        form = f'[{{"{self.key}": [{", ".join(self.order)}], "label": "color object"}}], '
        if self.scale:
            return form + f"coordinates from 0 to {self.scale:g}"
        return form + (
            f"coordinates in pixels of the picture, which is {width} wide and {height} high"
            if width
            else "coordinates in pixels of the picture"
        )

    def sides(self, width: float, height: float) -> tuple[float, float]:
        """The numbers for the whole width and height of a picture that the model sees at this size."""
        return (self.scale, self.scale) if self.scale else (width, height)

    def write(self, box: Sequence[float], width: float, height: float, step: float = 1) -> str:
        """A box of fractions (left, top, right, bottom) as text for a picture that the model sees at this size."""
        x, y = self.sides(width, height)
        values = dict(zip(("x1", "y1", "x2", "y2"), (box[0] * x, box[1] * y, box[2] * x, box[3] * y)))
        if self.scale == 1:
            return "[" + ", ".join(f"{values[name]:.3f}" for name in self.order) + "]"
        return "[" + ", ".join(str(round(values[name] / step) * step) for name in self.order) + "]"

    def under(self, key: str) -> BoxConvention:
        """The convention of a box that stands under a key, whatever this one asks for.

        ``box_2d`` is y first in thousandths, ``bbox_2d`` x first; other keys say nothing.
        """
        if key == self.key or key not in (X_KEY, Y_KEY):
            return self
        return Y_FIRST if key == Y_KEY else replace(self, order=X_FIRST, key=key)

    def meant(self, boxes: Sequence[Sequence[float]], width: float, height: float) -> BoxConvention:
        """The convention that the boxes of an answer can only mean, for a picture that the model sees at this size.

        That is fractions if no number is above 1, and pixels if numbers are beyond the scale but inside of the picture.
        Raises ValueError, which says what is wrong, for numbers that are not finite or that no convention has.
        """
        numbers = [number for box in boxes for number in box]
        for box in boxes:
            if not all(map(math.isfinite, box)):
                raise ValueError(f"a box that is no number: {list(box)}")
        if self.scale != 1 and any(number % 1 for number in numbers) and max(map(abs, numbers)) <= 1:
            return replace(self, name=FRACTIONS.name, scale=FRACTIONS.scale)
        # Thousandths end at 1000 exactly: a few pixels more may be a whole object in pixels.
        over = 0.0 if self.scale > 1 else OVERSHOOT
        if all(self._fits(box, *self.sides(width, height), over) for box in boxes):
            return self
        pixels = replace(self, name=PIXELS.name, scale=PIXELS.scale)
        if self.scale and all(pixels._fits(box, width, height, 0.0) for box in boxes):
            return pixels
        beyond = next(box for box in boxes if not self._fits(box, *self.sides(width, height), over))
        scale = f"0 to {self.scale:g}" if self.scale else f"0 to {width:g} in x and to {height:g} in y"
        raise ValueError(f"a box beyond the picture, whose coordinates go from {scale}: {list(beyond)}")

    def _fits(self, box: Sequence[float], x: float, y: float, over: float) -> bool:
        """Whether no number is beyond sides of these lengths by more than a share; below 0, by ``OVERSHOOT``."""
        sides = [x if name.startswith("x") else y for name in self.order]
        return all(-OVERSHOOT * side <= number <= (1 + over) * side for number, side in zip(box, sides))

    def read(self, numbers: Sequence[float], width: float, height: float) -> tuple[float, float, float, float]:
        """Fractions (left, top, right, bottom) in [0, 1] of what a model wrote for a picture that it saw at this size.

        Clipped to the picture, swapped corners swapped back. Raises ValueError for numbers that are not finite.
        """
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"a box that is no number: {list(numbers)}")
        values = dict(zip(self.order, numbers))
        x, y = self.sides(width, height)
        xs = sorted(min(max(values[name] / x, 0.0), 1.0) for name in ("x1", "x2"))
        ys = sorted(min(max(values[name] / y, 0.0), 1.0) for name in ("y1", "y2"))
        return xs[0], ys[0], xs[1], ys[1]


THOUSANDTHS = BoxConvention("0-1000", 1000)
"""Thousandths of the sides, as Qwen3-VL and InternVL write boxes."""

PIXELS = BoxConvention("pixels", 0)
"""Pixels of the picture that the model sees, as Qwen2.5-VL writes boxes."""

FRACTIONS = BoxConvention("0-1", 1)
"""Fractions of the sides, as LLaVA writes boxes."""

Y_FIRST = BoxConvention("0-1000, y first", 1000, Y_FIRST_ORDER, Y_KEY)
"""Thousandths with y before x, as Gemma writes boxes."""

CONVENTIONS = {boxes.name: boxes for boxes in (THOUSANDTHS, PIXELS, FRACTIONS, Y_FIRST)}

_FAMILIES = (
    ("qwen2_5_vl", PIXELS),
    ("qwen2.5-vl", PIXELS),
    ("qwen2.5vl", PIXELS),
    ("qwen2_vl", THOUSANDTHS),
    ("gemma", Y_FIRST),
    ("llava", FRACTIONS),
)


def convention_of(model: str) -> BoxConvention:
    """The convention of a model by its type or name, e.g. ``qwen2_5_vl`` or ``gemma3:4b``; thousandths for others."""
    return next((boxes for family, boxes in _FAMILIES if family in model.lower()), THOUSANDTHS)
