"""An edit as a critic sees it: what is in the source by its list, what the instruction does by the grammar or by the critic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from ..claims import Claim
from ..critics.backend import CriticError
from .edit import Edit
from .instructions import Step, UnreadableInstruction, read_instruction
from .splitting import split_instruction
from .steps import edit_of

if TYPE_CHECKING:
    from ..critics.mllm import MLLMCritic


def edit_by(critic: MLLMCritic, instruction: str, image: Tensor) -> Edit:
    """What an instruction does with an image (H, W, 3) in [0, 1], whose things the critic lists.

    What the grammar cannot read the critic splits into steps. Raises ValueError for an instruction that is empty or speaks of
    nothing in the image, and CriticError where the critic gives no answer that can be read.
    """
    from ..critics.scoring.grounded import list_objects

    try:
        steps = read_instruction(instruction)
    except UnreadableInstruction as error:
        steps = split_instruction(critic, instruction, str(error))
    reply, = list_objects(critic.backend, image[None], [_named(steps)])
    if reply.value is None:
        raise CriticError(f"{critic.backend.name} cannot list what is in the source: {reply.error} An edit needs a critic that "
                          "gives boxes.")
    return edit_of(instruction, steps, image, reply.value)


def _named(steps: Sequence[Step]) -> list[Claim]:
    """Claims whose nouns the critic looks for."""
    phrases = [phrase for step in steps for phrase in (step.thing, step.other) if phrase]
    return [Claim("object", phrase.text, phrase.noun) for phrase in phrases]
