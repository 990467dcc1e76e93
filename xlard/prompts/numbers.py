"""Digits in prompts: which of them count things, and which are sizes, years, ratios and parts of names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

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
    """iso route highway interstate platform runway flight boeing airbus formula f version v engine
    number no vol volume chapter part level step steps seed ps xbox age aged""".split()
)
"""Words before numbers that belong to them."""

_AGES = frozenset({"year", "years", "month", "months"})
_RANGES = frozenset({"to", "or", "-"})


_LARGE = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_NOT_EXACT = frozenset("about approximately roughly circa".split())
_BEFORE_NOT_EXACT = frozenset(". , ( \n with of contains containing showing".split())
"""Before ``over ten`` and ``around ten`` that say how many there are, and not where something is."""


def _value(token: str, small: Collection[str]) -> int:
    """The number that a token is, 2 for words, 0 for none."""
    if token.isdecimal() and len(token) < 4:
        return int(token)
    return 1 if token in ("a", "an", "one") else 2 if token in small or token == "dozen" else 0


def without_large(tokens: Sequence[str], small: Collection[str], numbers: Mapping[str, int]) -> list[str]:
    """Tokens with ``two hundred`` as 200, and other numbers of which no exact count comes as fewer or ``many``."""
    result: list[str] = []
    index = 0
    while index < len(tokens):
        token, before = tokens[index], result[-1] if result else "."
        ahead = (*tokens[index + 1 : index + 5], ".", ".", ".", ".")
        first = _value(ahead[0], small)
        starts = before in _BEFORE_NOT_EXACT or result[-2:] == ["there", "are"]
        nearly = token in ("almost", "nearly") and "dozen" in ahead[:2]
        if token in _LARGE and (before in ("a", "one") or before in small or before.isdecimal()):
            number = numbers.get(before, 1) if not before.isdecimal() else int(before[:9])
            several = _value(ahead[0], small) or ahead[0] in _LARGE or (ahead[0] == "and" and _value(ahead[1], small))
            total = number * _LARGE[token]
            exact = total < 1000 and not several
            result[-1] = str(total) if exact else "many"
            index += 1
            while not exact and index < len(tokens) and (_value(tokens[index], small) > 1 or tokens[index] in _LARGE):
                index += 1
        elif _value(token, small) and token not in ("a", "an") and ahead[:3] == ("and", "a", "half"):
            result += ["at", "least", token]
            index += 4
        elif token == "over" and starts and first and ahead[0] not in ("a", "an", "one"):
            result += ["at", "least"]
            index += 1
        elif token == "over" and starts and ahead[0] == "a" and ahead[1] in (*_LARGE, "dozen"):
            result += ["at", "least"]
            index += 1
        elif (token in _NOT_EXACT or nearly or (token == "around" and starts)) and _follows(ahead, small):
            # At least two of them, as a plural says.
            index += 2 + (ahead[1] == "dozen") + (ahead[0] == "half" and ahead[2] == "dozen")
            result.append("many")
        elif token == "between" and first > 1 and ahead[1] == "and" and _value(ahead[2], small) > 1:
            result += ["at", "least", ahead[0]]
            index += 4
        elif _value(token, small) > 1 and ahead[0] == "by" and _value(ahead[1], small) > 1:
            result.append(UNCOUNTED + f"{token} by {ahead[1]}")
            index += 3
        elif _value(token, small) > 1 and ahead[:2] == ("or", "more"):
            result += ["at", "least", token]
            index += 3
        else:
            result.append(token)
            index += 1
    return result


def _follows(ahead: Sequence[str], small: Collection[str]) -> bool:
    """Whether a number of two or more follows that is no size."""
    if ahead[0] in ("a", "half") and "dozen" in ahead[1:3]:
        return True
    return _value(ahead[0], small) > 1 and ahead[1] not in _UNITS and not ahead[1].isdecimal()


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
