"""Prompts that are lists of facts without articles: ``cup on table. person wear hat. cup near person``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .lexicon import Symbol, Word
from .verbs import participle
from .words import letters

_LEAST = 3
"""Fewer sentences are no list."""

_LONGEST = 8
"""Symbols of a sentence at most."""


def is_telegram(symbols: list[Symbol]) -> bool:
    """Whether every sentence is short and none has an article or a number: of each thing there may be several."""
    sentences = list(_sentences(symbols))
    short = all(len(sentence) <= _LONGEST for sentence in sentences)
    return (
        len(sentences) >= _LEAST and short and not any(symbol.kind in ("quantity", "is", "comma") for symbol in symbols)
    )


def with_verbs(symbols: list[Symbol]) -> list[Symbol]:
    """The symbols of a telegram, where the second of three words is a verb if it can be: ``hand touch grass``."""
    result: list[Symbol] = []
    for sentence in _sentences(symbols):
        if len(sentence) == 3 and all(symbol.text for symbol in sentence) and "B" in letters(sentence[1].text):
            verb = sentence[1].text
            act = Symbol("act", participle(verb), Word(verb, "A"), "ing", verb)
            sentence = [sentence[0], act, replace(sentence[2], kind="word")]
        result += [*sentence, Symbol("stop")]
    return result


def _sentences(symbols: list[Symbol]) -> Iterator[list[Symbol]]:
    sentence: list[Symbol] = []
    for symbol in [*symbols, Symbol("stop")]:
        if symbol.kind in ("stop", "line"):
            if sentence:
                yield sentence
            sentence = []
        else:
            sentence.append(symbol)
