"""Which part of a latent to draw anew: from what is wrong in the picture to a mask on the latent's grid."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..detections import Detection, inside
from ..edit import Edit
from ..rewards import position_holds
from .faults import FailedRelation, Faults

GROWTH = 0.04
"""How far boxes are grown on each side, as a share of the picture's longer side: a critic's boxes cut edges off."""

ENCLOSED = 0.9
"""Share of a box that must lie in a larger one to be inside of it."""


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
        return (
            slice(_within(math.floor(top), rows), _within(math.ceil(bottom), rows)),
            slice(_within(math.floor(left), columns), _within(math.ceil(right), columns)),
        )

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
                if not taken[top : top + height, left : left + width].any():
                    moved = replace(d, x=d.x + (left - columns.start) * wide, y=d.y + (top - rows.start) * high)
                    found.append(Place(moved, (slice(top, top + height), slice(left, left + width))))
        return found

    def zone(self, zone: tuple[float, float, float, float]) -> Tensor:
        """The cells (h, w) whose middle is in a zone (x, y, width, height in pixels)."""
        return self._cells(lambda here: inside(here, zone))

    def covered(self, found: Iterable[Detection]) -> Tensor:
        """The share in [0, 1] of each cell (h, w) that the boxes, not grown, cover; where several do, the largest."""
        shares = torch.zeros(self.size)
        for d in found:
            along = [
                _shares(start, start + length, cell, count)
                for start, length, cell, count in (
                    (d.y, d.height, self._cell[0], self.size[0]),
                    (d.x, d.width, self._cell[1], self.size[1]),
                )
            ]
            shares = torch.maximum(shares, torch.outer(*along))
        return shares

    def where_it_may_stand(self, kept: Iterable[Detection], direction: str, kept_is_first: bool) -> Tensor:
        """The cells (h, w) in whose middle an object would be in the right direction of all that is kept.

        ``kept_is_first``: the kept objects are those that should stand in ``direction`` of the others.
        """
        kept = list(kept)
        return self._cells(
            lambda here: all(
                position_holds(d, here, direction) if kept_is_first else position_holds(here, d, direction)
                for d in kept
            )
        )

    def _cells(self, fits: Callable[[Detection], bool]) -> Tensor:
        """The cells (h, w) in whose middle a point fits."""
        high, wide = self._cell
        return torch.tensor(
            [
                [
                    fits(Detection((column + 0.5) * wide, (row + 0.5) * high, 0.0, 0.0, ""))
                    for column in range(self.size[1])
                ]
                for row in range(self.size[0])
            ],
            dtype=torch.bool,
        )


def _shares(start: float, end: float, cell: float, count: int) -> Tensor:
    """The share of each of ``count`` cells in a row that lies between two points."""
    edges = torch.arange(count + 1) * cell
    return ((edges[1:].clamp(max=end) - edges[:-1].clamp(min=start)) / cell).clamp(0, 1)


def _within(value: int, most: int) -> int:
    return min(max(value, 0), most)


def area_of(edit: Edit, grid: Grid) -> Tensor | None:
    """The cells (h, w) of a latent that an edit may change, as booleans; None where that is all of them.

    The grown boxes of what is touched, and, where something comes to stand elsewhere, all that is free. A cell that a
    thing covers that is to stay belongs to it, unless a touched one covers more of it. What is touched may also lie
    inside of a larger thing, as a hat does in the box of its wearer: then the larger one has no claim to its cells."""
    if edit.statements:
        return None
    touched = grid.covered(edit.touched)
    area = (grid.covered(edit.staying) <= touched) & edit.adds_outside
    for d in edit.touched:
        others = [staying for staying in edit.staying if not _encloses(staying, d)]
        area |= grid.boxes([d]) & (grid.covered(others) <= touched)
    return area


def _encloses(larger: Detection, d: Detection) -> bool:
    """Whether a box lies inside of a larger one, but for a little: boxes are not exact."""
    wide = min(larger.x + larger.width, d.x + d.width) - max(larger.x, d.x)
    high = min(larger.y + larger.height, d.y + d.height) - max(larger.y, d.y)
    shared, own = max(wide, 0.0) * max(high, 0.0), d.width * d.height
    return shared >= ENCLOSED * own and larger.width * larger.height > own


def region_of(
    faults: Faults, grid: Grid, rng: random.Random, held: Sequence[Detection] = (), area: Tensor | None = None
) -> Tensor | None:
    """The cells (h, w), as booleans, that are to be drawn anew, inside of ``area``; None where that would be nothing or
    everything.

    Wrong objects go. Where something is missing, all that is free of right objects is open, or, if it should stand in a
    direction of something that is there, the wedge in that direction. Of a pair that stands wrongly the side stays that
    leaves more room for the other, which goes; only the wedge where it may stand is open. What is ``held`` never goes.
    """
    keep, go, wedges = list(faults.right), list(faults.wrong), []
    for relation in faults.relations:
        wedge = _wedge(relation, grid, rng, held)
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
    if area is not None:
        # Right things outside of it are safe, and grown boxes of theirs must not bite into what has to go.
        mask = (mask | grid.boxes(go)) & area
        return mask if mask.any() else None
    return mask if mask.any() and not mask.all() else None


def _wedge(
    relation: FailedRelation, grid: Grid, rng: random.Random, held: Sequence[Detection]
) -> tuple[Tensor, tuple[Detection, ...]] | None:
    """Where one side of a relation may stand, and the objects of that side, which have to go; None without any
    object."""
    if relation.zone:
        return grid.zone(relation.zone), tuple(d for d in relation.firsts if not inside(d, relation.zone))
    options = []
    for kept, moved, kept_is_first in (
        (relation.seconds, relation.firsts, False),
        (relation.firsts, relation.seconds, True),
    ):
        if kept and not any(d is each for d in moved for each in held):
            options.append(
                (grid.where_it_may_stand(kept, relation.direction, kept_is_first) & ~grid.boxes(kept), moved)
            )
    if not options:
        return None
    rng.shuffle(options)
    return max(options, key=lambda option: int(option[0].sum()))
