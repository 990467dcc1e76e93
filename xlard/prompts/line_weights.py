"""The weight of a claim at the end of its line: ``count: two dogs (1.5)``."""

from __future__ import annotations

import re

from ..claims import HEAVIEST

_TIMES = "[xX*\u00d7]"
_NUMBER = r"[-+]?(?:[0-9]{1,400}(?:[.,][0-9]{0,400})?|[.,][0-9]{1,400})(?:e[-+]?[0-9]{1,4})?|[-+]?(?:nan|inf(?:inity)?)"
_WEIGHT = re.compile(rf"\( ?(?:{_TIMES} ?)?({_NUMBER})(?: ?{_TIMES})? ?\)\Z", re.IGNORECASE)
_UNREADABLE = re.compile(r"\([-+]?[0-9\s.,/%xX*\u00d7]{1,400}\)\Z")
_BARE = re.compile(r"(?:\A|\s)[-+xX*\u00d7][0-9]{1,400}(?:[.,][0-9]{1,400})?\Z")
_THOUSANDS = re.compile(r"[-+]?[0-9]{1,3},[0-9]{3}")
_FORM = "A weight is a number above 0 in brackets behind the line, for example (1.5)."


def with_weight(line: str, weight: float) -> str:
    """A line with its weight behind it, left out where it is 1 and the line's own end cannot be taken for one."""
    if weight == 1 and not any(pattern.search(line) for pattern in (_WEIGHT, _UNREADABLE, _BARE)):
        return line
    short = f"{weight:g}"
    return f"{line} ({short if float(short) == weight else repr(weight)})"


def weighed(text: str, any_text: bool) -> tuple[str, float]:
    """The text before its weight, and the weight: ``(2)``, ``(1,5)``, ``(x2)``; 1 where there is none.

    Raises ValueError for a weight that is not above 0 or too large, and for what looks like a weight and is none: in
    brackets, and outside of them where the text may not be ``any_text``.
    """
    match = _WEIGHT.search(text)
    if not match:
        if re.search(r"[0-9]", text) and (_UNREADABLE.search(text) or (not any_text and _BARE.search(text))):
            raise ValueError(f"{_FORM} If the end of the line is no weight, put (1) behind it.")
        return text, 1.0
    if _THOUSANDS.fullmatch(match[1]):
        raise ValueError(f"({match[1]}) may be a fraction or a thousand. {_FORM}")
    weight = float(match[1].replace(",", "."))
    if weight == 0:
        raise ValueError("A weight of 0 has no meaning: write # before the line to disable it.")
    if not 0 < weight <= HEAVIEST:
        raise ValueError(f"A weight must be a finite number above 0, up to {HEAVIEST:,}, for example (1.5).")
    return text[: match.start()].strip(), weight
