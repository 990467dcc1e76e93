"""RepairPairs a latent by hand: erase, move and copy objects by the critic's boxes, so that all claims would hold.

A latent's cells are where its picture's pixels are, so that a patch of it can be moved by whole cells, from one attempt
at a picture to another, too. What was touched is then renoised to a mid level and drawn on from there, which joins the
patches with what is around them."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..critique import Critique
from ..detections import Detection, ObjectKind
from ..rewards import decidable, judge_by_boxes
from .faults import Faults, faults_of
from .regions import Grid, Place

_PLACES = 16
"""Places that are tried along each side of a latent."""

_TRIES, _CHOICES = 12, 6
"""How many arrangements are tried of objects that move together, and how many choices of them."""

_COARSE = 16
"""Cells along a side from which a hole is filled at a fraction of the size first."""

_FILLS, _SMOOTHINGS = 200, 8
"""How often values are averaged with those around: at the smallest size, and at a larger one after that."""


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

    What is missing is copied from the picture itself or from ``donors``. Things move as little as will do, with some
    chance in it; those that are ``held`` don't. None where that would not make more claims hold: there are no boxes to
    go by, or what is missing is nowhere to copy from."""
    faults = faults_of(critique, rng, held)
    scene = _Scene(latent, critique, grid, rng)
    for d in faults.wrong:
        scene.erase(d)
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

    def erase(self, d: Detection) -> None:
        """Fill an object's cells with what surrounds them."""
        self._pieces = [piece for piece in self._pieces if piece.object is not d]
        cells = self._grid.boxes([d]) & ~self._grid.boxes(self._objects)
        self._latent = fill(self._latent, cells)
        self._touched |= cells
        self._vacated.append(d)

    def add(self, kind: ObjectKind, right: Sequence[Detection], donors: Sequence[Piece]) -> bool:
        """Put one more object of a kind where most claims hold; False where there is none to copy, or no room.

        A right one of the picture itself is copied rather than one of ``donors``.
        """
        own = [piece for piece in self._pieces if piece.object in right and kind.fits(piece.object)]
        sources = own or [piece for piece in donors if kind.fits(piece.object)]
        for source in self._rng.sample(sources, min(len(sources), _CHOICES)):
            place = self._best_place(source.object, self._objects, self._vacated[-1] if self._vacated else None)
            if place is not None:
                self._vacated = self._vacated[:-1]
                self._put(source, place)
                return True
        return False

    def settle(self, faults: Faults, held: Sequence[Detection]) -> None:
        """Move objects of failed relations that are not held, as few as will do, to where all claims hold."""
        if not self._failing(self._objects):
            return
        blamed = {id(d) for relation in faults.relations for d in (*relation.firsts, *relation.seconds)} - set(
            map(id, held)
        )
        movable = [piece for piece in self._pieces if id(piece.object) in blamed]
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
        """Places for pieces, one after the other, so that all claims hold; none where a few tries do not find any."""
        still = [piece.object for piece in self._pieces if piece not in moved]
        for _ in range(_TRIES if len(moved) > 1 else 1):
            placed: list[Place] = []
            for piece in moved[:-1]:
                places = self._grid.places(piece.object, [*still, *(place.object for place in placed)], _PLACES)
                if not places:
                    return []
                placed.append(self._rng.choice(places))
            others = [*still, *(place.object for place in placed)]
            last = self._best_place(moved[-1].object, others, moved[-1].object)
            if last is not None and not self._failing([*others, last.object]):
                return [*placed, last]
        return []

    def _best_place(self, d: Detection, others: Sequence[Detection], near: Detection | None) -> Place | None:
        """A free place for ``d`` where most claims hold, rather one ``near`` another object; None where none is
        free."""

        def key(place: Place) -> tuple[int, float]:
            away = 1.0 if near is None else math.dist(place.object.center, near.center)
            return self._failing([*others, place.object]), away * self._rng.uniform(0.5, 1.5)

        return min(self._grid.places(d, others, _PLACES), key=key, default=None)

    def _put(self, piece: Piece, place: Place) -> None:
        self._latent[(..., *place.cells)] = piece.patch
        self._touched[place.cells] = True
        self._pieces.append(replace(piece, object=place.object))

    def _failing(self, objects: Sequence[Detection]) -> int:
        return sum(not judge_by_boxes(claim, objects, self._grid.side).passed for claim in self._claims)


def pieces_of(latent: Tensor, objects: Iterable[Detection], grid: Grid) -> list[Piece]:
    """The objects of a latent (C, h, w) with their cells."""
    return [Piece(d, latent[(..., *grid.span(d))].clone()) for d in objects]


def fill(latents: Tensor, holes: Tensor) -> Tensor:
    """Latents (..., C, h, w) with the cells of their holes (..., h, w) interpolated smoothly from those around
    (Laplace's equation).

    A latent that is all hole stays as it is.
    """
    holes = (holes & ~holes.all(dim=(-2, -1), keepdim=True)).unsqueeze(-3)
    if not holes.any():
        return latents
    known = (~holes).to(latents.dtype)
    factor = -(-max(latents.shape[-2:]) // _COARSE)
    if factor == 1:
        begun, rounds = (
            (latents * known).sum(dim=(-2, -1), keepdim=True) / known.sum(dim=(-2, -1), keepdim=True),
            _FILLS,
        )
    else:
        begun, rounds = _coarsely(latents, known, factor), _SMOOTHINGS
    filled = torch.where(holes, begun, latents)
    for _ in range(rounds):
        padded = F.pad(filled, (1, 1, 1, 1), mode="replicate")
        around = (padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]) / 4
        filled = torch.where(holes, around, latents)
    return filled


def _coarsely(latents: Tensor, known: Tensor, factor: int) -> Tensor:
    """What a fill of the latents at a fraction of their size comes to: at full size values would take long to get
    anywhere."""
    size, channels = latents.shape[-2:], latents.shape[:-3]
    latents, known = (values.reshape(-1, *values.shape[-3:]) for values in (latents * known, known))
    weights = F.avg_pool2d(known, factor, ceil_mode=True)
    means = F.avg_pool2d(latents, factor, ceil_mode=True) / weights.clamp_min(1e-6)
    coarse = F.interpolate(
        fill(means, weights[:, 0] == 0), size=[side * factor for side in means.shape[-2:]], mode="bilinear"
    )
    return coarse[..., : size[0], : size[1]].reshape(*channels, *coarse.shape[-3:-2], *size)
