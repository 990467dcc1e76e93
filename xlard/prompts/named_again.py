"""Which phrase names a thing that was named before."""

from __future__ import annotations

from dataclasses import replace

from .lexicon import Quantity, Symbol
from .noun_phrases import Phrase
from .reading import Clause, Pending, Reading
from .vocabulary import BODY_PARTS

_NEAR = 12
"""How many phrases back the same thing may have been named without an article between."""

UNKNOWN = Quantity(None)
"""A part of a group that nobody knows the size of."""


class PhraseState:
    """What is read so far, with a method ``_kind`` for each kind of symbol in noun phrases and between two of them.

    ``index`` is that of the symbol that is read. Of phrases, by their index: ``subject`` is what the clauses of a
    sentence are about, ``person`` who acts in it, ``topic`` the first phrase of the sentence before, and ``sentence``
    where the phrases of this one begin. ``fronted`` is a relation that stands before its first phrase, with the index
    of its second, ``place`` a place that stands before the phrase that is there, ``between`` the index of a link that
    waits for a third phrase.
    """

    def __init__(self, symbols: list[Symbol], literal: bool, telegram: bool = False) -> None:
        self.symbols, self.literal, self.telegram, self.reading = symbols, literal, telegram, Reading()
        self.clause = Clause()
        self.subject: int | None = None
        self.person: int | None = None
        self.topic: int | None = None
        self.sentence = 0
        self.fronted: tuple[str, str, int] | None = None
        self.place = ""
        self.between: int | None = None
        self.index = 0
        self.of_another = False
        self.definite = False
        self.elided: tuple[list[str], Quantity | None] | None = None
        self.about: int | None = None
        self.part: tuple[int, int] | None = None
        self.last_pending: Pending | None = None
        self.refusing = False

    @property
    def _at_end(self) -> bool:
        """Whether a tag or a sentence ends here."""
        return self.index + 1 >= len(self.symbols) or self.symbols[self.index].kind in ("comma", "stop", "line")

    @property
    def _next(self) -> Symbol:
        return self.symbols[self.index + 1] if self.index + 1 < len(self.symbols) else Symbol("stop")


class NamedAgain(PhraseState):
    """Which phrase names a thing that was named before."""

    def _index(self, phrase: Phrase, quantity: Quantity | None, first: int | None) -> int:
        """The phrase's index.

        ``The cat`` is the cat of an earlier sentence. In ``the cat is``, and in ``left of the cat`` as the second
        phrase of a relation whose ``first`` one is another, it may be one of the same sentence.
        """
        if self.literal:
            return self.reading.add(phrase)
        definite = quantity is not None and quantity.number is None
        group = self._group_of(phrase, first) if definite and not self.clause.part else None
        if group is not None:
            # One of several that were named before: what is said of it is said of no other.
            self.clause.part = UNKNOWN
            if phrase.color and self.reading.phrases[group].color is None:
                self.reading.parts.append((group, 1, phrase.color))
            return group
        repeated = None if definite else self._repeated(phrase, quantity)
        if repeated is not None:
            if quantity is not None and repeated < self.sentence:
                self.reading.uncertain.add(phrase.noun)
            self.reading.enlarge(repeated, phrase)
            return repeated
        before = len(self.reading.phrases)
        named = definite and self.symbols[self.index].kind != "place"
        again = self.symbols[self.index].kind == "is" or first is not None
        if named or quantity is None:
            # In "the cat and the cat" there are two, and in "cats, a black cat" too.
            before = len(self.reading.phrases) if again or not self.clause.joined else self.sentence
            index = self.reading.earlier(phrase, before, first)
            if index is None and named:
                index = self._by_its_head(phrase, first)
            if index is not None and (named or self._same_number(phrase, index)):
                self.reading.describe(index, *phrase.attributes)
                return index
        elif quantity is not None and self.symbols[self.index].kind == "is" and quantity.exact:
            index = self.reading.earlier(replace(phrase, color=None), self.sentence or len(self.reading.phrases))
            if index is not None and self._is_part(phrase, index):
                self.part = index, phrase.number
                return index
        group = self._group_of(phrase, first) if self._is_single(phrase, quantity) else None
        if group is not None and group < self.sentence:
            # "Three cups. A red cup is on top": perhaps one of them, and perhaps another.
            self.reading.uncertain.add(phrase.noun)
            self.clause.part = UNKNOWN
            return group
        same = self._same_in_another_sentence(phrase, quantity)
        if same is not None:
            # Nobody knows whether "a cup" and "a red cup" of two sentences are one.
            self.reading.uncertain.add(phrase.noun)
            self.reading.enlarge(same, phrase)
            return same
        if self.telegram and quantity is None and (index := self.reading.earlier(phrase, before, first)) is not None:
            if phrase.number > sum(other.number for other in self.reading.phrases if other.noun == phrase.noun):
                self.reading.enlarge(index, phrase)
            return index
        if self._may_be_another(phrase):
            self.reading.uncertain.add(phrase.noun)
        return self.reading.add(phrase)

    def _by_its_head(self, phrase: Phrase, first: int | None) -> int | None:
        """``The bear`` after ``a teddy bear``: the only thing named before that ends so."""
        found = [
            index
            for index, before in enumerate(self.reading.phrases[-_NEAR:], max(0, len(self.reading.phrases) - _NEAR))
            if before.noun.endswith(" " + phrase.noun) and before.number == phrase.number and index != first
        ]
        return found[0] if len(found) == 1 and phrase.color is None and not self.clause.joined else None

    def _repeated(self, phrase: Phrase, quantity: Quantity | None) -> int | None:
        """The phrase that a whole tag names again: ``1girl, cute girl`` is one girl; None for ``another girl``."""
        clause = self.clause
        inside = clause.main is not None or clause.pending or clause.joined or clause.after_with or self.last_pending
        last = self.index + 1 == len(self.symbols)
        ends = last or self.symbols[self.index].kind in ("comma", "stop", "line", "bracket")
        if self.fronted or inside or not ends or (quantity is not None and quantity.kind == "another"):
            return None
        index = self.reading.earlier(replace(phrase, color=None), len(self.reading.phrases))
        if index is None:
            return None
        before = self.reading.phrases[index]
        if phrase.noun in BODY_PARTS and quantity is None and index >= self.sentence:
            return index if None in (before.color, phrase.color) or before.color == phrase.color else None
        return index if phrase.color == before.color and set(phrase.attributes) <= set(before.attributes) else None

    def _same_in_another_sentence(self, phrase: Phrase, quantity: Quantity | None) -> int | None:
        """The one thing of an earlier sentence that this one may be, too."""
        counted = quantity is not None and quantity.kind == "one" and quantity.number == phrase.number
        if not counted or not phrase.boxed or self.clause.joined:
            return None
        index = self.reading.earlier(replace(phrase, color=None), self.sentence)
        if index is None:
            return None
        before = self.reading.phrases[index]
        colors, attributes = {before.color, phrase.color} - {None}, (set(before.attributes), set(phrase.attributes))
        if not before.exact and before.number == 2 and phrase.exact and phrase.number > 1 and len(colors) < 2:
            return index
        alike = len(colors) < 2 and (attributes[0] <= attributes[1] or attributes[1] <= attributes[0])
        return index if alike and before.number == phrase.number == 1 and before.noun == phrase.noun else None

    @staticmethod
    def _is_single(phrase: Phrase, quantity: Quantity | None) -> bool:
        return quantity is not None and quantity.kind == "one" and quantity.number == 1 and phrase.number == 1

    def _group_of(self, phrase: Phrase, first: int | None) -> int | None:
        """The things named before of which ``the red cup`` is one; None if there are none."""
        if phrase.number != 1 or not phrase.boxed or self.clause.joined:
            return None
        same = self.reading.earlier(phrase, len(self.reading.phrases), first)
        if same is None:
            same = self.reading.earlier(replace(phrase, color=None), len(self.reading.phrases), first)
            if same is not None and self.reading.phrases[same].color is not None:
                return None
        return same if same is not None and self.reading.phrases[same].number > 1 else None

    def _may_be_another(self, phrase: Phrase) -> bool:
        """Whether ``a cloud, a fluffy cloud`` describes one cloud or two, which nobody knows."""
        earlier = [other for other in self.reading.phrases[-_NEAR:] if other.noun == phrase.noun]
        bare = any(not other.attributes and other.color is None and other.exact for other in earlier)
        return (
            bare and not self.clause.joined and phrase.color is None and bool(phrase.attributes) and phrase.number == 1
        )

    def _same_number(self, phrase: Phrase, index: int) -> bool:
        earlier = self.reading.phrases[index]
        return earlier.number == phrase.number or (phrase.number == 1 and earlier.number == 1)

    def _is_part(self, phrase: Phrase, index: int) -> bool:
        """Whether ``two goats are`` are two of the three goats named before."""
        earlier = self.reading.phrases[index]
        return (
            index < self.sentence and earlier.number > phrase.number and earlier.color is None and phrase.color is None
        )
