"""What stands where in a scene, as maps of labels: the generator learns to read them beside the flow.

Where a small generator is trained for hours and not for weeks, most of the time goes into learning what there is to be
seen. Told what stands in each cell, its middle layers learn that sooner (as with REPA, arXiv 2410.06940, which takes
the features of a large model instead).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..scenes import Scene
from ..vocabulary import CLASSES, COLORS, PLACES

MAP_SIDE = 8
"""Cells of a map, along each side."""

KINDS = (*PLACES, *CLASSES)
"""Labels of the first map: the place's where no object stands."""

TINTS = (None, *COLORS)
"""Labels of the second map: the first where there is no object in one of the world's colours."""


def label_maps(scene: Scene) -> NDArray[np.uint8]:
    """Indices of ``KINDS`` and ``TINTS`` in each cell of a scene: (2, MAP_SIDE, MAP_SIDE)."""
    maps = np.zeros((2, MAP_SIDE, MAP_SIDE), np.uint8)
    maps[0] = KINDS.index(scene.place)
    middles = (np.arange(MAP_SIDE) + 0.5) / MAP_SIDE
    for thing in sorted(scene.things, key=lambda thing: thing.box[1] + thing.box[3]):
        left, top, width, height = thing.box
        rows, columns = (
            np.abs(middles - start - size / 2) <= size / 2 for start, size in ((top, height), (left, width))
        )
        inside = np.outer(rows, columns)
        maps[0][inside], maps[1][inside] = KINDS.index(thing.name), TINTS.index(thing.color)
    return maps
