"""Which cell of a head's map an object is in."""

from __future__ import annotations

from ..detections import Detection


class Cells:
    """The cells of a head's map (``height``, ``width``) over pictures whose longer side is ``side`` pixels."""

    def __init__(self, height: int, width: int, side: float):
        self.height, self.width, self._scale = height, width, max(height, width) / side

    def of(self, found: Detection) -> int:
        """The place, row by row, of the cell that an object's centre is in; of one that juts out, the nearest."""
        column, row = (
            min(max(int(value * self._scale), 0), most - 1)
            for value, most in zip(found.center, (self.width, self.height))
        )
        return row * self.width + column
