"""What English words can be: a list from WordNet that says which nouns are things, and a lookup of inflected forms.

Letters of the list, the most frequent use first: nouns are ``t`` things that can be counted and boxed, ``p`` people,
``b`` parts of a body, ``m`` masses, ``s`` scenes without a border, ``g`` groups, ``x`` what no box holds, ``f`` names;
then ``v`` verbs, ``a`` adjectives, ``r`` adverbs. ``xlard/prompts/training/word_list.py`` makes it.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path

from ..english import singular
from .verbs import bases

NOUNS = "tpbmsgxf"
SURE = frozenset("tpbms")
"""Kinds of nouns that a picture can show."""


@lru_cache(maxsize=1)
def _list() -> dict[str, str]:
    text = gzip.decompress((Path(__file__).parent / "words.txt.gz").read_bytes()).decode("utf-8")
    return dict(line.rsplit(" ", 1) for line in text.split("\n"))


def listed(noun: str) -> str:
    """The letters of a word or compound as it stands in the list, empty if it is not there."""
    return _list().get(noun, "")


@lru_cache(maxsize=8192)
def letters(word: str) -> str:
    """What a word can be as it is written: the letters of the list, ``N`` plural nouns, and ``G``, ``D``, ``V``, ``B``
    for verbs in -ing, participles, third persons and base forms.
    """
    own = listed(word)
    result = own.replace("v", "B")
    one = singular(word)
    if one != word and any(letter in NOUNS for letter in listed(one)):
        result += "N"
    for base, form in bases(word):
        if form != "base" and "v" in listed(base):
            letter = {"ing": "G", "ed": "D", "third": "V", "past": "V"}[form]
            if letter not in result:
                result = letter + result if letter in "GD" and own in ("", "f") else result + letter
    return result


@lru_cache(maxsize=8192)
def verb_of(word: str) -> tuple[str, str] | None:
    """The verb that a word is a form of, and the form: ``ing``, ``ed``, ``third``, ``past`` or ``base``."""
    for base, form in sorted(bases(word), key=lambda pair: pair[1] == "base"):
        if "v" in listed(base):
            return base, form
    return None


@lru_cache(maxsize=8192)
def noun_kind(noun: str) -> str:
    """The letter of a noun in the singular, of its longest known ending: ``t`` of ``wooden rocking chair``; else
    empty."""
    words = noun.partition(" of ")[0].split()
    for start in range(len(words)):
        ending = " ".join(words[start:])
        for form in (
            ending,
            singular(ending),
            ending.removesuffix("s"),
            ending.replace("-", " "),
            ending.rpartition("-")[2],
        ):
            for letter in listed(form):
                if letter in NOUNS:
                    return letter
    return ""


def is_compound(words: str) -> bool:
    """Whether words with spaces are one noun of the list."""
    return " " in words and words in _list()
