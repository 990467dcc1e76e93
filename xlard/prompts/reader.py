"""Reads a prompt from left to right: its objects, their attributes, and the relations between them."""

from __future__ import annotations

from ..english import singular
from .lexicon import Symbol
from .phrases import MODIFIERS, PhraseReader
from .reading import Link, Pending, Reading
from .tokens import symbols
from .vocabulary import MATERIALS, PLACED, SILENT_VERBS, WRITINGS

_HAVING = ("wearing", "holding", "carrying")


def read_prompt(prompt: str) -> Reading:
    """Read any text; words that are not understood are left out."""
    return _Reader(symbols(prompt), False).reading


def read_literally(claim: list[Symbol]) -> Reading:
    """Read the text of a claim, where every word belongs to a noun unless it joins two."""
    return _Reader(claim, True).reading


class _Reader(PhraseReader):
    """Reads all symbols: besides phrases also negation, quoted text, relations and attributes."""

    def __init__(self, symbols: list[Symbol], literal: bool) -> None:
        super().__init__(symbols, literal)
        for self.index, symbol in enumerate(symbols):
            if not self.clause.ignoring or symbol.kind in ("comma", "stop", "line"):
                getattr(self, f"_{symbol.kind}")(symbol)
        self._stop(Symbol("stop"))

    # Negation, words that are left out, quoted text

    def _no(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.absent = True

    def _without(self, symbol: Symbol) -> None:
        self._separate()
        self.clause.absent = True

    def _not(self, symbol: Symbol) -> None:
        self._flush()
        absent = self._next.kind == "quantity" or self._next.value in _HAVING
        self.clause.absent, self.clause.ignoring = absent, not absent

    def _like(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.skipping = True

    def _drop(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.ignoring = True

    def _by(self, symbol: Symbol) -> None:
        if self._next.kind == "quantity":
            self._link(Symbol("link", "beside"))
        else:
            self._drop(symbol)

    def _says(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.ignoring = self._next.kind != "quote"

    def _quote(self, symbol: Symbol) -> None:
        if self.clause.words and singular(self.clause.words[-1]) in WRITINGS:
            self.clause.words, self.clause.quantity = [], None
        self._flush()
        self.clause.pending = None
        if symbol.value:
            self.reading.texts.append(symbol.value)

    # Relations

    def _join(self, kind: str, words: str, first: int | None) -> None:
        """Wait for the second phrase of a relation; an absent object has none."""
        self.clause.after_is = False
        if not (self.clause.was_absent or self.clause.absent):
            self.clause.pending = Pending(kind, words, first)

    def _take_verb(self) -> tuple[str, int | None]:
        """The verb just before a preposition, and the phrase that it belongs to."""
        clause = self.clause
        verb, subject = clause.verb, self._actor if clause.verb else self._referent
        if clause.pending and clause.pending.kind == "verb":
            verb, subject = clause.pending.words, clause.pending.first
        clause.verb = ""
        return verb, subject

    def _direction(self, symbol: Symbol) -> None:
        self._flush()
        verb, subject = self._take_verb()
        if verb and verb not in SILENT_VERBS:
            self.reading.describe(subject, verb)
        self._join("direction", symbol.value, subject)

    def _link(self, symbol: Symbol) -> None:
        self._flush()
        verb, subject = self._take_verb()
        placed = verb in SILENT_VERBS and verb in PLACED
        self._join("link", symbol.value if placed or not verb else f"{verb} {symbol.value}", subject)

    def _verb(self, symbol: Symbol) -> None:
        if not self._is_predicate(symbol):
            self.clause.words.append(symbol.text)
            return
        self._flush()
        # "A man wearing a hat riding a horse": it is not the hat that rides.
        self._join("verb", symbol.value, self.clause.main if self.clause.doing else self._actor)

    def _action(self, symbol: Symbol) -> None:
        if not self._is_predicate(symbol):
            self.clause.words.append(symbol.text)
            return
        self._flush()
        self.clause.after_is = False
        if self.clause.was_absent or self.clause.absent or self.fronted:
            return
        if self._next.kind in ("link", "direction", "by"):
            self.clause.verb = symbol.value
        elif not (self._next.kind == "place" and symbol.value in SILENT_VERBS):
            self.reading.describe(self._actor, symbol.value)

    def _is_predicate(self, symbol: Symbol) -> bool:
        """Whether a verb tells what the phrase before it does, and is no part of a noun phrase."""
        clause, after = self.clause, self._next.kind
        if symbol.form == "ing":
            if clause.words or clause.after_is:
                return self._has_noun or clause.after_is or after != "word"
            return (
                clause.quantity is None and clause.pending is None and (self._referent is not None or after != "word")
            )
        if self.literal or after == "word":
            return False
        if not clause.words:
            return symbol.form == "third" and clause.quantity is None and clause.last is not None
        last, number = clause.words[-1], clause.quantity.number if clause.quantity else None
        goes_on = after in ("link", "direction", "quantity")
        if last in MODIFIERS - MATERIALS:
            return False
        if symbol.form == "third":
            return singular(last) == last and number in (1, None) and (clause.quantity is not None or goes_on)
        return singular(last) != last and number != 1 and goes_on

    def _is(self, symbol: Symbol) -> None:
        self._flush()
        before = self.symbols[self.index - 1].kind if self.index else "stop"
        # "The cat on the table is black": the cat. "A man in a hat that is black": the hat.
        if self.clause.main is not None and before != "filler":
            self.clause.last = self.clause.main
        self.clause.after_is = self.clause.last is not None and not self.fronted

    def _material(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.material, self.clause.after_is = True, False

    def _each(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.times = self.reading.phrases[self._referent].number if self._referent is not None else 1

    def _place(self, symbol: Symbol) -> None:
        self._flush()
        alone = self._next.kind in ("comma", "stop", "line", "and")
        subject = self._referent if alone else self.clause.last
        if subject is not None and not self.clause.was_absent:
            self.reading.links.append(Link(subject, symbol.value))
        elif not self.clause.was_absent:
            self.place = symbol.value
        self.clause.after_is = False

    def _beside(self, symbol: Symbol) -> None:
        """``to its left``: of the object that was named before."""
        self._flush()
        self._join("direction", symbol.value, self.clause.last)
        self._pronoun(symbol)

    def _pronoun(self, symbol: Symbol) -> None:
        self._flush()
        pending, self.clause.pending = self.clause.pending, None
        if pending and pending.first is not None:
            first = pending.first
            second = self.subject if self.subject is not None and self.subject != first else first - 1
            if second >= 0:
                self._relate(pending.kind, first, pending.words, second)
        elif self.clause.last is None:
            self.clause.last = self.clause.main = self.subject if self.subject is not None else self.topic
