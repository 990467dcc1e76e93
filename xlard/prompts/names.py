"""Names of people, titles and brands in a prompt, by their capital letters."""

from __future__ import annotations

import re

from ..english import singular
from .tagger import FIXED
from .words import letters

_CAPITAL = r"[A-Z][\w\u00c0-\u017f'\u2019-]{0,40}\.?"
_SEQUENCE = re.compile(
    rf"(?<![\w'\u2019-])(?:(?P<the>[Tt]he)[ ])?(?P<name>{_CAPITAL}"
    rf"(?:[ ](?:of[ ]the[ ]|of[ ]|the[ ]|de[ ]|van[ ]|von[ ]|la[ ])?{_CAPITAL}){{1,6}})"
)
_WORD = re.compile(r"[^\W\d_]+")
_TITLE_CASE = 0.5
"""With more capitals than this share of its words, a prompt says nothing by them."""

_LANDMARKS = frozenset(
    """tower bridge house wall temple castle cathedral church palace museum statue canyon mountain volcano arch
    telescope
    shuttle gate pyramid stadium square liberty building park beach""".split()
)
"""Last words of names of things that stand somewhere, and can be seen."""


def name_spans(prompt: str) -> dict[int, int]:
    """Where names begin in a prompt, and where they end: of several words with capitals, one of which is no common one.

    After ``the`` common words are a title, too: ``the Starry Night``.
    """
    words = _WORD.findall(prompt)
    if sum(word[0].isupper() for word in words) > _TITLE_CASE * len(words):
        return {}
    spans = {}
    for match in _SEQUENCE.finditer(prompt):
        parts = match["name"].split(" ")
        start = match.start("name")
        while parts and parts[0].lower() in FIXED:
            start += len(parts.pop(0)) + 1
        last = singular(parts[-1].lower().rstrip(".")) if parts else ""
        if sum(part[0].isupper() for part in parts) < 2 or last in _LANDMARKS:
            continue
        if match["the"] or any(_is_uncommon(part) for part in parts):
            spans[start] = match.end("name") - match["name"].endswith(".")
    return spans


def _is_uncommon(part: str) -> bool:
    word = part.lower().rstrip(".").replace("\u2019", "'")
    return word not in FIXED and letters(word)[:1] in ("", "f")
