"""The edit of a picture whose objects a critic lists; the grammar reads the instruction, or else the critic splits
it.
"""

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
"""How often the objects are listed at most: some models see other objects each time."""


def edit_by(critic: MLLMCritic, instruction: str, image: Tensor) -> Edit:
    """What an instruction does to an image (H, W, 3) in [0, 1] whose objects the critic lists.

    An instruction that the grammar cannot read is split into steps by the critic. Raises ValueError for an instruction
    that is empty, names no object of the image or asks for nothing new, and CriticError if no answer of the critic can
    be read.
    """
    try:
        steps = read_instruction(instruction)
    except UnreadableInstruction as error:
        steps = split_instruction(critic, instruction, str(error))
    # Results are judged by a list that asks for the nouns of all claims, and a model sees more of the nouns that it is
    # asked for: only lists that answer the same question can be compared.
    claims = _claims_of_phrases(steps)
    nouns = _nouns(claims)
    for _ in range(MOST_LISTS):
        edit = edit_of(instruction, steps, image, _listed(critic, image, claims))
        claims = [claim for claim in edit_claims(edit) if claim.edit is None]
        if _nouns(claims) == nouns:
            break
        nouns = _nouns(claims)
    return edit


def _listed(critic: MLLMCritic, image: Tensor, claims: Sequence[Claim]) -> list[Detection]:
    """The objects that the critic lists in an image when it is asked for the nouns of claims. Raises CriticError."""
    from ..critics.scoring.grounded import list_objects

    (reply,) = list_objects(critic.backend, image[None], [claims])
    if reply.value is None:
        raise CriticError(
            f"{critic.backend.name} cannot list what is in the source: {reply.error} An edit needs a critic that "
            "gives boxes."
        )
    return reply.value


def _claims_of_phrases(steps: Sequence[Step]) -> list[Claim]:
    """Claims that name the nouns of the steps, for the critic to look for."""
    phrases = [phrase for step in steps for phrase in (step.thing, step.other) if phrase]
    return [Claim("object", phrase.text, phrase.noun) for phrase in phrases]


def _nouns(claims: Sequence[Claim]) -> set[str]:
    return {noun for claim in claims for noun in (claim.noun, claim.other) if noun}
