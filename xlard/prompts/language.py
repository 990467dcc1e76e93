"""Whether a prompt is in English."""

from __future__ import annotations

import re

from .words import letters

_WORD = re.compile(r"[^\W\d_]+")
_FOREIGN = frozenset(
    """der die das den dem ein eine einen einem einer und mit auf im ist sind zwei drei unter neben vor hinter ueber
    le la les un une des du et avec dans sur sous est deux trois au aux el los las una unos unas con en del y sobre bajo
    dos tres il lo gli uno che di della nel nella sul sulla due tre um uma com dois duas na em de het een van op met
    och med en ett och och jest na z w i nad pod dwa trzy ja kaksi pes dva og""".split()
)
"""Words of the grammar of other languages, in the Latin script."""

_ENGLISH = frozenset("a an the and with of on in at is are to by from two three under behind near".split())
_SHARED = frozenset("in a i an on".split())
_FEW = 3


def is_foreign(prompt: str) -> bool:
    """Whether most of a prompt is in another language or script, as far as its words tell."""
    words = _WORD.findall(prompt[:5000])
    marks = sum(map(len, words))
    if not marks:
        return False
    latin = sum(
        len(word) for word in words if all(letter < "\u0250" or "\u1e00" <= letter < "\u2000" for letter in word)
    )
    if latin < 0.6 * marks:
        return True
    lower = [word.lower() for word in words]
    foreign = sum(word in _FOREIGN and word not in _SHARED for word in lower)
    english = sum(word in _ENGLISH and word not in _SHARED for word in lower)
    unknown = sum(len(word) > 2 and not letters(word) and word not in _ENGLISH for word in lower)
    if len(words) < _FEW:
        return False
    several = len(set(lower) & _FOREIGN) > 1 or (foreign and unknown)
    return bool(several) and foreign > english and foreign + unknown >= 0.5 * len(words)
