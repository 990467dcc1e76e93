"""An edit model changes the best picture by one instruction that names every failed claim.

EPIC (arXiv 2605.11722) and RAISE owe most of their gain to such edits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from .edit_instruction import EditInstruction, instruction_of
from .plan import Plan, Situation
from .written_instruction import WrittenInstruction

TRIES = 2
"""How many rounds begin from the same picture, each with other noise."""


@dataclass(frozen=True)
class EditByModel:
    """The best picture and an instruction given to a model for editing; see ``edit_instruction``.

    The model keeps by itself what it is not told to change, nearly as it was. Where the rest has to stay to the last
    bit, only the part that the instruction is about is taken from its picture.
    """

    name: ClassVar[str] = "edit"

    def plan(self, situation: Situation) -> Plan | None:
        """None where nobody edits, nothing is known to fail, or both tries are used up and others may go on."""
        best, edit = situation.state.best, situation.state.edit
        used_up = situation.tries(self.name) >= TRIES and not situation.edits_only
        if situation.edit_nfe is None or used_up:
            return None
        instruction = instruction_of(best.foreground)
        if not instruction.changes:
            return None
        region = _region(instruction, situation)
        if region is not None and not region.any():
            return None
        if edit is not None and best is situation.state.first and situation.state.from_source:
            # Nothing has been done yet, and nobody says better what to do than the artist.
            changes, text = edit.instruction, f"{edit.instruction.rstrip(' .')}; {instruction.to_keep}"
        else:
            written = (situation.instruct or WrittenInstruction.of_rules)(instruction)
            changes, text = written.reason, written.text
        return Plan(
            self.name,
            1.0,
            situation.seed,
            situation.edit_nfe(),
            changes,
            region,
            prompt=best.prompt,
            failing=best.critique.abstentions,
            instruction=text,
        )


def _region(instruction: EditInstruction, situation: Situation) -> Tensor | None:
    """The cells (h, w) of the latent that may change, as booleans; None: all of them."""
    drawn = situation.drawn_area
    area = None if drawn is None else drawn.cpu() > 0
    if situation.keeps_rest:
        pixels = instruction.may_change(situation.image_size)
        cells = F.adaptive_max_pool2d(pixels[None].float(), situation.size)[0] > 0
        area = cells if area is None else cells & area
    return None if area is None or area.all() else area
