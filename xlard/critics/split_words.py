"""Whether a prompt says what a claim is about, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..english import singular

_WORD = re.compile(r"[^\W\d_]+")
_JOINING = frozenset(
    "a an the of in on at to by with without from for and or as is are be no not it its there that this one".split()
)
_SAME = {"eyeglasses": "glass"}
"""What a noun is called here, and the word that prompts have for it."""


def foreign_nouns(nouns: Sequence[str], text: str, prompt: str) -> list[str]:
    """The nouns of a claim that are not in a prompt, in the singular or the plural.

    For a claim without nouns its text, if it shares no word with the prompt but such as ``of`` and ``the``.
    """
    said = _words(prompt)
    if not nouns:
        return [] if said & _words(text) else [text]
    return [noun for noun in nouns if not _words(noun) or not _words(noun) <= said]


def _words(text: str) -> set[str]:
    words = _WORD.findall(text.lower())
    # A single letter is one of 8k, f/1.8 or 3D.
    names = (word for word in words if word not in _JOINING and (len(word) > 1 or not word.isascii()))
    return {_SAME.get(word, singular(word)) for word in names}
