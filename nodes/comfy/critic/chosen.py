"""The claims that a node checks: those that are connected, else those of its prompt."""

from __future__ import annotations

from ....xlard.claims import MOST_CLAIMS, NotedClaims
from ....xlard.loop.rounds import BatchRound
from ..accepted import as_claims


def chosen_claims(
    prompt: str, claims: object | None, critic: object | None = None, most: int = MOST_CLAIMS, edits: str = ""
) -> NotedClaims:
    """The claims that are connected, else at most ``most`` of the prompt, with notes on what became none.

    There may be none: then there is nothing to check. A critic that can write splits a prompt that the rules hardly
    understand. ``edits`` are changes by hand, see ``claim_edits``. Raises ValueError for an empty prompt and for edits
    that cannot be understood, TypeError for anything but claims.
    """
    connected = as_claims(claims)
    return changed_claims(_of_prompt(prompt, critic, most) if connected is None else connected, edits)


def changed_claims(claims: NotedClaims, edits: str) -> NotedClaims:
    """The claims after changes by hand. Raises ValueError for edits that cannot be understood."""
    if not edits.strip():
        return claims
    # Imported late: the tables of the rules take a third of the time that the pack may add to ComfyUI's start.
    from ....xlard.prompts.claim_edits import edited_claims

    return edited_claims(claims, edits)


def _of_prompt(prompt: str, critic: object | None, most: int) -> NotedClaims:
    if not prompt.strip():
        raise ValueError(
            "The prompt is empty. Write what should be there, for example 'two red circles left of a blue square', or "
            "connect xLARD Claims with claims of your own."
        )
    # Imported late, as above.
    from ....xlard.critics.splitting import split

    return split(prompt, critic, most)


def claims_of_round(state: object | None) -> NotedClaims | None:
    """The claims that a loop began with, where ``state`` is a later round of it."""
    if not isinstance(state, BatchRound):
        return None
    return NotedClaims(state.states[0].claims, state.states[0].notes)
