"""What of a prompt became no claim: how much it is, which claims are too many, and how it is said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ..claims import MOST_CLAIMS
from .parser import PromptClaims

NOT_UNDERSTOOD, NOT_CHECKED = "not understood:", "not checked:"

_WORD = re.compile(r"[^\W_]+")


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
    """The first ``most`` claims, which are the surest; the texts of the others go before what is not checked."""
    more = tuple(claim.text for claim in read.claims[most:])
    return replace(read, claims=read.claims[:most], not_checked=(*more, *read.not_checked))


def note_lines(read: PromptClaims) -> list[str]:
    """What became no claim, a line for each kind: ``not understood: ...`` and ``not checked: ...``."""
    kinds = ((NOT_UNDERSTOOD, read.not_understood), (NOT_CHECKED, read.not_checked))
    return [f"{kind} {_joined(texts)}" for kind, texts in kinds if texts]


def is_note(line: str) -> bool:
    """Whether a line is one of ``note_lines``, and no claim."""
    return line.lower().startswith((NOT_UNDERSTOOD, NOT_CHECKED))


def _joined(texts: Sequence[str]) -> str:
    return "; ".join(" ".join(text.split()) for text in texts)
