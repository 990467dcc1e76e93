"""Reading a prompt's noun phrases from left to right, and where its parts and sentences end."""

from __future__ import annotations

from dataclasses import replace

from ..english import COLOR_NOUNS, COLORS, singular
from .lexicon import Quantity, Symbol
from .noun_phrases import ADJECTIVES, Phrase, make_phrase, split_colors
from .reading import Link, Part, Reading, Relation
from .vocabulary import BODY_PARTS, MEDIA, OPINIONS, PEOPLE, SHADES, TRANSITIVE

SAID = ADJECTIVES | COLORS | SHADES | OPINIONS | {"and"}
"""Words that are said of things, and name none."""
_DOING = frozenset(TRANSITIVE.values())


class PhraseReader:
    """What is read so far, one method for each kind of symbol that is a part of a noun phrase or stands between two.

    Numbers are indices of phrases, but ``between`` that of a link. ``index`` is that of the symbol that is read.
    ``subject`` is what the parts of a sentence speak of, ``person`` who does things in it, ``topic`` the first thing of
    the sentence before, ``sentence`` where this one's phrases begin, ``fronted`` a relation that stands before what it
    is said of, and ``place`` a place that does."""

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
        self.index = 0

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
        said = COLORS - COLOR_NOUNS if self.literal else SAID
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
            if quantity is None and all(word in SAID for word in words):
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
        if not (phrase.noun in BODY_PARTS and self.subject is not None and part.main is None):
            part.last = index
            part.main = index if part.main is None else part.main
        if phrase.noun.rpartition(" ")[2] in PEOPLE:
            self.person = index

    def _index(self, phrase: Phrase, quantity: Quantity | None, one: int | None) -> int:
        """The phrase's index. ``The cat`` is the cat of an earlier sentence; in ``left of the cat``, said of ``one``,
        and in ``the cat is`` it may be one of the same sentence."""
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
        if not (begun and self._next.kind == "word" and self._next.text in SAID):
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
        if part.words and not self._has_noun and after.kind == "word" and after.text in SAID:
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
