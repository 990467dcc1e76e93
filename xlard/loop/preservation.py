"""What a picture kept of an earlier one: its right objects, and its pixels outside of what was wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ..critique import Critique
from ..detections import Detection, overlap
from ..edit import pixels_of
from .faults import faults_of

IN_PLACE = 0.5
"""Overlap (IoU) from which an object is where it was."""

AROUND = 0.1
"""How much larger than its box, as a share of the picture's longer side, the part of a wrong object is that may
change.
"""


@dataclass(frozen=True)
class Preserved:
    """Of a picture's ``right`` objects, how many are still there, in place and right (``kept``); the mean change of
    pixels in [0, 1] outside of what was wrong; and whether anything ``changed`` at all.
    """

    right: int
    kept: int
    outside: float
    changed: bool

    @property
    def text(self) -> str:
        """It in a few words; without objects only the change of pixels."""
        objects = f"{self.kept} of {self.right} right objects in place, " if self.right else ""
        return f"{objects}pixels changed by {self.outside:.1%}"


def preserved(before: Critique, after: Critique, image: Tensor, later: Tensor) -> Preserved:
    """What a ``later`` picture (H, W, 3) kept of an ``image``, by critiques of both on the same claims.

    Of too many of a kind, any may be taken away: those that are in both pictures are the right ones.
    """
    # Which of the others are surplus is drawn: always in the same way.
    right_after = faults_of(after, random.Random(0), _in_both(after, before)).right
    faults, still_there = faults_of(before, random.Random(0), _in_both(before, after)), list(right_after)
    kept = 0
    for thing in faults.right:
        found = [other for other in still_there if _same(thing, other)]
        if found:
            still_there.remove(max(found, key=lambda other: overlap(thing, other)))
            kept += 1
    change = (later.to(image) - image).abs().mean(dim=-1).cpu()
    outside = change[~_around(faults.wrong, change)]
    return Preserved(len(faults.right), kept, outside.mean().item() if len(outside) else 0.0, bool(change.any()))


def _in_both(critique: Critique, other: Critique) -> list[Detection]:
    """What a critic sees in one picture that is where it is in another one, too."""
    return [seen for seen in critique.detections if any(_same(seen, there) for there in other.detections)]


def _same(before: Detection, after: Detection) -> bool:
    return before.label == after.label and overlap(before, after) >= IN_PLACE


def _around(wrong: Sequence[Detection], like: Tensor) -> Tensor:
    """Where wrong objects and their surroundings are, (H, W)."""
    return pixels_of(wrong, (like.shape[0], like.shape[1]), AROUND)
