"""Rearranging a latent: erase, move and copy objects by the critic's boxes until all claims would hold.

A latent's cells are where its picture's pixels are, so a patch of it can be moved by whole cells, also from one attempt
at a picture to another. What was touched is then renoised to a middle level and sampled on from there, which joins the
patches with what is around them.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..critique import Critique
from ..detections import Detection, ObjectKind
from ..rewards import decidable, judge_by_boxes
from .faults import Faults, faults_of
from .grid import Grid, Place
from .hole_filling import fill

_PLACES = 16
"""Places that are tried along each side of a latent."""

_TRIES, _CHOICES = 12, 6
"""How many arrangements are tried of objects that move together, and how many choices of them."""


@dataclass(frozen=True, eq=False)
class Piece:
    """An object and the cells (C, h, w) of a latent that show it."""

    object: Detection
    patch: Tensor


def rearranged(
    latent: Tensor,
    critique: Critique,
    grid: Grid,
    rng: random.Random,
    donors: Sequence[Piece] = (),
    held: Sequence[Detection] = (),
) -> tuple[Tensor, Tensor] | None:
    """The latent (C, h, w) with objects erased, copied and moved, and the cells (h, w) that were touched.

    Missing objects are copied from the picture itself or from ``donors``. Objects move as little as possible, with some
    chance in it; those that are ``held`` don't move. None if that would not make more claims hold: there are no boxes
    to go by, or a missing object is nowhere to copy from.
    """
    faults = faults_of(critique, rng, held)
    scene = _Scene(latent, critique, grid, rng)
    for detection in faults.wrong:
        scene.erase(detection)
    for kind in faults.missing:
        if not scene.add(kind, faults.right, donors):
            return None
    scene.settle(faults, held)
    return scene.result()


class _Scene:
    """The objects of a picture and its latent while they are rearranged."""

    def __init__(self, latent: Tensor, critique: Critique, grid: Grid, rng: random.Random):
        self._latent, self._grid, self._rng = latent.clone(), grid, rng
        self._claims = [verdict.claim for verdict in critique.verdicts if decidable(verdict.claim)]
        self._before = self._failing(critique.detections)
        self._pieces = pieces_of(latent, critique.detections, grid)
        self._touched = torch.zeros(latent.shape[-2:], dtype=torch.bool)
        self._vacated: list[Detection] = []

    @property
    def _objects(self) -> list[Detection]:
        return [piece.object for piece in self._pieces]

    def erase(self, detection: Detection) -> None:
        """Fill an object's cells with what surrounds them."""
        self._pieces = [piece for piece in self._pieces if piece.object is not detection]
        cells = self._grid.boxes([detection]) & ~self._grid.boxes(self._objects)
        self._latent = fill(self._latent, cells)
        self._touched |= cells
        self._vacated.append(detection)

    def add(self, kind: ObjectKind, right: Sequence[Detection], donors: Sequence[Piece]) -> bool:
        """Put one more object of a kind where most claims hold; False if there is none to copy, or no room.

        A right one of the picture itself is copied before one of ``donors``.
        """
        in_picture = [piece for piece in self._pieces if piece.object in right and kind.fits(piece.object)]
        sources = in_picture or [piece for piece in donors if kind.fits(piece.object)]
        for source in self._rng.sample(sources, min(len(sources), _CHOICES)):
            place = self._best_place(source.object, self._objects, self._vacated[-1] if self._vacated else None)
            if place is not None:
                self._vacated = self._vacated[:-1]
                self._put(source, place)
                return True
        return False

    def settle(self, faults: Faults, held: Sequence[Detection]) -> None:
        """Move objects of failed relations that are not held, as few as possible, to where all claims hold."""
        if not self._failing(self._objects):
            return
        blamed = {id(detection) for relation in faults.relations for detection in (*relation.firsts, *relation.seconds)}
        fixed = {id(detection) for detection in held}
        movable = [piece for piece in self._pieces if id(piece.object) in blamed - fixed]
        self._rng.shuffle(movable)
        for number in range(1, len(movable) + 1):
            for moved in itertools.islice(itertools.combinations(movable, number), _CHOICES):
                places = self._arrangement(moved)
                if places:
                    for piece in moved:
                        self.erase(piece.object)
                    for piece, place in zip(moved, places):
                        self._put(piece, place)
                    return

    def result(self) -> tuple[Tensor, Tensor] | None:
        """The latent and what was touched, if more claims hold."""
        better = self._failing(self._objects) < self._before
        return (self._latent, self._touched) if better and self._touched.any() else None

    def _arrangement(self, moved: Sequence[Piece]) -> list[Place]:
        """Places for pieces, one after the other, where all claims hold; none if a few tries don't find any."""
        staying = [piece.object for piece in self._pieces if piece not in moved]
        for _ in range(_TRIES if len(moved) > 1 else 1):
            placed: list[Place] = []
            for piece in moved[:-1]:
                places = self._grid.places(piece.object, [*staying, *(place.object for place in placed)], _PLACES)
                if not places:
                    return []
                placed.append(self._rng.choice(places))
            neighbours = [*staying, *(place.object for place in placed)]
            last = self._best_place(moved[-1].object, neighbours, moved[-1].object)
            if last is not None and not self._failing([*neighbours, last.object]):
                return [*placed, last]
        return []

    def _best_place(
        self, detection: Detection, neighbours: Sequence[Detection], near: Detection | None
    ) -> Place | None:
        """A free place for an object where most claims hold, best ``near`` another object; None if none is free."""

        def key(place: Place) -> tuple[int, float]:
            distance = 1.0 if near is None else math.dist(place.object.center, near.center)
            return self._failing([*neighbours, place.object]), distance * self._rng.uniform(0.5, 1.5)

        return min(self._grid.places(detection, neighbours, _PLACES), key=key, default=None)

    def _put(self, piece: Piece, place: Place) -> None:
        rows, columns = place.cells
        self._latent[:, rows, columns] = piece.patch
        self._touched[place.cells] = True
        self._pieces.append(replace(piece, object=place.object))

    def _failing(self, objects: Sequence[Detection]) -> int:
        return sum(not judge_by_boxes(claim, objects, self._grid.side).passed for claim in self._claims)


def pieces_of(latent: Tensor, objects: Iterable[Detection], grid: Grid) -> list[Piece]:
    """The objects of a latent (C, h, w) with their cells."""
    spans = ((detection, grid.span(detection)) for detection in objects)
    return [Piece(detection, latent[:, rows, columns].clone()) for detection, (rows, columns) in spans]
