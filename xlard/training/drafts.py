"""Drafts: latents in which the objects that a prompt asks for stand where its claims hold, cut out of drawn pictures.

A draft is coarse, with seams around the objects; sampling on from a middle noise level draws it properly. A prompt has
one draft and not many: its objects have an order, and stand in one of a few well-spread arrangements.
"""

from __future__ import annotations

import copy
import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from ..claims import Claim
from ..detections import Detection
from ..loop.faults import faults_of
from ..loop.grid import Grid
from ..loop.ground import standing
from ..loop.hole_filling import fill
from ..loop.rearrange import Piece, pieces_of
from ..loop.strategies import REARRANGE_GROWTH
from ..prompts import claims_from_prompt
from ..rewards import critique_from_detections, decidable, judge_by_boxes
from .records import Records

MOST_OBJECTS = 9
"""Prompts with more objects have no draft."""

_TRIES, _KEPT, _BORDER = 4000, 600, 0.18
"""Random arrangements of a number of objects, how many of the most spread ones are kept, and how far centres stay from
the edge.
"""

_ENOUGH = 2
"""Pieces of one kind and size that make a typical one."""

_Label = tuple[str | None, str]
"""Colour and noun."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A piece in a draft: its top row and left column, and the object as it stands there."""

    piece: Piece
    row: int
    column: int
    object: Detection


class Drafts:
    """Drafts of prompts, with pieces and backgrounds out of the pictures of some records."""

    def __init__(self, records: Records):
        self._records = records
        height, width = records.finals.shape[-2:]
        self._scale = records.side / max(height, width)
        self._grid = Grid((height, width), (round(height * self._scale), round(width * self._scale)), REARRANGE_GROWTH)
        self._pieces = self._all_pieces()
        self._backgrounds: dict[int, Tensor] = {}
        self._layouts: dict[str, list[Placed] | None] = {}
        self._typical: dict[tuple[str | None, str, int], Piece | None] = {}

    def over(self, records: Records) -> Drafts:
        """Drafts of the same pieces on backgrounds of other records."""
        drafts = copy.copy(self)
        drafts._records, drafts._backgrounds = records, {}
        return drafts

    def has(self, prompt: str) -> bool:
        """Whether a prompt asks for known objects that can be arranged as it says."""
        return self._layout(prompt) is not None

    def draft(self, prompt: str, picture: int) -> Tensor:
        """The draft (C, h, w) of a prompt on the background of a picture. Raises KeyError for a prompt without one."""
        layout = self._layout(prompt)
        if layout is None:
            raise KeyError(prompt)
        latent = self._background(picture).clone()
        for placed in layout:
            height, width = placed.piece.patch.shape[-2:]
            latent[:, placed.row : placed.row + height, placed.column : placed.column + width] = placed.piece.patch
        return latent

    def _all_pieces(self) -> dict[_Label, list[Piece]]:
        """Objects that lie within their picture with nothing else near, by colour and noun."""
        pieces: dict[_Label, list[Piece]] = defaultdict(list)
        for picture, final in enumerate(self._records.finals):
            objects = self._standing(picture)
            for index, detection in enumerate(objects):
                others = self._grid.cells([*objects[:index], *objects[index + 1 :]])
                if self._within_picture(detection) and not (self._grid.cells([detection]) & others).any():
                    pieces[detection.color, detection.noun] += pieces_of(final, [detection], self._grid)
        return pieces

    def _standing(self, picture: int) -> list[Detection]:
        """The objects of a picture, without the ground that they stand on."""
        return standing(self._records.objects[picture], self._grid.image_size)

    def _within_picture(self, detection: Detection) -> bool:
        height, width = (side * self._scale for side in self._grid.size)
        right, bottom = detection.x + detection.width, detection.y + detection.height
        return detection.x > 1 and detection.y > 1 and right < width - 1 and bottom < height - 1

    def _background(self, picture: int) -> Tensor:
        if picture not in self._backgrounds:
            holes = self._grid.cells(self._standing(picture))
            self._backgrounds[picture] = fill(self._records.finals[picture], holes)
        return self._backgrounds[picture]

    def _layout(self, prompt: str) -> list[Placed] | None:
        if prompt not in self._layouts:
            self._layouts[prompt] = self._arranged([claim for claim in claims_from_prompt(prompt) if decidable(claim)])
        return self._layouts[prompt]

    def _arranged(self, claims: Sequence[Claim]) -> list[Placed] | None:
        """The first of the well-spread arrangements in which the claims hold."""
        kinds = faults_of(critique_from_detections(claims, [], self._records.side), random.Random(0)).missing
        if not 0 < len(kinds) <= MOST_OBJECTS:
            return None
        pieces = []
        for kind in kinds:
            piece = self._piece(kind.color, kind.noun, len(kinds))
            if piece is None:
                return None
            pieces.append(piece)
        for centers in arrangements(len(pieces)):
            placed = self._place(pieces, centers)
            if placed and all(
                judge_by_boxes(claim, [piece.object for piece in placed], self._records.side).passed for claim in claims
            ):
                return placed
        return None

    def _piece(self, color: str | None, noun: str, number: int) -> Piece | None:
        """A typical piece of a kind, small enough that ``number`` of them have room; without a colour, of the most
        frequent one.
        """
        if color is None:
            colors = Counter({label[0]: len(pieces) for label, pieces in self._pieces.items() if label[1] == noun})
            color = min(colors, key=lambda known: (-colors[known], str(known)), default=None)
        largest = min(self._grid.size) // math.ceil(math.sqrt(number))
        key = color, noun, largest
        if key not in self._typical:
            self._typical[key] = typical(
                [piece for piece in self._pieces[color, noun] if max(piece.patch.shape[-2:]) <= largest]
            )
        return self._typical[key]

    def _place(self, pieces: Sequence[Piece], centers: Sequence[tuple[float, float]]) -> list[Placed] | None:
        """The pieces at centres, in shares of the width and height; None where two would overlap."""
        rows, columns = self._grid.size
        taken, placed = torch.zeros(rows, columns, dtype=torch.bool), list[Placed]()
        for piece, (x, y) in zip(pieces, centers):
            height, width = piece.patch.shape[-2:]
            row = min(max(round(y * rows - height / 2), 0), rows - height)
            column = min(max(round(x * columns - width / 2), 0), columns - width)
            cells = taken[row : row + height, column : column + width]
            if cells.any():
                return None
            cells[:] = True
            old_rows, old_columns = self._grid.span(piece.object)
            moved = replace(
                piece.object,
                x=piece.object.x + (column - old_columns.start) * self._scale,
                y=piece.object.y + (row - old_rows.start) * self._scale,
            )
            placed.append(Placed(piece, row, column, moved))
        return placed


def typical(pieces: Sequence[Piece]) -> Piece | None:
    """Of the pieces of the most frequent size the one nearest to their mean: its box and label are most likely right.

    None where there are fewer than two of one size.
    """
    sizes = Counter(tuple(piece.patch.shape) for piece in pieces)
    size = min(sizes, key=lambda known: (-sizes[known], known), default=None)
    if size is None or sizes[size] < _ENOUGH:
        return None
    same_size = [piece for piece in pieces if tuple(piece.patch.shape) == size]
    patches = torch.stack([piece.patch for piece in same_size])
    return same_size[int((patches - patches.mean(dim=0)).square().flatten(1).sum(dim=1).argmin())]


@lru_cache(maxsize=None)
def arrangements(number: int) -> list[list[tuple[float, float]]]:
    """Arrangements of ``number`` centres (x, y) in shares of width and height, the most spread first; the same in every
    run.
    """
    rng = random.Random(number)
    drawn = [
        [(rng.uniform(_BORDER, 1 - _BORDER), rng.uniform(_BORDER, 1 - _BORDER)) for _ in range(number)]
        for _ in range(_TRIES)
    ]
    return sorted(drawn, key=_spread, reverse=True)[:_KEPT]


def _spread(centers: Sequence[tuple[float, float]]) -> float:
    """The smallest distance of two centres along an axis; of a single one, how near it is to the middle."""
    if len(centers) == 1:
        return -max(abs(side - 0.5) for side in centers[0])
    return min(max(abs(a[0] - b[0]), abs(a[1] - b[1])) for index, a in enumerate(centers) for b in centers[:index])
