"""An edit: a source picture as the critic sees it, and what happens to the objects in it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .detections import Detection, ObjectKind, Zone

if TYPE_CHECKING:
    from torch import Tensor

NEAR = 0.1
"""How far the middle of an object that stayed may have moved, as a share of the picture's longer side: boxes are not
exact.
"""

GROWTH = 0.06
"""How far boxes are grown on each side, as a share of the picture's longer side: shadows and soft edges belong to an
object.
"""


@dataclass(frozen=True, eq=False)
class Target:
    """Where the objects of a kind should stand.

    Either in ``direction`` of those of ``other_kind``, or with their middle in ``zone``, which ``place`` names.
    """

    kind: ObjectKind
    direction: str | None = None
    other_kind: ObjectKind | None = None
    place: str = ""
    zone: Zone | None = None


@dataclass(frozen=True, eq=False)
class Edit:
    """What an instruction does to a source picture (H, W, 3) in [0, 1].

    ``staying`` are its objects that stay, ``touched`` those that the instruction changes, moves or removes.
    ``new_kinds`` are the kinds of the objects that are new afterwards, ``targets`` say where objects should stand.
    ``statements`` must be true of the result, too; with any of them the whole picture may change.
    ``adds_outside``: something may appear outside of the boxes of ``touched``.
    """

    instruction: str
    image: Tensor
    staying: tuple[Detection, ...]
    touched: tuple[Detection, ...]
    new_kinds: tuple[ObjectKind, ...] = ()
    targets: tuple[Target, ...] = ()
    statements: tuple[str, ...] = ()
    adds_outside: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """The source's height and width in pixels."""
        height, width = self.image.shape[:2]
        return height, width

    @property
    def may_change(self) -> Tensor:
        """The pixels (H, W) that may change, as booleans.

        These are the grown boxes of ``touched``, with ``adds_outside`` also the pixels that no staying object covers,
        and with ``statements`` all pixels.
        """
        if self.statements:
            return ~pixels_of((), self.size)
        touched = pixels_of(self.touched, self.size, GROWTH)
        return touched | ~pixels_of(self.staying, self.size) if self.adds_outside else touched

    def still_there(self, detections: Sequence[Detection]) -> list[tuple[Detection, Detection | None]]:
        """Each staying object of the source, and what is where it was in another picture (None: nothing of its
        kind).
        """
        return _paired(self.staying, detections, NEAR * max(self.size))

    def held(self, detections: Sequence[Detection]) -> list[Detection]:
        """The detections that have to stay where they are."""
        return [match for _, match in self.still_there(detections) if match is not None]

    def arrived(self, detections: Sequence[Detection]) -> tuple[list[Detection], list[Detection]]:
        """The detections that were not in the source: those that the instruction asks for, and those that it does not.

        An object that should be gone and is still there is in neither list: other claims say that the instruction was
        not followed.
        """
        new = without(detections, self.held(detections))
        requested: list[Detection] = []
        for kind in self.new_kinds:
            requested += kind.among(without(new, requested))[:1]
        surplus = without(new, requested)
        leftovers = [match for _, match in _paired(self.touched, surplus, NEAR * max(self.size))]
        return requested, without(surplus, leftovers)


def pixels_of(detections: Iterable[Detection], size: tuple[int, int], growth: float = 0.0) -> Tensor:
    """The pixels (H, W) of boxes, grown on each side by a share of the longer side, as booleans."""
    # Imported late: prompts are read into claims, which know edits, in places where torch is not loaded.
    import torch

    mask, margin = torch.zeros(size, dtype=torch.bool), growth * max(size)
    for box in detections:
        top, left = max(0, math.floor(box.y - margin)), max(0, math.floor(box.x - margin))
        bottom, right = math.ceil(box.y + box.height + margin), math.ceil(box.x + box.width + margin)
        mask[top : max(0, bottom), left : max(0, right)] = True
    return mask


def without(detections: Iterable[Detection], excluded: Sequence[Detection | None]) -> list[Detection]:
    """The detections that are none of the excluded ones, by identity: two boxes may be equal."""
    return [d for d in detections if not any(d is match for match in excluded)]


def _paired(
    objects: Iterable[Detection], detections: Sequence[Detection], near: float
) -> list[tuple[Detection, Detection | None]]:
    """Each object with the nearest detection of its kind that is at most ``near`` pixels away; no detection is used
    twice.
    """
    unpaired, pairs = list(detections), []
    for old in objects:
        candidates = [d for d in ObjectKind.of(old).among(unpaired) if _distance(d, old) <= near]
        nearest = min(candidates, key=lambda d: _distance(d, old), default=None)
        unpaired = without(unpaired, [nearest])
        pairs.append((old, nearest))
    return pairs


def _distance(a: Detection, b: Detection) -> float:
    (ax, ay), (bx, by) = a.center, b.center
    return max(abs(ax - bx), abs(ay - by))
