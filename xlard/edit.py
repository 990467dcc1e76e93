"""An edit: a source picture as the critic sees it, and what becomes of what is there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .detections import Detection, matching

Kind = tuple[str, str | None]
"""Noun and colour (None: none is known)."""

NEAR = 0.1
"""How far the middle of a thing that stayed may have moved, as a share of the picture's longer side: boxes are not
exact."""


GROWTH = 0.06
"""How far boxes are grown on each side, as a share of the picture's longer side: shadows and soft edges go with a
thing."""


@dataclass(frozen=True, eq=False)
class Target:
    """Where the things of a kind are to stand: in ``direction`` of those of another kind, or with their middle in a
    zone."""

    kind: Kind
    direction: str | None = None
    other: Kind | None = None
    place: str = ""
    zone: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Edit:
    """What becomes of a source picture (H, W, 3) in [0, 1].

    ``kept`` are the things of it that stay, ``touched`` those that the instruction changes, moves or removes.
    ``coming`` are the kinds of things that are there afterwards in their place, or beside what is there, ``targets``
    where they stand. ``statements`` are what must be true besides; where there are any, all of the picture may change.
    ``roams``: something may appear outside of the boxes of what is touched."""

    instruction: str
    image: Tensor
    kept: tuple[Detection, ...]
    touched: tuple[Detection, ...]
    coming: tuple[Kind, ...] = ()
    targets: tuple[Target, ...] = ()
    statements: tuple[str, ...] = ()
    roams: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """The source's height and width in pixels."""
        return tuple(self.image.shape[:2])

    @property
    def may_change(self) -> Tensor:
        """The pixels (H, W) that may change, as booleans: the grown boxes of what is touched, or all that is free."""
        if self.statements:
            return torch.ones(self.size, dtype=torch.bool)
        touched = pixels_of(self.touched, self.size, GROWTH)
        return touched | ~pixels_of(self.kept, self.size) if self.roams else touched

    def still_there(self, found: Sequence[Detection]) -> list[tuple[Detection, Detection | None]]:
        """Each thing that stays, and what is where it was among ``found`` (None: nothing of its kind)."""
        return _paired(self.kept, found, NEAR * max(self.size))

    def held(self, found: Sequence[Detection]) -> list[Detection]:
        """Those of ``found`` that have to stay where they are."""
        return [stayed for _, stayed in self.still_there(found) if stayed is not None]

    def arrived(self, found: Sequence[Detection]) -> tuple[list[Detection], list[Detection]]:
        """Those of ``found`` that were not there before: the ones that the instruction asks for, and the others.

        What should have gone and is still there is neither: that the instruction was not followed, other claims say.
        """
        new = without(found, self.held(found))
        asked: list[Detection] = []
        for noun, color in self.coming:
            asked += matching(without(new, asked), noun, color)[:1]
        others = without(new, asked)
        return asked, without(others, [d for _, d in _paired(self.touched, others, NEAR * max(self.size))])


def kind_of(d: Detection) -> Kind:
    """Noun and colour of a thing."""
    return d.noun, d.color


def pixels_of(found: Iterable[Detection], size: tuple[int, int], growth: float = 0.0) -> Tensor:
    """The pixels (H, W) of boxes, grown on each side by a share of the longer side, as booleans."""
    mask, margin = torch.zeros(size, dtype=torch.bool), growth * max(size)
    for d in found:
        top, left = max(0, math.floor(d.y - margin)), max(0, math.floor(d.x - margin))
        mask[top : max(0, math.ceil(d.y + d.height + margin)), left : max(0, math.ceil(d.x + d.width + margin))] = True
    return mask


def without(objects: Iterable[Detection], others: Sequence[Detection | None]) -> list[Detection]:
    """The objects that are none of the others, by identity: two boxes may be equal."""
    return [d for d in objects if not any(d is other for other in others)]


def _paired(
    things: Iterable[Detection], found: Sequence[Detection], near: float
) -> list[tuple[Detection, Detection | None]]:
    """Each thing with the nearest one of its kind among ``found`` that is so near to it, each of which goes to one
    thing."""
    left, pairs = list(found), []
    for thing in things:
        same = [d for d in matching(left, thing.noun, thing.color) if _distance(d, thing) <= near]
        stayed = min(same, key=lambda d: _distance(d, thing), default=None)
        left = without(left, [stayed])
        pairs.append((thing, stayed))
    return pairs


def _distance(a: Detection, b: Detection) -> float:
    (ax, ay), (bx, by) = a.center, b.center
    return max(abs(ax - bx), abs(ay - by))
