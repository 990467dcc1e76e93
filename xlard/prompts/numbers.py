"""Digits in prompts: which of them count things, and which are sizes, years, ratios and parts of names."""

from __future__ import annotations

from collections.abc import Collection, Sequence

UNCOUNTED = "#"
"""Before a token that is a number and no count."""

_UNITS = frozenset(
    """k mm cm m km px dpi fps hz khz mhz th st nd rd kg g lb lbs ft inch inches degree degrees year years yo old
    percent mp
    iso bit bits d s am pm o'clock p i x feet foot meter meters metre metres mile miles hour hours minute minutes second
    seconds point points century centuries % megapixel megapixels stop stops pixels pixel""".split()
)
"""Words after numbers that are no counts of things."""

_BEFORE = frozenset(
    "iso f version v engine number no vol volume chapter part level step steps seed ps xbox age aged".split()
)
"""Words before numbers that belong to them."""

_AGES = frozenset({"year", "years", "month", "months"})
_RANGES = frozenset({"to", "or", "-"})


def uncounted(tokens: Sequence[str], small: Collection[str]) -> list[str]:
    """Tokens with numbers that count nothing marked, digits with spaces between them joined, and ranges as their start.

    ``small`` are the words for numbers: ``two to three`` is ``at least two``.
    """
    result: list[str] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.isdecimal():
            end = index + 1
            while len(token) == end - index and end < len(tokens) and tokens[end].isdecimal() and len(tokens[end]) == 1:
                token += tokens[end]
                end += 1
            after = tokens[end] if end < len(tokens) else "."
            if after in _UNITS or (result and result[-1] in _BEFORE):
                result.append(UNCOUNTED + token + (f" {after}" if after in _UNITS else ""))
                index = end + (after in _UNITS)
                # "A 10 year old boy" is not old.
                index += after in _AGES and tokens[index : index + 1] == ["old"]
                continue
            tokens_after, index = after, end
        else:
            tokens_after, index = tokens[index + 1] if index + 1 < len(tokens) else ".", index + 1
        low, _, high = token.partition("-")
        if low.isdecimal() and high.isdecimal():
            result += ["at", "least", low] if len(low) < 4 else [UNCOUNTED + token]
            continue
        number = token.isdecimal() or token in small
        second = tokens[index + 1] if index + 1 < len(tokens) else "."
        if number and tokens_after in _RANGES and (second.isdecimal() or second in small):
            result += ["at", "least", token]
            index += 2
        else:
            result.append(token)
    return result
