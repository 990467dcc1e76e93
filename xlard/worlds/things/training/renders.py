"""A pool of renders on disk: a training sees each render more than once."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....files import write_whole
from ..icons import Icons, load_icons
from ..render import pixel_box, render_random
from ..vocabulary import MAX_OBJECTS, SIDE

FRESH = 1_000_000_000
"""Seeds from here on are for validation; no pool reaches them."""


@dataclass(frozen=True)
class Renders:
    """Pictures (N, SIDE, SIDE, 3) uint8, and their objects' boxes (N, MAX_OBJECTS, 4) int16.

    A box is left, top, right and bottom in pixels, or -1 for no object.
    """

    pictures: NDArray[np.uint8]
    boxes: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.pictures)


def _draw_into(pictures: NDArray[np.uint8], boxes: NDArray[np.int16], icons: Icons, first_seed: int) -> None:
    for index in range(len(pictures)):
        pictures[index], scene = render_random(first_seed + index, icons)
        for row, thing in enumerate(scene.things):
            boxes[index, row] = pixel_box(thing)


def draw_renders(number: int, icons: Icons, first_seed: int = FRESH) -> Renders:
    """Random renders in memory, of the seeds from ``first_seed`` on."""
    pictures = np.zeros((number, SIDE, SIDE, 3), np.uint8)
    boxes = np.full((number, MAX_OBJECTS, 4), -1, np.int16)
    _draw_into(pictures, boxes, icons, first_seed)
    return Renders(pictures, boxes)


def load_pool(folder: Path, number: int, icons_folder: Path) -> Renders:
    """The pool of ``number`` renders in ``folder``, of the seeds from 0 on; it is drawn if it is missing.

    Delete the folder after a change of the renderer: the pool does not follow it.
    """
    pictures_file, boxes_file = folder / f"pictures_{number}.npy", folder / f"boxes_{number}.npy"
    # The boxes are written last: with them, the pictures are complete.
    if not boxes_file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"pictures_{number}.{os.getpid()}.partial"
        pictures = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(number, SIDE, SIDE, 3))
        boxes = np.full((number, MAX_OBJECTS, 4), -1, np.int16)
        _draw_into(pictures, boxes, load_icons(icons_folder), 0)
        pictures.flush()
        os.replace(partial, pictures_file)
        content = io.BytesIO()
        np.save(content, boxes)
        write_whole(boxes_file, content.getvalue())
    return Renders(np.load(pictures_file, mmap_mode="r"), np.load(boxes_file))
