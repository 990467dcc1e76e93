"""Who reads a prompt into claims: the rules, or a critic that can write where they understand too little."""

from __future__ import annotations

from ..claims import MOST_CLAIMS, NotedClaims
from ..prompts.parser import PromptClaims, read_claims
from ..prompts.unclaimed import limited, note_lines, taken_whole, understood_share
from .backend import CriticError
from .decompose import SplitError, decompose
from .mllm import MLLMCritic
from .registry import as_writer

UNDERSTOOD = 0.5
"""Share of a prompt's words from which on the rules read it, whatever critic there is."""

TAKEN_WHOLE = "The rules cannot read this prompt: it is one claim as a whole, which the critic is asked about."
NEEDS_WRITER = "Connect a critic that can write, and it splits the prompt."


def split(
    prompt: str, critic: object | None = None, most: int = MOST_CLAIMS, critic_first: bool = False
) -> NotedClaims:
    """The claims of a prompt, at most ``most``, with notes on what became none.

    The rules read it, unless they understand less than ``UNDERSTOOD`` of its words and the critic can write: then its
    model splits it, and the rules read it only if that fails. With ``critic_first`` the critic splits every prompt.
    Raises CriticError where that fails, and TypeError where the critic cannot write.
    """
    read, notes = read_claims(prompt), []
    writer = as_writer(critic) if critic_first else writer_of(critic)
    if writer and (critic_first or understood_share(prompt, read) < UNDERSTOOD):
        try:
            few = limited(PromptClaims(tuple(decompose(writer, prompt))), most)
            return NotedClaims(few.claims, [*note_lines(few), f"{writer.backend.name} split the prompt into claims."])
        except CriticError as error:
            if critic_first:
                raise
            cause = error.cause if isinstance(error, SplitError) else error
            notes.append(f"{writer.backend.name} could not split the prompt into claims: {cause}")
    if taken_whole(read):
        notes.append(TAKEN_WHOLE if writer else f"{TAKEN_WHOLE} {NEEDS_WRITER}")
    few = limited(read, most)
    return NotedClaims(few.claims, [*note_lines(few), *notes])


def writer_of(critic: object | None) -> MLLMCritic | None:
    """The critic if its model can be asked in words."""
    if critic is None:
        return None
    try:
        return as_writer(critic)
    except TypeError:
        return None
