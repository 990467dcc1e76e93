"""Holes in pictures, what is drawn in them, and from which prompt: by a fill model, or by the model that draws all."""

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
    """A hole, the cells (h, w) of a picture's latent as booleans, the prompt for it, and what is avoided there.

    ``by_model`` says that a fill model redraws it, and not the model that drew the picture.
    """

    cells: Tensor = field(repr=False)
    prompt: str
    avoid: str = ""
    by_model: bool = True

    @property
    def drawn_as(self) -> tuple:
        """Equal for holes that can be drawn together. A fill model draws each alone."""
        return (self.by_model,) if self.by_model else (self.by_model, self.prompt, self.avoid)

    def within(self, area: Tensor) -> Fill:
        """The part of it inside of an area (h, w)."""
        return replace(self, cells=self.cells & area)


def fill_with_all(cells: Tensor, state: LoopState) -> Fill:
    """A hole in which anything of the prompt may be seen."""
    # Where claims are connected, the prompt may be empty. A model that reads of no cup draws one.
    said = ", ".join(claim.text for claim in state.claims if claim.number and claim.edit is None)
    return Fill(cells, state.best.prompt or state.prompt or said)


def fill_without(objects: Sequence[Detection], cells: Tensor, state: LoopState, by_model: bool = True) -> Fill:
    """A hole in which nothing of the kinds of some objects may be seen: their place, as the prompt says it."""
    kinds = list(dict.fromkeys(map(ObjectKind.of, objects)))
    avoid = ", ".join(object_text(kind.noun, kind.color) for kind in kinds)
    return Fill(cells, prompt_without(kinds, state.prompt, state.claims), avoid, by_model)
