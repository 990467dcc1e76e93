"""What of a prompt is no English: comments, alternatives, scheduling and options of user interfaces."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from .words import is_compound, listed, verb_of

_LINE_COMMENT = re.compile(r"(?<![:\w/])//[^\n]*")
_BRACES = re.compile(r"\{[^{}]{0,1000}\}")
_BRACKETS = re.compile(r"\[[^\[\]]{0,500}\]")
_SCHEDULE = re.compile(r"\[[^:|]*:[^:|]*(?::[^:|]*)?\]\Z")
_NUMBER_AT_END = re.compile(r":\s{0,5}\d{0,4}\.?\d{1,4}\s{0,5}\]\Z")
_MOST_ON_A_SIGN = 4
"""A prompt in quotation marks that has more words is no text to be written."""

_DEPTH = 4
"""Alternatives within alternatives."""

_PLACES = {
    "left": "on the left",
    "right": "on the right",
    "top": "at the top",
    "bottom": "at the bottom",
    "center": "in the center",
    "background": "in the background",
    "foreground": "in the foreground",
}
_BRACKETED_PLACE = re.compile(rf"[(\[]\s?({'|'.join(_PLACES)})\s?[)\]]", re.IGNORECASE)
_SPACED = re.compile(
    r"\b(sci|post|ultra|hyper|photo|close|award|semi|half|high|low|bio|cyber|full|multi|neo|wide|mid|well|black|white)"
    r"[ ]-[ ](?=[a-z])",
    re.IGNORECASE,
)
"""Words that some interfaces part at their hyphens: ``sci - fi``."""
_SPACED_HYPHEN = re.compile(r"(?<!\w)([a-z]{2,20})[ ]-[ ](?=([a-z]{2,20})\b)", re.IGNORECASE)
_SECOND_HALVES = frozenset("like style based free".split())
_SPACED_OWNER = re.compile(r"(?<=\w)[ ]['\u2019][ ](?=s\b)")
_SPACED_DECIMAL = re.compile(r"(?<=\d)\.[ ](?=\d)")
_OPTION_NO = re.compile(r"(?<!\S)--no\s([^\n-]{0,300})")


class Cleaned(NamedTuple):
    """A prompt without what is no part of its sentence, and what was left out of it because the sampler chooses."""

    text: str
    alternatives: tuple[str, ...]


def cleaned(prompt: str) -> Cleaned:
    """Leave out comments, alternatives such as ``{a|b}`` and scheduling such as ``[a:b:0.5]``; takes linear time."""
    text = _LINE_COMMENT.sub("", _without_blocks(_unquoted(prompt)))
    text = _SPACED_DECIMAL.sub(".", _SPACED_OWNER.sub("'", _SPACED_HYPHEN.sub(_hyphenated, _SPACED.sub(r"\1-", text))))
    left_out: list[str] = []

    def drop(match: re.Match[str], chosen: bool) -> str:
        if not chosen:
            return match[0]
        left_out.append(" ".join(match[0].split()))
        return " "

    for _ in range(_DEPTH):
        before = text
        text = _BRACES.sub(lambda match: drop(match, "|" in match[0]), text)
        text = _BRACKETS.sub(lambda match: drop(match, _is_choice(match[0])), text)
        if text == before:
            break
    text = _BRACKETED_PLACE.sub(lambda match: f" {_PLACES[match[1].lower()]} ", text)
    text = _OPTION_NO.sub(lambda match: f", without {match[1].strip().replace(',', ' or')}. ", text)
    return Cleaned(text, tuple(left_out))


def _hyphenated(match: re.Match[str]) -> str:
    """``Ball - jointed`` and ``t - shirt`` without their spaces; other words with a dash between them as they are."""
    first, second = match[1].lower(), match[2].lower()
    known = listed(f"{first}-{second}") or is_compound(f"{first} {second}") or (listed(first + second) and second)
    one = known or second in _SECOND_HALVES or (second.endswith("ed") and verb_of(second) is not None)
    return f"{match[1]}-" if one or f"{first}-{second}" == "spider-man" else match[0]


def _unquoted(prompt: str) -> str:
    """A prompt that stands in quotation marks as a whole, without them."""
    text = prompt.strip()
    pair = text[:1] + text[-1:]
    whole = len(text.split()) > _MOST_ON_A_SIGN and pair in ('""', "\u201c\u201d") and not set(text[1:-1]) & set(pair)
    return text[1:-1] if whole else prompt


def _without_blocks(text: str) -> str:
    """The text without ``/* ... */``; a block that is not closed is kept."""
    kept, position = [], 0
    while (start := text.find("/*", position)) >= 0 and (end := text.find("*/", start + 2)) >= 0:
        kept.append(text[position:start])
        position = end + 2
    return " ".join([*kept, text[position:]])


def _is_choice(bracketed: str) -> bool:
    """``[cat|dog]``, ``[cat:dog:0.5]``, ``[cat:0.5]``; not ``[cat]``."""
    return "|" in bracketed or (_SCHEDULE.match(bracketed) is not None and _NUMBER_AT_END.search(bracketed) is not None)


def is_json(prompt: str) -> bool:
    """Whether a prompt is an object or a list in JSON."""
    if prompt.strip()[:1] not in ("{", "["):
        return False
    try:
        return isinstance(json.loads(prompt), (dict, list))
    except (ValueError, RecursionError):
        return False
