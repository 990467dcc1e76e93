"""Which part of a latent to redraw: from what is wrong in the picture to a mask on the latent's grid."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from ..detections import Detection, inside
from ..edit import Edit
from .faults import FailedRelation, Faults
from .grid import Grid

REGION_GROWTH = 0.04
"""How far boxes are grown on each side, as a share of the picture's longer side: a critic's boxes cut edges off."""

ENCLOSED = 0.9
"""Share of a box that must lie in a larger one to be inside of it."""


def region_grid(size: tuple[int, int], image_size: tuple[int, int]) -> Grid:
    """The grid of a latent for regions; sizes are (height, width) in cells and in pixels."""
    return Grid(size, image_size, REGION_GROWTH)


def region_of(
    faults: Faults, grid: Grid, rng: random.Random, held: Sequence[Detection] = (), area: Tensor | None = None
) -> Tensor | None:
    """The cells (h, w) to redraw, as booleans, inside of ``area``; None if that would be nothing or everything.

    Wrong objects are removed. If something is missing, everything that is free of right objects is open; or, if it
    should stand in a direction of something that is there, the wedge in that direction. Of a pair that stands wrongly
    the side stays that leaves more room for the other, which is removed; only the wedge where it may stand is open.
    What is ``held`` is never removed.
    """
    removed, wedges = list(faults.wrong), []
    for relation in faults.relations:
        wedge = _wedge(relation, grid, rng, held)
        if wedge is not None:
            open_cells, moved = wedge
            wedges.append(open_cells)
            removed += moved
    kept = [detection for detection in faults.right if detection not in removed]
    mask = grid.cells(removed)
    if wedges:
        mask |= torch.stack(wedges).any(dim=0)
    elif faults.missing or faults.relations:
        mask[:] = True
    mask &= ~grid.cells(kept)
    if area is not None:
        # Right things outside of the area are safe, and their grown boxes must not bite into what is removed.
        mask = (mask | grid.cells(removed)) & area
        return mask if mask.any() else None
    return mask if mask.any() and not mask.all() else None


def area_of(edit: Edit, grid: Grid) -> Tensor | None:
    """The cells (h, w) of a latent that an edit may change, as booleans; None if these are all.

    They are the grown boxes of what is touched and, if something is to stand elsewhere, everything that is free. A cell
    that a staying object covers belongs to it, unless a touched one covers more of it. A touched object may lie inside
    of a larger one, as a hat lies in the box of its wearer: then the larger one has no claim to its cells.
    """
    if edit.statements:
        return None
    touched = grid.covered(edit.touched)
    area = (grid.covered(edit.staying) <= touched) & edit.adds_outside
    for detection in edit.touched:
        neighbours = [staying for staying in edit.staying if not _encloses(staying, detection)]
        area |= grid.cells([detection]) & (grid.covered(neighbours) <= touched)
    return area


def _wedge(
    relation: FailedRelation, grid: Grid, rng: random.Random, held: Sequence[Detection]
) -> tuple[Tensor, tuple[Detection, ...]] | None:
    """Where one side of a relation may stand, and the objects of that side, which are removed; None without objects."""
    zone, direction = relation.zone, relation.direction
    if zone:
        return grid.zone(zone), tuple(first for first in relation.firsts if not inside(first, zone))
    if direction is None:
        return None
    options = []
    for kept, moved, kept_is_first in (
        (relation.seconds, relation.firsts, False),
        (relation.firsts, relation.seconds, True),
    ):
        if kept and not any(detection is fixed for detection in moved for fixed in held):
            options.append((grid.cells_in_direction(kept, direction, kept_is_first) & ~grid.cells(kept), moved))
    if not options:
        return None
    rng.shuffle(options)
    return max(options, key=lambda option: int(option[0].sum()))


def _encloses(larger: Detection, smaller: Detection) -> bool:
    """Whether a box lies almost entirely inside of a larger one: boxes are not exact."""
    width = min(larger.x + larger.width, smaller.x + smaller.width) - max(larger.x, smaller.x)
    height = min(larger.y + larger.height, smaller.y + smaller.height) - max(larger.y, smaller.y)
    shared, size = max(width, 0.0) * max(height, 0.0), smaller.width * smaller.height
    return shared >= ENCLOSED * size and larger.width * larger.height > size
