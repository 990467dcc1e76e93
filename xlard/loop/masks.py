"""Which part of a latent to draw anew: from what is wrong in the picture to a mask on the latent's grid."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..critique import Detection
from ..rewards import position_holds
from .faults import Faults, Relation

GROWTH = 0.04
"""How far boxes are grown on each side, as a share of the picture's longer side: a critic's boxes cut edges off."""


@dataclass(frozen=True)
class Place:
    """An object where it could be, and the rows and columns of the cells that it would take."""

    object: Detection
    cells: tuple[slice, slice]


class Grid:
    """A latent's cells over a picture; sizes are (height, width) in cells and in pixels."""

    def __init__(self, size: tuple[int, int], image_size: tuple[int, int], growth: float = GROWTH):
        self.size, self.side = size, float(max(image_size))
        self._margin = growth * self.side
        self._cell = image_size[0] / size[0], image_size[1] / size[1]

    def span(self, d: Detection) -> tuple[slice, slice]:
        """Rows and columns of the cells that the grown box touches."""
        high, wide = self._cell
        top, left = (d.y - self._margin) / high, (d.x - self._margin) / wide
        bottom, right = (d.y + d.height + self._margin) / high, (d.x + d.width + self._margin) / wide
        rows, columns = self.size
        return (slice(_within(math.floor(top), rows), _within(math.ceil(bottom), rows)),
                slice(_within(math.floor(left), columns), _within(math.ceil(right), columns)))

    def boxes(self, found: Iterable[Detection]) -> Tensor:
        """The cells (h, w) that the grown boxes touch, as booleans."""
        mask = torch.zeros(self.size, dtype=torch.bool)
        for d in found:
            mask[self.span(d)] = True
        return mask

    def places(self, d: Detection, others: Iterable[Detection], most: int) -> list[Place]:
        """Where the object, moved by whole cells, would be free of others; at most ``most`` places along a side."""
        taken, (rows, columns) = self.boxes(others), self.span(d)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        high, wide = self._cell
        found = []
        if not height or not width:
            return found
        for top in range(0, self.size[0] - height + 1, max(1, self.size[0] // most)):
            for left in range(0, self.size[1] - width + 1, max(1, self.size[1] // most)):
                if not taken[top:top + height, left:left + width].any():
                    moved = replace(d, x=d.x + (left - columns.start) * wide, y=d.y + (top - rows.start) * high)
                    found.append(Place(moved, (slice(top, top + height), slice(left, left + width))))
        return found

    def where_it_may_stand(self, kept: Iterable[Detection], direction: str, kept_is_first: bool) -> Tensor:
        """The cells (h, w) in whose middle an object would be in the right direction of all that is kept.

        ``kept_is_first``: the kept objects are those that should stand in ``direction`` of the others.
        """
        kept, mask = list(kept), torch.zeros(self.size, dtype=torch.bool)
        high, wide = self._cell
        for row in range(self.size[0]):
            for column in range(self.size[1]):
                here = Detection((column + 0.5) * wide, (row + 0.5) * high, 0.0, 0.0, "")
                pairs = [(d, here) if kept_is_first else (here, d) for d in kept]
                mask[row, column] = all(position_holds(a, b, direction) for a, b in pairs)
        return mask


def _within(value: int, most: int) -> int:
    return min(max(value, 0), most)


def region_of(faults: Faults, grid: Grid, rng: random.Random) -> Tensor | None:
    """The cells (h, w), as booleans, that are to be drawn anew; None where that would be nothing or everything.

    Wrong objects go. Where something is missing, all that is free of right objects is open, or, if it should stand in a
    direction of something that is there, the wedge in that direction. Of a pair that stands wrongly the side stays that
    leaves more room for the other, which goes; only the wedge where it may stand is open.
    """
    keep, go, wedges = list(faults.right), list(faults.wrong), []
    for relation in faults.relations:
        wedge = _wedge(relation, grid, rng)
        if wedge is not None:
            open_cells, moved = wedge
            wedges.append(open_cells)
            go += moved
    keep = [d for d in keep if d not in go]
    mask = grid.boxes(go)
    if wedges:
        mask |= torch.stack(wedges).any(dim=0)
    elif faults.missing or faults.relations:
        mask[:] = True
    mask &= ~grid.boxes(keep)
    return mask if mask.any() and not mask.all() else None


def _wedge(relation: Relation, grid: Grid, rng: random.Random) -> tuple[Tensor, tuple[Detection, ...]] | None:
    """Where one side of a relation may stand, and the objects of that side, which have to go; None without any object."""
    options = []
    for kept, moved, kept_is_first in ((relation.seconds, relation.firsts, False), (relation.firsts, relation.seconds, True)):
        if kept:
            options.append((grid.where_it_may_stand(kept, relation.direction, kept_is_first) & ~grid.boxes(kept), moved))
    if not options:
        return None
    rng.shuffle(options)
    return max(options, key=lambda option: int(option[0].sum()))
