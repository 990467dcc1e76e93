"""Which cell of a head's map an object is in."""

from __future__ import annotations

from ..detections import Detection


class Cells:
    """The cells of a head's map (``height``, ``width``) over pictures whose longer side is ``side`` pixels."""

    def __init__(self, height: int, width: int, side: float):
        self.height, self.width, self._scale = height, width, max(height, width) / side

    def of(self, detection: Detection) -> int:
        """The place, row by row, of the cell with the object's centre, or of the nearest cell for a centre outside."""
        x, y = detection.center
        column = min(max(int(x * self._scale), 0), self.width - 1)
        row = min(max(int(y * self._scale), 0), self.height - 1)
        return row * self.width + column
