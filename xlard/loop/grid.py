"""A latent's cells over its picture: which of them an object takes, and where it would be free or stand right."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..detections import Detection, inside
from ..rewards import position_holds
from .cutouts import EDGE, coverage


@dataclass(frozen=True)
class Place:
    """An object's box where it could be, without its mask, and the rows and columns of the cells that it would take."""

    object: Detection
    cells: tuple[slice, slice]


class Grid:
    """Cells over a picture; sizes are (height, width) in cells and in pixels.

    ``growth`` is how far boxes and masks are grown on each side, as a share of the picture's longer side. An object
    takes the cells of its mask where it has one, else all that its box touches.
    """

    def __init__(self, size: tuple[int, int], image_size: tuple[int, int], growth: float):
        self.size, self.image_size, self.side = size, image_size, float(max(image_size))
        self._growth, self._margin = growth, growth * self.side
        self._covered_by_mask: dict[int, tuple[Tensor, Tensor]] = {}
        self._cell_height, self._cell_width = image_size[0] / size[0], image_size[1] / size[1]

    def span(self, detection: Detection) -> tuple[slice, slice]:
        """Rows and columns of the cells that an object takes."""
        shares = self._by_mask(detection)
        if shares is not None:
            cells = shares > EDGE
            rows, columns = (cells.any(dim=dimension).nonzero().flatten().tolist() for dimension in (1, 0))
            return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        top, left = detection.y - self._margin, detection.x - self._margin
        bottom, right = detection.y + detection.height + self._margin, detection.x + detection.width + self._margin
        return (
            _cells_between(top / self._cell_height, bottom / self._cell_height, self.size[0]),
            _cells_between(left / self._cell_width, right / self._cell_width, self.size[1]),
        )

    def shares(self, detection: Detection) -> Tensor:
        """The share in [0, 1] of each cell (h, w) that is an object's: of its grown mask, or all that its grown box
        touches.
        """
        by_mask = self._by_mask(detection)
        if by_mask is not None:
            return by_mask
        shares = torch.zeros(self.size)
        shares[self.span(detection)] = 1.0
        return shares

    def cells(self, detections: Iterable[Detection]) -> Tensor:
        """The cells (h, w) that objects take, as booleans."""
        taken = torch.zeros(self.size, dtype=torch.bool)
        for detection in detections:
            taken |= self.shares(detection) > EDGE
        return taken

    def places(
        self, detection: Detection, obstacles: Iterable[Detection], per_side: int, area: Tensor | None = None
    ) -> list[Place]:
        """Where an object, moved by whole cells, is free of obstacles and inside of ``area`` (h, w); at most
        ``per_side`` places along a side.
        """
        occupied, (rows, columns) = self.cells(obstacles) | ~self._within(area), self.span(detection)
        footprint = self.shares(detection)[rows, columns] > EDGE
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if not height or not width:
            return []
        places = []
        for top, left in self._corners(height, width, per_side):
            if not (occupied[top : top + height, left : left + width] & footprint).any():
                moved = replace(
                    detection,
                    x=detection.x + (left - columns.start) * self._cell_width,
                    y=detection.y + (top - rows.start) * self._cell_height,
                    mask=None,
                )
                places.append(Place(moved, (slice(top, top + height), slice(left, left + width))))
        return places

    def zone(self, zone: tuple[float, float, float, float]) -> Tensor:
        """The cells (h, w) whose middle is in a zone (x, y, width, height in pixels)."""
        return self._cells_where(lambda middle: inside(middle, zone))

    def covered(self, detections: Iterable[Detection]) -> Tensor:
        """The share in [0, 1] of each cell (h, w) that the boxes, not grown, cover; where several do, the largest."""
        shares = torch.zeros(self.size)
        for detection in detections:
            rows = _covered_shares(detection.y, detection.y + detection.height, self._cell_height, self.size[0])
            columns = _covered_shares(detection.x, detection.x + detection.width, self._cell_width, self.size[1])
            shares = torch.maximum(shares, torch.outer(rows, columns))
        return shares

    def cells_in_direction(self, kept: Iterable[Detection], direction: str, kept_is_first: bool) -> Tensor:
        """The cells (h, w) in whose middle an object would be in the right direction of everything that is kept.

        ``kept_is_first``: the kept objects are those that should stand in ``direction`` of the others.
        """
        anchors = list(kept)

        def holds(middle: Detection) -> bool:
            pairs = ((anchor, middle) if kept_is_first else (middle, anchor) for anchor in anchors)
            return all(position_holds(first, second, direction) for first, second in pairs)

        return self._cells_where(holds)

    def _within(self, area: Tensor | None) -> Tensor:
        return torch.ones(self.size, dtype=torch.bool) if area is None else area

    def _by_mask(self, detection: Detection) -> Tensor | None:
        """The share of each cell that an object's grown mask covers; None without a mask, or where it shows nothing."""
        mask = detection.mask
        if mask is None:
            return None
        # The mask is kept with its shares: another one could get its id once it is gone.
        known = self._covered_by_mask.get(id(mask))
        if known is None:
            known = self._covered_by_mask[id(mask)] = mask, coverage(mask.cpu(), self.size, self._growth)
        return known[1] if (known[1] > EDGE).any() else None

    def _corners(self, height: int, width: int, per_side: int) -> Iterator[tuple[int, int]]:
        """Top left cells of a box of so many cells, at most ``per_side`` along a side."""
        for top in range(0, self.size[0] - height + 1, max(1, self.size[0] // per_side)):
            for left in range(0, self.size[1] - width + 1, max(1, self.size[1] // per_side)):
                yield top, left

    def _cells_where(self, fits: Callable[[Detection], bool]) -> Tensor:
        """The cells (h, w) whose middle, a point, fits."""

        def middle(row: int, column: int) -> Detection:
            return Detection((column + 0.5) * self._cell_width, (row + 0.5) * self._cell_height, 0.0, 0.0, "")

        rows, columns = self.size
        return torch.tensor(
            [[fits(middle(row, column)) for column in range(columns)] for row in range(rows)], dtype=torch.bool
        )


def _cells_between(start: float, end: float, count: int) -> slice:
    """The cells of a row of ``count`` that lie between two points, in cells, rounded outwards."""
    return slice(min(max(math.floor(start), 0), count), min(max(math.ceil(end), 0), count))


def _covered_shares(start: float, end: float, cell: float, count: int) -> Tensor:
    """The share of each of ``count`` cells in a row that lies between two points, in pixels."""
    edges = torch.arange(count + 1) * cell
    return ((edges[1:].clamp(max=end) - edges[:-1].clamp(min=start)) / cell).clamp(0, 1)
