"""Parts of speech of the words of a prompt, by a small averaged perceptron.

``xlard/prompts/training/tagger.py`` trains it. Reference: Collins, "Discriminative Training Methods for Hidden Markov
Models", 2002; greedy from left to right.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from .words import letters

STEP = 0.1
"""Weights are kept to this precision."""

_PACKED = re.compile(r"([NAVGDRFO])(-?\d+)")
TAGS = "NAVGDRFO"
"""Nouns, adjectives, finite verbs, verbs in -ing, participles, adverbs, names, and all others."""

FIXED = frozenset(
    """a an the this that these those my your our his her their its any all every some several many multiple various few
    no not and or but nor plus of in on at by to from for with without into onto over under above below beneath behind
    beside between among near next inside outside through across along around against off up down out as than like
    is are was were be been being has have had it he she they him them i we you who which where while when if so
    there here each both another other one two three four five six seven eight nine ten , .""".split()
) | {"\n"}
"""Words that have no other part of speech in prompts; contexts name them."""


def context(word: str) -> str:
    """A word as its neighbours see it."""
    return word if word in FIXED else f"{letters(word)[:2]}-{word[-2:]}"


def features(words: Sequence[str], contexts: Sequence[str], index: int, before: str, second: str) -> Iterator[str]:
    """What speaks for the tag of a word; ``before`` and ``second`` are the tags of the two words before it."""
    word = words[index]
    last = contexts[index - 1] if index else "."
    after = contexts[index + 1] if index + 1 < len(words) else "."
    next_but_one = contexts[index + 2] if index + 2 < len(words) else "."
    kinds = letters(word)
    yield f"w{word}"
    yield f"s{word[-3:]}"
    yield f"k{kinds}"
    yield f"t{before}{second}"
    yield f"l{last}"
    yield f"n{after}"
    yield f"kt{kinds[:3]}{before}{second}"
    yield f"kn{kinds[:3]}{after}"
    yield f"kl{kinds[:3]}{last}"
    yield f"ln{before}{last}|{after}"
    yield f"m{kinds[:2]}{before}|{next_but_one}"
    yield f"nn{after}|{next_but_one}"


class Tagger:
    """Weights by feature: for each of ``TAGS`` one. They may be packed as text, which is read when it is needed."""

    def __init__(self, weights: dict[str, dict[str, float]], packed: dict[str, str] | None = None) -> None:
        self.weights, self.packed = weights, packed or {}

    def tags(self, words: Sequence[str]) -> list[str]:
        """The tag of each word; words are in lower case."""
        found: list[str] = []
        contexts = [context(word) for word in words]
        before = second = "O"
        for index, word in enumerate(words):
            tag = "O" if word in FIXED else self._best(features(words, contexts, index, before, second))
            found.append(tag)
            before, second = tag, before
        return found

    def _best(self, found: Iterator[str]) -> str:
        scores = dict.fromkeys(TAGS, 0.0)
        for feature in found:
            weights = self.weights.get(feature)
            if weights is None:
                text = self.packed.get(feature)
                if text is None:
                    continue
                weights = self.weights[feature] = unpacked(text)
            for tag, weight in weights.items():
                scores[tag] += weight
        return max(scores, key=lambda tag: scores[tag])


def packed(weights: dict[str, float]) -> str:
    """Weights of a feature as text: ``N12A-7``, in steps of ``STEP``."""
    return "".join(f"{tag}{round(weight / STEP)}" for tag, weight in weights.items() if round(weight / STEP))


def unpacked(text: str) -> dict[str, float]:
    """The weights of a feature from its text."""
    return {tag: int(number) * STEP for tag, number in _PACKED.findall(text)}


@lru_cache(maxsize=1)
def load_tagger() -> Tagger:
    """The tagger that ships with the parser."""
    text = gzip.decompress((Path(__file__).parent / "tagger.txt.gz").read_bytes()).decode("utf-8")
    return Tagger({}, dict(line.split("\t") for line in text.split("\n")))
