"""An edit as a critic sees it: what is in the source by its list, what the instruction does by the grammar or by the
critic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from ..claims import Claim
from ..critics.backend import CriticError
from ..detections import Detection
from ..edit import Edit
from .claims import edit_claims
from .instructions import Step, UnreadableInstruction, read_instruction
from .splitting import split_instruction
from .steps import edit_of

if TYPE_CHECKING:
    from ..critics.mllm import MLLMCritic


MOST_LISTS = 3
"""A model that sees other things each time stops here."""


def edit_by(critic: MLLMCritic, instruction: str, image: Tensor) -> Edit:
    """What an instruction does with an image (H, W, 3) in [0, 1], whose things the critic lists.

    What the grammar cannot read the critic splits into steps. Raises ValueError for an instruction that is empty,
    speaks of nothing in the image or asks for nothing new, and CriticError where the critic gives no answer that can be
    read."""
    try:
        steps = read_instruction(instruction)
    except UnreadableInstruction as error:
        steps = split_instruction(critic, instruction, str(error))
    asked, wanted = None, _named(steps)
    # Results are judged by a list that names the nouns of all claims, and a model sees more of what it is asked for:
    # only lists that answer the same question can be compared.
    for _ in range(MOST_LISTS):
        if asked == _nouns(wanted):
            break
        asked = _nouns(wanted)
        edit = edit_of(instruction, steps, image, _listed(critic, image, wanted))
        wanted = [claim for claim in edit_claims(edit) if claim.edit is None]
    return edit


def _listed(critic: MLLMCritic, image: Tensor, claims: Sequence[Claim]) -> list[Detection]:
    """What the critic lists in an image, asked for the nouns of claims. Raises CriticError."""
    from ..critics.scoring.grounded import list_objects

    (reply,) = list_objects(critic.backend, image[None], [claims])
    if reply.value is None:
        raise CriticError(
            f"{critic.backend.name} cannot list what is in the source: {reply.error} An edit needs a critic that "
            "gives boxes."
        )
    return reply.value


def _named(steps: Sequence[Step]) -> list[Claim]:
    """Claims whose nouns the critic looks for."""
    phrases = [phrase for step in steps for phrase in (step.thing, step.other) if phrase]
    return [Claim("object", phrase.text, phrase.noun) for phrase in phrases]


def _nouns(claims: Sequence[Claim]) -> set[str]:
    return {noun for claim in claims for noun in (claim.noun, claim.other) if noun}
