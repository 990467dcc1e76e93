"""Reading a prompt from left to right: its things, what is said of them, how they stand to each other."""

from __future__ import annotations

from ..english import singular
from .lexicon import Symbol
from .phrases import SAID, PhraseReader
from .reading import Link, Reading
from .tokens import symbols
from .vocabulary import MATERIALS, PLACED, SILENT_VERBS, WRITINGS

_HAVING = ("wearing", "holding", "carrying")


def read_prompt(prompt: str) -> Reading:
    """Read any text; what is not understood is left out."""
    return _Reader(symbols(prompt), False).reading


def read_literally(found: list[Symbol]) -> Reading:
    """Read the text of a claim, where every word belongs to a noun unless it joins two."""
    return _Reader(found, True).reading


class _Reader(PhraseReader):
    """Reads all symbols: beside phrases what is not there, and what is said of phrases."""

    def __init__(self, found: list[Symbol], literal: bool):
        super().__init__(found, literal)
        for self.index, symbol in enumerate(found):
            if not self.part.ignoring or symbol.kind in ("comma", "stop", "line"):
                getattr(self, f"_{symbol.kind}")(symbol)
        self._stop(Symbol("stop"))

    # What is not there, not looked at, or written

    def _no(self, symbol: Symbol) -> None:
        self._flush()
        self.part.absent = True

    def _without(self, symbol: Symbol) -> None:
        self._separate()
        self.part.absent = True

    def _not(self, symbol: Symbol) -> None:
        self._flush()
        absent = self._next.kind == "quantity" or self._next.value in _HAVING
        self.part.absent, self.part.ignoring = absent, not absent

    def _like(self, symbol: Symbol) -> None:
        self._flush()
        self.part.skipping = True

    def _drop(self, symbol: Symbol) -> None:
        self._flush()
        self.part.ignoring = True

    def _by(self, symbol: Symbol) -> None:
        if self._next.kind == "quantity":
            self._link(Symbol("link", "beside"))
        else:
            self._drop(symbol)

    def _says(self, symbol: Symbol) -> None:
        self._flush()
        self.part.ignoring = self._next.kind != "quote"

    def _quote(self, symbol: Symbol) -> None:
        if self.part.words and singular(self.part.words[-1]) in WRITINGS:
            self.part.words, self.part.quantity = [], None
        self._flush()
        self.part.pending = None
        if symbol.value:
            self.reading.texts.append(symbol.value)

    # Relations

    def _join(self, kind: str, words: str, one: int | None) -> None:
        """Wait for the second phrase of a relation of ``one``; of what is not there none is said."""
        self.part.after_is = False
        if not (self.part.was_absent or self.part.absent):
            self.part.pending = kind, words, one

    def _taken_verb(self) -> tuple[str, int | None]:
        """The verb just before a preposition, and what it is said of."""
        part = self.part
        verb, one = part.verb, self._who if part.verb else self._one
        if part.pending and part.pending[0] == "verb":
            _, verb, one = part.pending
        part.verb = ""
        return verb, one

    def _direction(self, symbol: Symbol) -> None:
        self._flush()
        verb, one = self._taken_verb()
        if verb and verb not in SILENT_VERBS:
            self.reading.say(one, verb)
        self._join("direction", symbol.value, one)

    def _link(self, symbol: Symbol) -> None:
        self._flush()
        verb, one = self._taken_verb()
        placed = verb in SILENT_VERBS and verb in PLACED
        self._join("link", symbol.value if placed or not verb else f"{verb} {symbol.value}", one)

    def _verb(self, symbol: Symbol) -> None:
        if not self._is_said(symbol):
            self.part.words.append(symbol.text)
            return
        self._flush()
        # A man wearing a hat riding a horse: it is not the hat that rides.
        self._join("verb", symbol.value, self.part.main if self.part.doing else self._who)

    def _action(self, symbol: Symbol) -> None:
        if not self._is_said(symbol):
            self.part.words.append(symbol.text)
            return
        self._flush()
        self.part.after_is = False
        if self.part.was_absent or self.part.absent or self.fronted:
            return
        if self._next.kind in ("link", "direction", "by"):
            self.part.verb = symbol.value
        elif not (self._next.kind == "place" and symbol.value in SILENT_VERBS):
            self.reading.say(self._who, symbol.value)

    def _is_said(self, symbol: Symbol) -> bool:
        """Whether a verb is said of what stands before it, and is not a part of a noun phrase."""
        part, after = self.part, self._next.kind
        if symbol.form == "ing":
            if part.words or part.after_is:
                return self._has_noun or part.after_is or after != "word"
            return part.quantity is None and part.pending is None and (self._one is not None or after != "word")
        if self.literal or after == "word":
            return False
        if not part.words:
            return symbol.form == "third" and part.quantity is None and part.last is not None
        last, number = part.words[-1], part.quantity.number if part.quantity else None
        goes_on = after in ("link", "direction", "quantity")
        if last in SAID - MATERIALS:
            return False
        if symbol.form == "third":
            return singular(last) == last and number in (1, None) and (part.quantity is not None or goes_on)
        return singular(last) != last and number != 1 and goes_on

    def _is(self, symbol: Symbol) -> None:
        self._flush()
        before = self.found[self.index - 1].kind if self.index else "stop"
        # "The cat on the table is black": the cat. "A man in a hat that is black": the hat.
        if self.part.main is not None and before != "filler":
            self.part.last = self.part.main
        self.part.after_is = self.part.last is not None and not self.fronted

    def _material(self, symbol: Symbol) -> None:
        self._flush()
        self.part.material, self.part.after_is = True, False

    def _each(self, symbol: Symbol) -> None:
        self._flush()
        self.part.times = self.reading.phrases[self._one].number if self._one is not None else 1

    def _place(self, symbol: Symbol) -> None:
        self._flush()
        alone = self._next.kind in ("comma", "stop", "line", "and")
        one = self._one if alone else self.part.last
        if one is not None and not self.part.was_absent:
            self.reading.links.append(Link(one, symbol.value))
        elif not self.part.was_absent:
            self.place = symbol.value
        self.part.after_is = False

    def _beside(self, symbol: Symbol) -> None:
        """``to its left``: of what was named before."""
        self._flush()
        self._join("direction", symbol.value, self.part.last)
        self._pronoun(symbol)

    def _pronoun(self, symbol: Symbol) -> None:
        self._flush()
        pending, self.part.pending = self.part.pending, None
        if pending and pending[2] is not None:
            kind, words, a = pending
            b = self.subject if self.subject not in (None, a) else a - 1
            if b >= 0:
                self._relate(kind, a, words, b)
        elif self.part.last is None:
            self.part.last = self.part.main = self.subject if self.subject is not None else self.topic
