"""Reads a prompt's noun phrases from left to right, and sees where its clauses and sentences end."""

from __future__ import annotations

from dataclasses import replace

from ..english import COLOR_NOUNS, COLORS, singular
from .lexicon import Quantity, Symbol
from .noun_phrases import ADJECTIVES, Phrase, make_phrase, split_colors
from .reading import Clause, Link, Reading, Relation
from .vocabulary import BODY_PARTS, MEDIA, OPINIONS, PEOPLE, SHADES, TRANSITIVE

MODIFIERS = ADJECTIVES | COLORS | SHADES | OPINIONS | {"and"}
"""Words that describe things, and name none."""

_TRANSITIVE_FORMS = frozenset(TRANSITIVE.values())


class PhraseReader:
    """What is read so far, with a method ``_kind`` for each kind of symbol in noun phrases and between two of them.

    ``index`` is that of the symbol that is read. Of phrases, by their index: ``subject`` is what the clauses of a
    sentence are about, ``person`` who acts in it, ``topic`` the first phrase of the sentence before, and ``sentence``
    where the phrases of this one begin. ``fronted`` is a relation that stands before its first phrase, with the index
    of its second, ``place`` a place that stands before the phrase that is there, ``between`` the index of a link that
    waits for a third phrase.
    """

    def __init__(self, symbols: list[Symbol], literal: bool) -> None:
        self.symbols, self.literal, self.reading = symbols, literal, Reading()
        self.clause = Clause()
        self.subject: int | None = None
        self.person: int | None = None
        self.topic: int | None = None
        self.sentence = 0
        self.fronted: tuple[str, str, int] | None = None
        self.place = ""
        self.between: int | None = None
        self.index = 0

    @property
    def _next(self) -> Symbol:
        return self.symbols[self.index + 1] if self.index + 1 < len(self.symbols) else Symbol("stop")

    @property
    def _referent(self) -> int | None:
        """The phrase that a relation or an attribute belongs to."""
        return self.clause.last if self.clause.last is not None else self.subject

    @property
    def _actor(self) -> int | None:
        """The phrase that a verb belongs to: after "a girl, a hat, long hair" the girl."""
        if self.clause.last is not None:
            return self.clause.last
        return self.subject if self.person is None else self.person

    @property
    def _has_noun(self) -> bool:
        modifiers = COLORS - COLOR_NOUNS if self.literal else MODIFIERS
        return any(word not in modifiers for word in self.clause.words)

    @property
    def _nothing_yet(self) -> bool:
        return self.clause.last is None and self.subject is None and not self.literal

    # Noun phrases

    def _word(self, symbol: Symbol) -> None:
        self.clause.words.append(symbol.text)

    def _quantity(self, symbol: Symbol) -> None:
        self._flush()
        old, new = self.clause.quantity, symbol.value
        if new.number is None and old:
            return
        if new.kind == "dozen" and old and old.number:
            new = Quantity(old.number * 12)
        self.clause.quantity = replace(new, exact=False) if self.clause.at_least else new

    def _at_least(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.at_least = True

    def _of(self, symbol: Symbol) -> None:
        words = self.clause.words
        if self._nothing_yet and words and singular(words[-1]) in MEDIA:
            self.clause = Clause()
        elif words and self._next.kind == "word" and "of" not in words:
            words.append("of")
        else:
            self._flush()

    def _shows(self, symbol: Symbol) -> None:
        if self._nothing_yet and self.clause.words and singular(self.clause.words[-1]) in MEDIA:
            self.clause = Clause()
        else:
            self._separate()

    def _flush(self) -> None:
        """End the noun phrase that has begun."""
        clause = self.clause
        words, quantity = clause.words, clause.quantity
        if not words:
            return
        clause.words, clause.quantity, clause.at_least = [], None, False
        if clause.skipping:
            clause.skipping = False
        elif clause.material:
            clause.material = False
            self.reading.describe(self._referent, "made of " + " ".join(word for word in words if word not in OPINIONS))
        elif clause.after_is and clause.last is not None:
            # "The dog is a poodle" names no second thing.
            clause.after_is = False
            if quantity is None and all(word in MODIFIERS for word in words):
                rest, colors = split_colors(words)
                self.reading.describe(clause.last, *colors, *(word for word in rest if word in ADJECTIVES))
        elif clause.absent:
            phrase = make_phrase(words, Quantity(0), self.literal)
            clause.absent, clause.was_absent, clause.pending = False, True, None
            if phrase:
                self.reading.absent.append(replace(phrase, attributes=()))
        else:
            self._add(make_phrase(words, quantity, self.literal), quantity)

    def _add(self, phrase: Phrase | None, quantity: Quantity | None) -> None:
        clause, pending = self.clause, self.clause.pending
        clause.pending = None
        if phrase is None:
            return
        if clause.times > 1:
            phrase, clause.times = replace(phrase, number=phrase.number * clause.times), 1
        index = self._index(phrase, quantity, pending.first if pending else None)
        if pending:
            if pending.first is None:
                self.fronted = pending.kind, pending.words, index
            else:
                self._relate(pending.kind, pending.first, pending.words, index)
        elif self.fronted:
            kind, words, second = self.fronted
            self.fronted = None
            self._relate(kind, index, words, second)
        elif self.between is not None and clause.main is None:
            self.reading.links[self.between] = replace(self.reading.links[self.between], also=index)
            self.between = None
        if self.place:
            self.reading.links.append(Link(index, self.place))
            self.place = ""
        # Words after "red hair" describe its owner.
        if not (phrase.noun in BODY_PARTS and self.subject is not None and clause.main is None):
            clause.last = index
            clause.main = index if clause.main is None else clause.main
        if phrase.noun.rpartition(" ")[2] in PEOPLE:
            self.person = index

    def _index(self, phrase: Phrase, quantity: Quantity | None, first: int | None) -> int:
        """The phrase's index.

        ``The cat`` is the cat of an earlier sentence. In ``the cat is``, and in ``left of the cat`` as the second
        phrase of a relation whose ``first`` one is another, it may be one of the same sentence.
        """
        if quantity and quantity.number is None and not self.literal:
            same_sentence = first is not None or self.symbols[self.index].kind == "is"
            before = len(self.reading.phrases) if same_sentence else self.sentence
            index = self.reading.earlier(phrase, before, first)
            if index is not None:
                self.reading.describe(index, *phrase.attributes)
                return index
        return self.reading.add(phrase)

    def _relate(self, kind: str, a: int, words: str, b: int) -> None:
        if a == b:
            return
        if kind == "direction":
            self.reading.relations.append(Relation(a, words, b))
            return
        self.reading.links.append(Link(a, words, b))
        self.clause.doing = words in _TRANSITIVE_FORMS
        self.between = len(self.reading.links) - 1 if words.endswith("between") else None

    # Separators

    def _separate(self) -> None:
        self._flush()
        if self.clause.pending and self.clause.pending.kind == "verb":
            self.reading.describe(self.clause.pending.first, self.clause.pending.words)
        if self.clause.main is not None:
            self.subject = self.clause.main
        self.clause = Clause()

    def _comma(self, symbol: Symbol) -> None:
        clause = self.clause
        # "A big, fluffy cat" and "with long, curly hair" go on after the comma.
        begun = clause.words and (clause.quantity or clause.after_with) and not self._has_noun
        if not (begun and self._next.kind == "word" and self._next.text in MODIFIERS):
            self._separate()
            self.between = None

    def _stop(self, symbol: Symbol) -> None:
        self._separate()
        if self.place and self.subject is not None:
            self.reading.links.append(Link(self.subject, self.place))
        if len(self.reading.phrases) > self.sentence:
            self.topic = self.sentence
        self.sentence = len(self.reading.phrases)
        self.subject, self.person, self.place, self.fronted, self.between = None, None, "", None, None

    def _line(self, symbol: Symbol) -> None:
        # A line can end within a phrase.
        if self._has_noun or self.clause.ignoring:
            self._separate()

    def _and(self, symbol: Symbol) -> None:
        clause, after = self.clause, self._next
        if clause.words and not self._has_noun and after.kind == "word" and after.text in MODIFIERS:
            both = clause.words[-1] in COLORS and after.text in COLORS | SHADES
            if both or clause.quantity or clause.after_is:
                clause.words += ["and"] if both else []
                return
        self._flush()
        absent = clause.was_absent and after.kind == "word"
        self._separate()
        self.clause.absent = absent

    def _with(self, symbol: Symbol) -> None:
        self._separate()
        self.clause.after_with = True

    def _or(self, symbol: Symbol) -> None:
        self._flush()
        absent = self.clause.was_absent
        self._separate()
        # Of two alternatives only the first is asked for; of two things that must not be there, neither may.
        self.clause.absent, self.clause.skipping = absent, not absent

    def _filler(self, symbol: Symbol) -> None:
        self._flush()

    def _noise(self, symbol: Symbol) -> None:
        """Quality tags change nothing, within phrases too."""
