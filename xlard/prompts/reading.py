"""What a prompt says: its things, and how they stand to each other; and what is known while reading it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..english import COLORS
from .lexicon import Quantity
from .noun_phrases import Phrase


@dataclass(frozen=True)
class Relation:
    """Phrase ``a`` stands in ``direction`` of phrase ``b`` (indices into the prompt's phrases)."""

    a: int
    direction: str
    b: int


@dataclass(frozen=True)
class Link:
    """Phrase ``a`` has a relation to ``b`` that boxes cannot decide, and to ``also`` if it is between the two.

    Without ``b`` it says where in the picture ``a`` is.
    """

    a: int
    words: str
    b: int | None = None
    also: int | None = None


@dataclass
class Reading:
    """What a prompt says. ``absent`` are phrases of number 0, which must not be there; ``texts`` are to be written."""

    phrases: list[Phrase] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    absent: list[Phrase] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    _by_noun: dict[str, list[int]] = field(default_factory=dict)

    def add(self, phrase: Phrase) -> int:
        """Add a phrase that must be there; its index."""
        self.phrases.append(phrase)
        self._by_noun.setdefault(phrase.noun, []).append(len(self.phrases) - 1)
        return len(self.phrases) - 1

    def again(self, phrase: Phrase, before: int, one: int | None = None) -> int | None:
        """The first of the phrases up to index ``before``, but not ``one``, that may be meant by ``the cat``."""
        return next(
            (
                index
                for index in self._by_noun.get(phrase.noun, ())
                if index < before and index != one and phrase.color in (None, self.phrases[index].color)
            ),
            None,
        )

    def say(self, index: int | None, *attributes: str) -> None:
        """Say colours and other attributes of a phrase, if there is one."""
        if index is None:
            return
        old = self.phrases[index]
        for attribute in attributes:
            if attribute in COLORS and old.color in (None, attribute):
                old = replace(old, color=attribute)
            elif attribute not in old.attributes:
                old = replace(old, attributes=(*old.attributes, attribute))
        self.phrases[index] = old


@dataclass
class Part:
    """What is known since the last separator: a noun phrase that was begun, and what the next one will be.

    ``main`` is the part's first phrase, ``last`` its last one (indices). ``pending`` is a relation that waits for its
    second phrase: kind, words, first phrase. ``verb`` is what ``standing`` is before a preposition, ``doing`` whether
    the last relation was one of a verb, ``times`` the number that ``each`` multiplies by."""

    words: list[str] = field(default_factory=list)
    quantity: Quantity | None = None
    at_least: bool = False
    last: int | None = None
    main: int | None = None
    pending: tuple[str, str, int | None] | None = None
    verb: str = ""
    doing: bool = False
    times: int = 1
    after_with: bool = False
    after_is: bool = False
    material: bool = False
    absent: bool = False
    was_absent: bool = False
    skipping: bool = False
    ignoring: bool = False
