"""What of a prompt became no claim: how much it is, which claims are too many, and how it is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..claims import MOST_CLAIMS, MOST_CLAIMS_IN_ALL, NOTHING_TO_CHECK, Claim
from .emojis import EMOJI
from .parser import PromptClaims, claims_from_prompt

NOT_UNDERSTOOD, NOT_CHECKED = "not understood:", "not checked:"

_MOST_NAMED = 10
"""More prompts than these are not named one by one."""

_WORD = re.compile(rf"[^\W_]+|{EMOJI}")


def understood_share(prompt: str, read: PromptClaims) -> float:
    """The share in [0, 1] of a prompt's words that the rules understood: all but those in ``not_understood``.

    A prompt that the rules took as one claim was not understood at all, and an empty one was.
    """
    if taken_whole(read):
        return 0.0
    words = len(_WORD.findall(prompt))
    unread = sum(len(_WORD.findall(text)) for text in read.not_understood)
    return max(0.0, 1 - unread / words) if words else 1.0


def taken_whole(read: PromptClaims) -> bool:
    """Whether the rules made one claim of the whole prompt, as of one in another language.

    Of what they can read, they make no ``custom`` claims.
    """
    return any(claim.type == "custom" for claim in read.claims)


def limited(read: PromptClaims, most: int = MOST_CLAIMS) -> PromptClaims:
    """The first ``most`` claims, which are the surest, and never more than ``MOST_CLAIMS_IN_ALL``; the texts of the
    others go before what is not checked.
    """
    most = min(most, MOST_CLAIMS_IN_ALL)
    more = tuple(claim.text for claim in read.claims[most:])
    return replace(read, claims=read.claims[:most], not_checked=(*more, *read.not_checked))


def prompts_with_claims(
    prompts: Sequence[str], claims_for: Callable[[str], Sequence[Claim]] = claims_from_prompt
) -> tuple[list[str], list[str]]:
    """The prompts that make claims, and those that make none. Raises ValueError if all make none."""
    kept = [prompt for prompt in prompts if claims_for(prompt)]
    without = [prompt for prompt in dict.fromkeys(prompts) if prompt not in set(kept)]
    if not kept:
        raise ValueError(
            f"No claim could be read out of {_named(without) or 'an empty list of prompts'}, so nothing in its pictures"
            " could be judged. Write what should be there, for example 'two red circles'."
        )
    return kept, without


def skipped_note(without: Sequence[str]) -> str:
    """One line that names the prompts that were skipped because they make no claims; empty for none."""
    return f"Skipped, {NOTHING_TO_CHECK}: {_named(without)}" if without else ""


def _named(prompts: Sequence[str]) -> str:
    more = f" and {len(prompts) - _MOST_NAMED} more" if len(prompts) > _MOST_NAMED else ""
    kind = "the prompts " if len(prompts) > 1 else "the prompt "
    return kind + ", ".join(map(repr, prompts[:_MOST_NAMED])) + more if prompts else ""


def note_lines(read: PromptClaims) -> list[str]:
    """What became no claim, a line for each kind: ``not understood: ...`` and ``not checked: ...``."""
    kinds = ((NOT_UNDERSTOOD, read.not_understood), (NOT_CHECKED, read.not_checked))
    return [f"{kind} {_joined(texts)}" for kind, texts in kinds if texts]


def is_note(line: str) -> bool:
    """Whether a line is one of ``note_lines``, and no claim."""
    return line.lower().startswith((NOT_UNDERSTOOD, NOT_CHECKED))


def _joined(texts: Sequence[str]) -> str:
    return "; ".join(" ".join(text.split()) for text in texts)
