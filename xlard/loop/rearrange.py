"""Rearranging a latent: erase, move and copy objects by the critic's masks or boxes until all claims would hold.

A latent's cells are where its picture's pixels are, so a patch of it can be moved by whole cells, also from one attempt
at a picture to another. What was touched is then renoised to a middle level and sampled on from there, which joins the
patches with what is around them. An object with a mask is cut out along it, with soft edges.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..critique import Critique
from ..detections import Detection, ObjectKind
from ..rewards import judge_by_boxes, repairable
from .cutouts import EDGE, moved_to, resized, rim
from .faults import Faults, faults_of
from .grid import Grid, Place
from .hole_filling import fill

_PLACES = 16
"""Places that are tried along each side of a latent."""

_TRIES, _CHOICES = 12, 6
"""How many arrangements are tried of objects that move together, and how many choices of them."""


_SHARES = (1.0, 0.8, 0.6)
"""To what shares of its size an object with a mask is shrunk, one after the other, until there is room for it."""


@dataclass(frozen=True, eq=False)
class Piece:
    """An object and the cells (C, h, w) of a latent that show it.

    ``opacity`` (h, w) in [0, 1] is how much of each cell goes with the object, None where only its box is known.
    """

    object: Detection
    patch: Tensor
    opacity: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Rearranged:
    """A latent (C, h, w) with other objects, the cells (h, w) that were touched, as booleans, and how many claims fail
    by its boxes.

    ``holes`` are those of the touched cells where an object with a mask was, and what is behind it has to be drawn;
    elsewhere, and under objects without masks, the latent shows what is to be seen. ``emptied`` are all cells where an
    object was and none is now, ``erased`` these objects.
    """

    latent: Tensor
    touched: Tensor
    holes: Tensor
    failing: int
    emptied: Tensor
    erased: tuple[Detection, ...]


def rearranged(
    latent: Tensor,
    critique: Critique,
    grid: Grid,
    rng: random.Random,
    donors: Sequence[Piece] = (),
    held: Sequence[Detection] = (),
    area: Tensor | None = None,
) -> Rearranged | None:
    """A latent (C, h, w) with objects erased, copied and moved.

    Missing objects are copied from the picture itself or from ``donors``. Objects move as little as possible, with some
    chance in it, and stay inside of ``area`` (h, w); those that are ``held`` stay where they are. None if that would
    not make more claims hold: there are no boxes to go by, or a missing object is nowhere to copy from.
    """
    faults = faults_of(critique, rng, held)
    scene = Scene(latent, critique, grid, rng, area)
    for detection in faults.wrong:
        if not any(detection is fixed for fixed in held):
            scene.erase(detection)
    for kind in faults.missing:
        if not scene.add(kind, faults.right, donors):
            return None
    scene.settle(faults, held)
    return scene.result()


class Scene:
    """The objects of a picture and its latent while they are rearranged.

    ``area`` (h, w) is where they may go; ``rng`` is for what is tried at random. ``latent``, ``touched``, ``holes``,
    ``emptied`` and ``erased`` are as of ``Rearranged``.
    """

    def __init__(self, latent: Tensor, critique: Critique, grid: Grid, rng: random.Random, area: Tensor | None = None):
        self.latent, self._grid, self._rng, self._area = latent.clone(), grid, rng, area
        self._claims = [verdict.claim for verdict in critique.verdicts if repairable(verdict.claim)]
        self._before = self.failing(critique.detections)
        self.pieces = pieces_of(latent, critique.detections, grid)
        self.touched = torch.zeros(latent.shape[-2:], dtype=torch.bool)
        self.holes, self.emptied = self.touched.clone(), self.touched.clone()
        self.erased: list[Detection] = []
        self._vacated: list[Detection] = []

    @property
    def side(self) -> float:
        """The picture's longer side in pixels."""
        return self._grid.side

    @property
    def objects(self) -> list[Detection]:
        """What is in the picture now."""
        return [piece.object for piece in self.pieces]

    def erase(self, detection: Detection) -> None:
        """Fill an object's cells with what surrounds them, and those of what it hides that are more its own."""
        self.pieces = [piece for piece in self.pieces if piece.object is not detection]
        shares = self._grid.shares(detection)
        cells = shares > EDGE
        for neighbour in self.objects:
            others = self._grid.shares(neighbour)
            # Of two boxes nobody knows which is in front.
            cells &= (others <= EDGE) | ((shares > others) if detection.mask is not None else False)
        self.latent = fill(self.latent, cells)
        self.touched |= cells
        self.emptied |= cells
        if detection.mask is not None:
            self.holes |= cells
        self._vacated.append(detection)
        self.erased.append(detection)

    def add(self, kind: ObjectKind, right: Sequence[Detection], donors: Sequence[Piece]) -> bool:
        """Put one more object of a kind where most claims hold; False if there is none to copy, or no room.

        A right one of the picture itself is copied before one of ``donors``.
        """
        in_picture = [piece for piece in self.pieces if piece.object in right and kind.fits(piece.object)]
        sources = in_picture or [piece for piece in donors if kind.fits(piece.object)]
        for source in self._rng.sample(sources, min(len(sources), _CHOICES)):
            for piece in variants(source, self._grid):
                place = self._best_place(piece.object, self.objects, self._vacated[-1] if self._vacated else None)
                if place is not None:
                    self._vacated = self._vacated[:-1]
                    self.put(piece, place)
                    return True
        return False

    def settle(self, faults: Faults, held: Sequence[Detection]) -> None:
        """Move objects of failed relations that are not held, as few as possible, to where all claims hold."""
        if not self.failing(self.objects):
            return
        blamed = {id(detection) for relation in faults.relations for detection in (*relation.firsts, *relation.seconds)}
        fixed = {id(detection) for detection in held}
        movable = [piece for piece in self.pieces if id(piece.object) in blamed - fixed]
        self._rng.shuffle(movable)
        for number in range(1, len(movable) + 1):
            for moved in itertools.islice(itertools.combinations(movable, number), _CHOICES):
                places = self._arrangement(moved)
                if places:
                    for piece in moved:
                        self.erase(piece.object)
                    for piece, place in zip(moved, places):
                        self.put(piece, place)
                    return

    def result(self) -> Rearranged | None:
        """What became of it, if more claims hold."""
        failing = self.failing(self.objects)
        if failing >= self._before or not self.touched.any():
            return None
        return Rearranged(self.latent, self.touched, self.holes, failing, self.emptied, tuple(self.erased))

    def _arrangement(self, moved: Sequence[Piece]) -> list[Place]:
        """Places for pieces, one after the other, where all claims hold; none if a few tries don't find any."""
        staying = [piece.object for piece in self.pieces if piece not in moved]
        for _ in range(_TRIES if len(moved) > 1 else 1):
            placed: list[Place] = []
            for piece in moved[:-1]:
                places = self.places(piece.object, [*staying, *(place.object for place in placed)])
                if not places:
                    return []
                placed.append(self._rng.choice(places))
            neighbours = [*staying, *(place.object for place in placed)]
            last = self._best_place(moved[-1].object, neighbours, moved[-1].object)
            if last is not None and not self.failing([*neighbours, last.object]):
                return [*placed, last]
        return []

    def _best_place(
        self, detection: Detection, neighbours: Sequence[Detection], near: Detection | None
    ) -> Place | None:
        """A free place for an object where most claims hold, best ``near`` another object; None if none is free."""

        def key(place: Place) -> tuple[int, float]:
            distance = 1.0 if near is None else math.dist(place.object.center, near.center)
            return self.failing([*neighbours, place.object]), distance * self._rng.uniform(0.5, 1.5)

        return min(self.places(detection, neighbours), key=key, default=None)

    def places(self, detection: Detection, neighbours: Sequence[Detection]) -> list[Place]:
        """Where an object is free of its neighbours."""
        return self._grid.places(detection, neighbours, _PLACES, self._area)

    def put(self, piece: Piece, place: Place) -> None:
        """Show a piece at a place, in front of what is there."""
        rows, columns = place.cells
        if piece.opacity is None:
            self.latent[:, rows, columns] = piece.patch
            self.touched[place.cells] = True
            self.emptied[place.cells] = False
        else:
            self.latent[:, rows, columns] = torch.lerp(self.latent[:, rows, columns], piece.patch, piece.opacity)
            self.touched[place.cells] |= piece.opacity > EDGE
            # Where the object is now, there is no hole; under its soft edge there still is.
            self.holes[place.cells] &= piece.opacity < 0.5
            self.emptied[place.cells] &= piece.opacity < 0.5
        self.pieces.append(replace(piece, object=moved_to(piece.object, place.object.x, place.object.y)))

    def failing(self, objects: Sequence[Detection]) -> int:
        """How many of the claims that boxes decide would fail with these objects."""
        return sum(not judge_by_boxes(claim, objects, self._grid.side).passed for claim in self._claims)


def pieces_of(latent: Tensor, objects: Iterable[Detection], grid: Grid) -> list[Piece]:
    """The objects of a latent (C, h, w) with their cells."""
    return [_piece(latent, detection, grid) for detection in objects]


def scaled(piece: Piece, share: float, mirrored: bool, grid: Grid) -> Piece | None:
    """A piece with its sides shrunk to a share, mirrored or not; None where nothing of it would be left."""
    detection = resized(piece.object, share, mirrored)
    rows, columns = grid.span(detection)
    size = rows.stop - rows.start, columns.stop - columns.start
    if not all(size) or not all(piece.patch.shape[-2:]):
        return None
    patch = piece.patch.flip(-1) if mirrored else piece.patch
    patch = F.interpolate(patch[None], size, mode="bilinear", antialias=True)[0]
    return Piece(detection, patch, _opacity(detection, grid))


def variants(piece: Piece, grid: Grid) -> Iterator[Piece]:
    """A piece as it is; with a mask also mirrored and smaller, which may fit where it does not."""
    yield piece
    if piece.opacity is not None:
        choices = itertools.product(_SHARES, (False, True))
        changed = (scaled(piece, share, mirrored, grid) for share, mirrored in choices if share < 1 or mirrored)
        yield from filter(None, changed)


def seam(arrangement: Rearranged) -> Tensor:
    """The cells (h, w) around holes, as booleans: what is drawn there is joined with what stays by these."""
    return rim(arrangement.holes) & ~arrangement.touched if arrangement.holes.any() else arrangement.holes


def _piece(latent: Tensor, detection: Detection, grid: Grid) -> Piece:
    rows, columns = grid.span(detection)
    return Piece(detection, latent[:, rows, columns].clone(), _opacity(detection, grid))


def _opacity(detection: Detection, grid: Grid) -> Tensor | None:
    """What of its cells an object with a mask takes along: all of those that it covers by half, less of the others."""
    return None if detection.mask is None else (2 * grid.shares(detection)[grid.span(detection)]).clamp(max=1)
