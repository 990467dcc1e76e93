"""Holes in pictures that a fill model redraws, and what it is told to draw there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from ..claims import object_text
from ..detections import Detection, ObjectKind
from .object_prompts import prompt_without
from .state import LoopState

BY_MODEL = "redrawn by the fill model"
"""What the reason of a round says where a fill model took part."""


@dataclass(frozen=True, eq=False)
class Fill:
    """A hole, the cells (h, w) of a picture's latent as booleans, the prompt for it, and what is avoided there."""

    cells: Tensor = field(repr=False)
    prompt: str
    avoid: str = ""

    def within(self, area: Tensor) -> Fill:
        """The part of it inside of an area (h, w)."""
        return replace(self, cells=self.cells & area)


def fill_with_all(cells: Tensor, state: LoopState) -> Fill:
    """A hole in which anything of the prompt may be seen."""
    # Where claims are connected, the prompt may be empty.
    said = ", ".join(claim.text for claim in state.claims)
    return Fill(cells, state.best.prompt or state.prompt or said)


def fill_without(objects: Sequence[Detection], cells: Tensor, state: LoopState) -> Fill:
    """A hole in which nothing of the kinds of some objects may be seen: their place, as the prompt says it."""
    kinds = list(dict.fromkeys(map(ObjectKind.of, objects)))
    avoid = ", ".join(object_text(kind.noun, kind.color) for kind in kinds)
    return Fill(cells, prompt_without(kinds, state.prompt, state.claims), avoid)
