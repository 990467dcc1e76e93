"""Changes to claims by hand, one a line: ``off: two red circles``, ``fine: a blue square``, ``weight 2: the cat``."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from ..characters import whole_characters
from ..claims import Claim, NotedClaims, one_line

_LINE = re.compile(r"(off|fine|weight\s+(?P<weight>\S+))\s*:\s*(?P<text>\S.*)", re.IGNORECASE)
_SHOWN_LINE = 300
_FORMS = (
    "A line is 'off: two red circles', 'fine: two red circles' or 'weight 2: two red circles', with the claim's text "
    "as the node lists it."
)


def edited_claims(claims: NotedClaims, edits: str) -> NotedClaims:
    """The claims after changes by hand, a line for each, and notes on what was changed or not found.

    ``off`` leaves the claims of this text out, ``fine`` accepts them as they are, ``weight N`` weighs them. A line
    whose claim is not there any more, since the prompt has changed, only leaves a note. Raises ValueError for a line
    of another form and for a weight that is not above 0 and finite.
    """
    changed: list[Claim] = list(claims)
    notes = list(claims.notes)
    for line in filter(None, map(one_line, edits.splitlines())):
        change, text, weight = _read(line)
        meant = [claim for claim in changed if _same(claim.shown, text)]
        if not meant:
            notes.append(f"changed by hand, but not claimed: {text}")
        elif change == "off":
            changed = [claim for claim in changed if claim not in meant]
            notes.append(f"switched off: {text}")
        else:
            changed = [_changed(claim, change, weight) if claim in meant else claim for claim in changed]
    return NotedClaims(changed, notes)


def _changed(claim: Claim, change: str, weight: float) -> Claim:
    return replace(claim, accepted=True) if change == "fine" else replace(claim, weight=weight)


def _same(shown: str, text: str) -> bool:
    return one_line(shown).casefold() == text.casefold()


def _read(line: str) -> tuple[str, str, float]:
    """The change that a line makes, the text of its claim, and its weight, 1 where it gives none."""
    match = _LINE.fullmatch(line)
    shown = whole_characters(line[:_SHOWN_LINE])
    if match is None:
        raise ValueError(f"The change of a claim '{shown}' cannot be understood. {_FORMS}")
    if match["weight"] is None:
        return match[1].lower(), match["text"], 1.0
    try:
        weight = float(match["weight"])
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise ValueError(f"The weight in '{shown}' is no number above 0. {_FORMS}")
    return "weight", match["text"], weight
