"""Reading a prompt from left to right: its things, what is said of them, how they stand to each other."""

from __future__ import annotations

from dataclasses import replace

from ..words import (
    COLOR_NOUNS,
    COLORS,
    MATERIALS,
    MEDIA,
    OPINIONS,
    PARTS,
    PEOPLE,
    PLACED,
    SHADES,
    SILENT,
    TRANSITIVE,
    WRITINGS,
    singular,
)
from .lexicon import Quantity, Symbol
from .noun_phrases import ADJECTIVES, Phrase, make_phrase, split_colors
from .reading import Link, Part, Reading, Relation
from .tokens import symbols

_SAID = ADJECTIVES | COLORS | SHADES | OPINIONS | {"and"}
_DOING = frozenset(TRANSITIVE.values())
_HAVING = ("wearing", "holding", "carrying")


def read_prompt(prompt: str) -> Reading:
    """Read any text; what is not understood is left out."""
    return _Reader(symbols(prompt), False).reading


def read_literally(found: list[Symbol]) -> Reading:
    """Read the text of a claim, where every word belongs to a noun unless it joins two."""
    return _Reader(found, True).reading


class _Reader:
    """One method for each kind of symbol. Numbers are indices of phrases, but ``between`` that of a link.

    ``subject`` is what the parts of a sentence speak of, ``person`` who does things in it, ``topic`` the first thing of the
    sentence before, ``sentence`` where this one's phrases begin, ``fronted`` a relation that stands before what it is said
    of, and ``place`` a place that does.
    """

    def __init__(self, found: list[Symbol], literal: bool):
        self.found, self.literal, self.reading = found, literal, Reading()
        self.part = Part()
        self.subject: int | None = None
        self.person: int | None = None
        self.topic: int | None = None
        self.sentence = 0
        self.fronted: tuple[str, str, int] | None = None
        self.place = ""
        self.between: int | None = None
        for self.index, symbol in enumerate(found):
            if not self.part.ignoring or symbol.kind in ("comma", "stop", "line"):
                getattr(self, f"_{symbol.kind}")(symbol)
        self._stop(Symbol("stop"))

    @property
    def _next(self) -> Symbol:
        return self.found[self.index + 1] if self.index + 1 < len(self.found) else Symbol("stop")

    @property
    def _one(self) -> int | None:
        """What a relation or an attribute is said of."""
        return self.part.last if self.part.last is not None else self.subject

    @property
    def _who(self) -> int | None:
        """What a verb is said of: after "a girl, a hat, long hair" the girl."""
        return self.part.last if self.part.last is not None else self.subject if self.person is None else self.person

    @property
    def _has_noun(self) -> bool:
        said = COLORS - COLOR_NOUNS if self.literal else _SAID
        return any(word not in said for word in self.part.words)

    @property
    def _nothing_yet(self) -> bool:
        return self.part.last is None and self.subject is None and not self.literal

    # Noun phrases

    def _word(self, symbol: Symbol) -> None:
        self.part.words.append(symbol.text)

    def _quantity(self, symbol: Symbol) -> None:
        self._flush()
        old, new = self.part.quantity, symbol.value
        if new.number is None and old:
            return
        if new.kind == "dozen" and old and old.number:
            new = Quantity(old.number * 12)
        self.part.quantity = replace(new, exact=False) if self.part.at_least else new

    def _at_least(self, symbol: Symbol) -> None:
        self._flush()
        self.part.at_least = True

    def _of(self, symbol: Symbol) -> None:
        words = self.part.words
        if self._nothing_yet and words and singular(words[-1]) in MEDIA:
            self.part = Part()
        elif words and self._next.kind == "word" and "of" not in words:
            words.append("of")
        else:
            self._flush()

    def _shows(self, symbol: Symbol) -> None:
        if self._nothing_yet and self.part.words and singular(self.part.words[-1]) in MEDIA:
            self.part = Part()
        else:
            self._separate()

    def _flush(self) -> None:
        """End the noun phrase that was begun."""
        part = self.part
        words, quantity = part.words, part.quantity
        if not words:
            return
        part.words, part.quantity, part.at_least = [], None, False
        if part.skipping:
            part.skipping = False
        elif part.material:
            part.material = False
            self.reading.say(self._one, "made of " + " ".join(word for word in words if word not in OPINIONS))
        elif part.after_is and part.last is not None:
            # "The dog is a poodle" names no second thing.
            part.after_is = False
            if quantity is None and all(word in _SAID for word in words):
                rest, colors = split_colors(words)
                self.reading.say(part.last, *colors, *(word for word in rest if word in ADJECTIVES))
        elif part.absent:
            phrase = make_phrase(words, Quantity(0), self.literal)
            part.absent, part.was_absent, part.pending = False, True, None
            if phrase:
                self.reading.absent.append(replace(phrase, attributes=()))
        else:
            self._add(make_phrase(words, quantity, self.literal), quantity)

    def _add(self, phrase: Phrase | None, quantity: Quantity | None) -> None:
        part, pending = self.part, self.part.pending
        part.pending = None
        if phrase is None:
            return
        if part.times > 1:
            phrase, part.times = replace(phrase, number=phrase.number * part.times), 1
        index = self._index(phrase, quantity, pending[2] if pending else None)
        if pending:
            kind, words, a = pending
            if a is None:
                self.fronted = kind, words, index
            else:
                self._relate(kind, a, words, index)
        elif self.fronted:
            kind, words, b = self.fronted
            self.fronted = None
            self._relate(kind, index, words, b)
        elif self.between is not None and part.main is None:
            self.reading.links[self.between] = replace(self.reading.links[self.between], also=index)
            self.between = None
        if self.place:
            self.reading.links.append(Link(index, self.place))
            self.place = ""
        # What follows red hair is said of whose hair it is.
        if not (phrase.noun in PARTS and self.subject is not None and part.main is None):
            part.last = index
            part.main = index if part.main is None else part.main
        if phrase.noun.rpartition(" ")[2] in PEOPLE:
            self.person = index

    def _index(self, phrase: Phrase, quantity: Quantity | None, one: int | None) -> int:
        """The phrase's index. ``The cat`` is the cat of an earlier sentence; in ``left of the cat``, said of ``one``, and in
        ``the cat is`` it may be one of the same sentence."""
        if quantity and quantity.number is None and not self.literal:
            here = one is not None or self.found[self.index].kind == "is"
            index = self.reading.again(phrase, len(self.reading.phrases) if here else self.sentence, one)
            if index is not None:
                self.reading.say(index, *phrase.attributes)
                return index
        return self.reading.add(phrase)

    def _relate(self, kind: str, a: int, words: str, b: int) -> None:
        if a == b:
            return
        if kind == "direction":
            self.reading.relations.append(Relation(a, words, b))
            return
        self.reading.links.append(Link(a, words, b))
        self.part.doing = words in _DOING
        self.between = len(self.reading.links) - 1 if words.endswith("between") else None

    # Separators

    def _separate(self) -> None:
        self._flush()
        if self.part.pending and self.part.pending[0] == "verb":
            self.reading.say(self.part.pending[2], self.part.pending[1])
        if self.part.main is not None:
            self.subject = self.part.main
        self.part = Part()

    def _comma(self, symbol: Symbol) -> None:
        part = self.part
        # "A big, fluffy cat" and "with long, curly hair" go on.
        begun = part.words and (part.quantity or part.after_with) and not self._has_noun
        if not (begun and self._next.kind == "word" and self._next.text in _SAID):
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
        # A line may end within a phrase.
        if self._has_noun or self.part.ignoring:
            self._separate()

    def _and(self, symbol: Symbol) -> None:
        part, after = self.part, self._next
        if part.words and not self._has_noun and after.kind == "word" and after.text in _SAID:
            both = part.words[-1] in COLORS and after.text in COLORS | SHADES
            if both or part.quantity or part.after_is:
                part.words += ["and"] if both else []
                return
        self._flush()
        absent = part.was_absent and after.kind == "word"
        self._separate()
        self.part.absent = absent

    def _with(self, symbol: Symbol) -> None:
        self._separate()
        self.part.after_with = True

    def _or(self, symbol: Symbol) -> None:
        self._flush()
        absent = self.part.was_absent
        self._separate()
        # Of two alternatives only the first is asked for; of two things that must not be there, neither may.
        self.part.absent, self.part.skipping = absent, not absent

    def _filler(self, symbol: Symbol) -> None:
        self._flush()

    def _noise(self, symbol: Symbol) -> None:
        """Quality tags stand within phrases, too, and change nothing there."""

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
        if verb and verb not in SILENT:
            self.reading.say(one, verb)
        self._join("direction", symbol.value, one)

    def _link(self, symbol: Symbol) -> None:
        self._flush()
        verb, one = self._taken_verb()
        placed = verb in SILENT and verb in PLACED
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
        elif not (self._next.kind == "place" and symbol.value in SILENT):
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
        if last in _SAID - MATERIALS:
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
