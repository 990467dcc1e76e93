"""What a prompt says: its objects, and the relations between them; and what is known while it is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

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
    """What a prompt says.

    ``absent`` are phrases of number 0, which must not be there; ``texts`` are to be written; ``parts`` say of a phrase
    how many of its objects have an attribute; of ``uncertain`` nouns there may be more than are named. ``unread`` are
    words that were not understood, ``unchecked`` those that
    were, and say nothing that is checked.
    """

    phrases: list[Phrase] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    absent: list[Phrase] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    parts: list[tuple[int, int, str]] = field(default_factory=list)
    uncertain: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    _by_noun: dict[str, list[int]] = field(default_factory=dict)

    def add(self, phrase: Phrase) -> int:
        """Add a phrase that must be there; its index."""
        self.phrases.append(phrase)
        # "The cup" may be a cup of coffee.
        for noun in dict.fromkeys((phrase.noun, phrase.noun.partition(" of ")[0])):
            self._by_noun.setdefault(noun, []).append(len(self.phrases) - 1)
        return len(self.phrases) - 1

    def earlier(self, phrase: Phrase, before: int, excluded: int | None = None) -> int | None:
        """The first phrase with an index below ``before``, and not ``excluded``, that ``the cat`` may mean."""
        return next(
            (
                index
                for index in self._by_noun.get(phrase.noun, ())
                if index < before and index != excluded and phrase.color in (None, self.phrases[index].color)
            ),
            None,
        )

    def enlarge(self, index: int, again: Phrase) -> None:
        """Let a phrase that is named again have the larger number of the two, and what both say of it."""
        phrase = self.phrases[index]
        if again.number > phrase.number:
            self.phrases[index] = replace(phrase, number=again.number, exact=again.exact)
        self.describe(index, *([again.color] if again.color else []), *again.attributes)

    def describe(self, index: int | None, *attributes: str) -> None:
        """Add colours and other attributes to a phrase; without an index nothing happens."""
        if index is None:
            return
        phrase = self.phrases[index]
        for attribute in attributes:
            if attribute in COLORS and phrase.color in (None, attribute):
                phrase = replace(phrase, color=attribute)
            elif attribute not in phrase.attributes:
                phrase = replace(phrase, attributes=(*phrase.attributes, attribute))
        self.phrases[index] = phrase


class Pending(NamedTuple):
    """A relation that waits for its second phrase.

    ``kind`` is ``direction``, ``link`` or ``verb``, ``first`` the index of its first phrase (None: the relation stands
    before it), ``also`` those of others that have it too.
    """

    kind: str
    words: str
    first: int | None
    also: tuple[int, ...] = ()


@dataclass
class Clause:
    """What is known since the last separator: a noun phrase that has begun, and what the next one will be.

    ``main`` is the clause's first phrase, ``last`` its last one (indices). ``verb`` is ``standing`` before a
    preposition. ``doing``: the last relation was one of a verb. ``times`` is the number that ``each`` multiplies by.
    ``skipping``: the next phrase is left out; ``ignoring``: all that follows is. ``joined`` are phrases that ``and``
    joins to the one to come; ``owned``: after ``whose``, where the verb tells of what is owned; ``lost``: the
    last words named nothing, so that what follows is not said of another thing; ``nobody``: the clause began with such
    words; ``finite``: a verb or ``is`` has told
    what ``main`` does; ``part``: the next phrase is what so many belong to, of which this clause tells, and ``whole``
    is then the index of that phrase; ``each``: its object is there once
    for each subject, as ``of_each`` announces; ``holder``: the phrase that ``with`` tells of; ``leans``: the clause
    goes on about
    the subject of the one before; ``ignored`` are the words that were left out.
    """

    words: list[str] = field(default_factory=list)
    quantity: Quantity | None = None
    at_least: bool = False
    last: int | None = None
    main: int | None = None
    pending: Pending | None = None
    verb: str = ""
    doing: bool = False
    times: int = 1
    after_with: bool = False
    after_is: bool = False
    owned: bool = False
    material: bool = False
    absent: bool = False
    was_absent: bool = False
    skipping: bool = False
    ignoring: bool = False
    joined: tuple[int, ...] = ()
    finite: bool = False
    lost: bool = False
    nobody: bool = False
    part: Quantity | None = None
    whole: int | None = None
    each: bool = False
    of_each: bool = False
    holder: int | None = None
    leans: bool = False
    ignored: list[str] = field(default_factory=list)
