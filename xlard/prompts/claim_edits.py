"""Changes to claims by hand, one a line: ``off: two red circles``, ``fine: a blue square``, ``weight 2: the cat``,
``reword: two red circles -> three red circles``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..characters import whole_characters
from ..claims import Claim, NotedClaims, one_line
from .claim_lines import with_words

_LINE = re.compile(r"(off|fine|reword|weight\s+(?P<weight>\S+))\s*:\s*(?P<text>\S.*)", re.IGNORECASE)
_ARROW = " -> "
_SHOWN_LINE = 300
_FORMS = (
    "A line is 'off: two red circles', 'fine: two red circles', 'weight 2: two red circles' or 'reword: two red "
    "circles -> three red circles', with the claim's text as the node lists it."
)


@dataclass(frozen=True)
class _Change:
    """What a line changes (``off``, ``fine``, ``weight`` or ``reword``) of the claims of a text."""

    kind: str
    text: str
    weight: float = 1.0


def edited_claims(claims: NotedClaims, edits: str) -> NotedClaims:
    """The claims after changes by hand, a line for each, and notes on what was changed or not found.

    ``off`` leaves the claims of this text out, ``fine`` accepts them as they are, ``weight N`` weighs them, ``reword``
    puts what stands behind the arrow in the place of their words; other lines name a reworded claim by its old words or
    by its new ones. A line whose claim is not there any more, since the prompt has changed, only leaves a note. Raises
    ValueError for a line of another form and for a weight that is not above 0 or too large.
    """
    changed: list[Claim] = list(claims)
    notes = list(claims.notes)
    for line in filter(None, map(one_line, edits.splitlines())):
        change = _read(line)
        text, words = _halves(change.text, changed, line) if change.kind == "reword" else (change.text, "")
        meant = [claim for claim in changed if _is(claim, text)]
        if not meant:
            notes.append(f"changed by hand, but not claimed: {text}")
        elif change.kind == "off":
            changed = [claim for claim in changed if claim not in meant]
            notes.append(f"switched off: {text}")
        elif change.kind == "reword":
            changed = [with_words(claim, words) if claim in meant else claim for claim in changed]
            notes.append(f"reworded: {text}{_ARROW}{words}")
        else:
            changed = [_changed(claim, change) if claim in meant else claim for claim in changed]
    return NotedClaims(changed, notes)


def _changed(claim: Claim, change: _Change) -> Claim:
    return replace(claim, accepted=True) if change.kind == "fine" else replace(claim, weight=change.weight)


def _is(claim: Claim, text: str) -> bool:
    return text.casefold() in (one_line(shown).casefold() for shown in (claim.shown, claim.original))


def _halves(text: str, claims: Sequence[Claim], line: str) -> tuple[str, str]:
    """The text of a claim and its new words; an arrow may be part of the claim. Raises ValueError without an arrow."""
    ends = [match.start() for match in re.finditer(_ARROW, text)]
    if not ends:
        raise ValueError(_not_understood(line))
    halves = [(text[:end], text[end + len(_ARROW) :]) for end in ends]
    return next((half for half in halves if any(_is(claim, half[0]) for claim in claims)), halves[0])


def _read(line: str) -> _Change:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(_not_understood(line))
    if match["weight"] is None:
        return _Change(match[1].lower(), match["text"])
    try:
        weight = float(match["weight"])
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise ValueError(f"The weight in '{_shown(line)}' is no number above 0. {_FORMS}")
    return _Change("weight", match["text"], weight)


def _not_understood(line: str) -> str:
    return f"The change of a claim '{_shown(line)}' cannot be understood. {_FORMS}"


def _shown(line: str) -> str:
    return whole_characters(line[:_SHOWN_LINE])
