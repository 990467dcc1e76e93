"""Reads a prompt's noun phrases from left to right, and sees where its clauses and sentences end."""

from __future__ import annotations

from dataclasses import replace

from ..english import COLOR_NOUNS, COLORS, singular
from .lexicon import Quantity, Symbol, Word
from .named_again import UNKNOWN
from .noun_phrases import ADJECTIVES, MODIFIERS, Phrase, is_modifier, make_phrase, split_colors
from .phrase_ends import PhraseEnds
from .reading import Clause, Link, Relation
from .vocabulary import BODY_PARTS, CLOTHES, COMPOUNDS, MATERIALS, MEDIA, OPINIONS, PARTS_OF_SCENES, PEOPLE
from .words import noun_kind

_LONGEST = 50
"""A phrase of more words ends here, so that looking through it again takes no quadratic time."""

_MOST = 1000
"""More things than these are many, and no count."""

_MANY = Quantity(2, False, "many")

_AROUND = frozenset("water rain snow fog mist smoke light sunlight moonlight starlight lightning".split())
"""What is all around things that are under it, as a sea and a sky are."""

HAVING = ("wearing", "holding", "carrying")


class PhraseReader(PhraseEnds):
    """Reads noun phrases, with a method ``_kind`` for each kind of symbol in them and between two of them."""

    @property
    def _referent(self) -> int | None:
        """The phrase that a relation or an attribute belongs to."""
        if self.clause.last is not None or self.subject is None or self.literal:
            return self.clause.last if self.clause.last is not None else self.subject
        # Of a clause behind one about an arm, nobody knows whether it goes on about that.
        return None if self.reading.phrases[self.subject].kind == "b" else self.subject

    @property
    def _actor(self) -> int | None:
        """The phrase that a verb belongs to: after "a girl, a hat, long hair" the girl."""
        if self.clause.last is not None:
            worn = self.clause.main is not None and self._is_worn(self.clause.last)
            return self.clause.main if worn else self.clause.last
        return self.subject if self.person is None else self.person

    def _is_worn(self, index: int) -> bool:
        """Whether a phrase is what somebody wears: "a man in a shirt plays"."""
        links = self.reading.links
        worn = bool(links) and links[-1].b == index and links[-1].words in ("in", "wearing")
        return not self.literal and worn and self.reading.phrases[index].noun.rpartition(" ")[2] in CLOTHES

    @property
    def _has_noun(self) -> bool:
        if self.literal:
            return any(word not in COLORS - COLOR_NOUNS for word in self.clause.words)
        return any(not is_modifier(word) for word in self.clause.words)

    @property
    def _nothing_yet(self) -> bool:
        return self.clause.last is None and self.subject is None and not self.literal

    # Noun phrases

    def _word(self, symbol: Symbol) -> None:
        words, word = self.clause.words, symbol.text
        if not self.literal and words and not is_modifier(words[-1]):
            worn = self.clause.pending is not None and self.clause.pending.words in ("wearing", "in")
            if self._is_owner(words[-1]) and (worn or not self._owns(words[-1])):
                del words[-1:]
            elif words[-1].endswith(("'s", "s'")) and self.clause.quantity is not None:
                self._own()
            elif self._ends_before(words[-1], word) and not self._is_owned_by_several(words[-1]):
                self._flush()
            elif self._begins_anew(words, word):
                self._leave(list(words))
                words.clear()
            elif words[-1] in MEDIA and f"{words[-1]} {word}" not in COMPOUNDS and noun_kind(word) == "p":
                # "A close-up princess" is a picture of one.
                words.clear()
        if len(words) >= _LONGEST and not self.literal:
            self._flush()
        self.clause.words.append(word)

    def _own(self) -> None:
        """End the phrase of an owner; what is owned begins a new one."""
        owner = self.clause.words[-1]
        self.clause.words[-1] = Word(owner.partition("'")[0], "N")
        pending = self.clause.pending
        self.clause.pending = None
        last, main = self.clause.last, self.clause.main
        self._flush()
        self.clause.pending, self.clause.last, self.clause.main = pending, last, main
        self.clause.quantity = Quantity(None)

    def _quantity(self, symbol: Symbol) -> None:
        if self.of_another and self.clause.words[-1:] == ["of"]:
            self.clause.words.append(symbol.source)
            return
        self._flush()
        old, new = self.clause.quantity, symbol.value
        if new.number is None and old:
            return
        if old and old.kind == "many":
            return
        if new.kind in ("all", "both") and self._next.kind in ("verb", "action", "act") and not self.literal:
            # "They are all wearing hats" counts no hats.
            return
        if old and old.number and new.number:
            if new.kind in ("dozen", "pair"):
                new = Quantity(old.number * new.number, old.exact, new.kind)
            elif old.kind == "rows" and new.exact:
                new = Quantity(old.number * new.number)
            elif new.kind == "vague" and old.number > 1 and old.exact and symbol.source.endswith("s of"):
                # "Two rows of" waits for how many are in each.
                new = Quantity(old.number, False, "rows")
        if new.number is not None and new.number > _MOST and not self.literal:
            new = _MANY
        self.clause.quantity = replace(new, exact=False) if self.clause.at_least else new

    def _at_least(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.at_least = True

    def _of(self, symbol: Symbol) -> None:
        words = self.clause.words
        if self._nothing_yet and words and singular(words[-1]) in MEDIA:
            self._leave(words)
            self.clause = Clause()
        elif words and "of" not in words and self._next.kind == "word":
            if self.literal or getattr(words[-1], "tag", "N") != "N" or not self._abstract(words[-1]):
                words.append("of")
            else:
                self._flush()
                self.clause.lost = self.clause.nobody = False
        elif not words and self._is_part_of():
            self.clause.part, self.clause.quantity = self.clause.quantity, None
        elif words and self._next.kind == "quantity" and not self.literal and self._is_superlative(words):
            # "The biggest of the three dogs".
            self._leave(words)
            self.clause.words, self.clause.quantity, self.clause.part = [], None, UNKNOWN
        elif words and "of" not in words and self._shows_another(words[-1]):
            words.append("of")
            self.of_another = True
        else:
            self._flush()
            # "A carving of entangled snakes": it is not the carving that is entangled.
            self.clause.lost = self.clause.lost or (self._next.kind == "act" and not self.literal)

    def _is_part_of(self) -> bool:
        """Whether a number and ``of`` tell how many of more things: ``two of the cats``."""
        quantity = self.clause.quantity
        whole = self._next.kind == "quantity" and (self._next.value.number is None or self._next.value.exact)
        return not self.literal and whole and quantity is not None and quantity.number is not None

    def _is_superlative(self, words: list[str]) -> bool:
        return self.clause.quantity is not None and words[-1].endswith("est") and not noun_kind(words[-1])

    def _part(self, symbol: Symbol) -> None:
        """``One of``, ``most of``: what follows is there as a whole, and only a part of it is spoken of."""
        self._flush()
        many = (self._next.kind == "quantity" and self._next.value.number != 1) or symbol.source.endswith(" the")
        if not self.literal and many:
            self.clause.part = Quantity(1) if symbol.source in ("one of", "only one of", "just one of") else UNKNOWN
            self.clause.quantity = Quantity(None) if symbol.source.endswith(" the") else None

    def _leave(self, words: list[str]) -> None:
        """Note words that become no claim: known ones are not checked, others not understood."""
        if self.literal or not words:
            return
        text = " ".join(words)
        known = all(
            is_modifier(word) or getattr(word, "tag", "") not in ("?", "F") or word[0].isdigit() for word in words
        )
        (self.reading.unchecked if known else self.reading.unread).append(text)

    def _flush(self) -> None:
        """End the noun phrase that has begun."""
        clause = self.clause
        words, quantity = clause.words, clause.quantity
        if not words:
            return
        clause.words, clause.quantity, clause.at_least, self.of_another = [], None, False, False
        if clause.skipping:
            clause.skipping, clause.pending = False, None
            # What follows is said of nothing else, and what it is of is skipped too.
            clause.lost = True
            clause.skipping = self.symbols[self.index].kind == "of"
            self._leave(words)
        elif clause.material:
            clause.material = False
            self.reading.describe(self._referent, "made of " + " ".join(word for word in words if word not in OPINIONS))
        elif clause.after_is and clause.last is not None:
            # "The dog is a poodle" names no second thing.
            clause.after_is = False
            if quantity is None and all(is_modifier(word) for word in words):
                rest, colors = split_colors(words)
                attributes = *colors, *(str(word) for word in rest if word in ADJECTIVES or word not in MODIFIERS)
                self._describe_all(clause, attributes)
            else:
                self._leave(words)
        elif clause.absent:
            phrase = make_phrase(words, Quantity(0), self.literal)
            clause.absent, clause.was_absent, clause.pending = False, True, None
            if phrase and phrase.boxed:
                self.reading.absent.append(replace(phrase, attributes=()))
            else:
                self._leave(words)
        elif not (quantity and self._describes_part(words, quantity)):
            if self.elided:
                (before, number), self.elided = self.elided, None
                self._add(make_phrase([*before, words[-1]], number, self.literal), number, before)
            self._add(make_phrase(words, quantity, self.literal), quantity, words)

    def _describe_all(self, clause: Clause, attributes: tuple[str, ...]) -> None:
        """What ``are red`` says: of the two birds, of the cup and the plate, or of two of the three goats."""
        if self.part:
            self.reading.parts += [(*self.part, attribute) for attribute in attributes]
            self.part = None
            return
        for index in (*clause.joined, clause.last):
            self.reading.describe(index, *attributes)

    def _describes_part(self, words: list[str], quantity: Quantity) -> bool:
        """``One red`` and ``both red`` after ``three balls``: these words say what some of them are."""
        subject = self.clause.last if self.clause.last is not None else self.subject
        if (
            self.literal
            or subject is None
            or self.clause.pending
            or (quantity.number is None and quantity.kind != "all")
        ):
            return False
        # "A square" after "a circle" is a thing of its own.
        if words[-1] in MATERIALS | COLOR_NOUNS or not all(map(is_modifier, words)):
            return False
        phrase, number = self.reading.phrases[subject], quantity.number
        rest, colors = split_colors(words)
        attributes = [*colors, *(str(word) for word in rest if word not in OPINIONS)]
        if number is None or number == phrase.number:
            self.reading.describe(subject, *attributes)
        elif number < phrase.number and quantity.exact:
            self.reading.parts += [(subject, number, attribute) for attribute in attributes]
        else:
            return False
        return True

    def _add(self, phrase: Phrase | None, quantity: Quantity | None, words: list[str]) -> None:
        clause, pending = self.clause, self.clause.pending
        clause.pending, self.last_pending = None, pending
        if phrase is None:
            self._add_nothing(words, quantity)
            return
        if not pending and self._is_style(phrase, words, quantity):
            self._leave(words)
            return
        if pending and not self.literal and self._is_idiom(pending.words, phrase, quantity):
            self._leave(words)
            return
        self.reading.unread += [
            word for word in words if getattr(word, "tag", "") in ("?", "F") and word not in phrase.noun
        ]
        if self._is_the_picture(phrase, pending):
            self._leave(words)
            return
        if self.telegram and quantity is None:
            phrase = replace(phrase, exact=False)
        if self._is_bare_part(phrase, quantity, pending):
            self._leave(words)
            clause.lost = True
            return
        if clause.each and pending and pending.first is not None and quantity:
            phrase = self._times(phrase, self.reading.phrases[pending.first].number)
        if clause.times > 1:
            phrase, clause.times = self._times(phrase, clause.times), 1
        clause.lost = False
        nobody = pending is not None and pending.kind == "none"
        if nobody:
            pending = None
        if pending and pending.first is not None and self._is_fronted(phrase, quantity, pending.first):
            pending = pending._replace(first=None, also=())
        if pending and pending.first is not None and clause.main is None and not self.literal:
            if self.symbols[self.index].source.startswith("there"):
                # "On the shelf there is" begins anew, whatever stands before the comma.
                pending = pending._replace(first=None, also=())
            else:
                clause.leans = True
        index = self._index(phrase, quantity, pending.first if pending else None)
        self.definite = quantity is not None and quantity.number is None
        if pending:
            if pending.first is None:
                self.fronted = pending.kind, pending.words, index
            else:
                for first in (*pending.also, pending.first):
                    self._relate(pending.kind, first, pending.words, index)
        elif self.fronted:
            kind, relation, second = self.fronted
            self.fronted = None
            self._relate(kind, index, relation, second)
        elif self.between is not None and clause.main is None:
            self.reading.links[self.between] = replace(self.reading.links[self.between], also=index)
            self.between = None
        if self.place:
            self.reading.links.append(Link(index, self.place))
            self.place = ""
        if clause.part:
            clause.whole, clause.lost = index, True
            return
        # Words after "red hair" describe its owner.
        owned = phrase.noun in BODY_PARTS and self.subject is not None and clause.main is None
        if clause.owned or not owned:
            clause.last = index
            clause.main = index if clause.main is None else clause.main
        if nobody and not owned:
            # What somebody unknown wears does nothing.
            clause.lost = clause.leans = True
        if phrase.noun.rpartition(" ")[2] in PEOPLE:
            self.person = index

    @staticmethod
    def _times(phrase: Phrase, times: int) -> Phrase:
        number = phrase.number * times
        return replace(phrase, number=2, exact=False) if number > _MOST else replace(phrase, number=number)

    def _is_fronted(self, phrase: Phrase, quantity: Quantity | None, first: int) -> bool:
        """Whether ``, behind the door there is`` says of the door just named where another thing is."""
        definite = quantity is not None and quantity.number is None and self.clause.main is None
        earlier = self.reading.phrases[first]
        return definite and not self.literal and earlier.noun == phrase.noun and phrase.color in (None, earlier.color)

    def _add_nothing(self, words: list[str], quantity: Quantity | None) -> None:
        """Words that name no object: after ``dressed in`` they may be a colour."""
        pending = self.last_pending
        rest, colors = split_colors(words)
        listed = self.symbols[self.index].kind == "comma" and self._next.text in COLORS
        if listed and colors and not rest:
            # "In red, green and blue": of each colour something, and not all of it.
            self._leave(words)
        elif pending and pending.first is not None and pending.kind == "link" and colors and not rest:
            self.reading.describe(pending.first, f"{pending.words} {' '.join(colors)}")
        else:
            self._leave(words)
            self.clause.lost = any(not is_modifier(word) for word in words) or words[-1] in ("other", "others")
            self.clause.nobody = self.clause.nobody or (self.clause.lost and self.clause.main is None)

    def _relate(self, kind: str, a: int, words: str, b: int) -> None:
        if a == b:
            return
        around = self.reading.phrases[b]
        if kind == "direction" and around.kind == "b" and not self.literal:
            # A hat over the eyes covers them: its box is not above theirs.
            self.reading.unchecked.append(f"{words} {around.noun}")
            return
        if kind == "direction" and words == "below" and (around.kind == "s" or around.noun in _AROUND):
            # Under the sea: no box is below it.
            self.reading.unchecked.append(f"under {around.noun}")
            return
        if kind == "direction":
            self.reading.relations.append(Relation(a, words, b))
            return
        self.reading.links.append(Link(a, words, b))
        scene, part = self.reading.phrases[b], self.reading.phrases[a]
        if scene.kind == "s" and words == "in" and part.noun in PARTS_OF_SCENES and part.number == 1:
            self.reading.uncertain.add(part.noun)
        self.clause.doing = kind == "verb"
        self.between = len(self.reading.links) - 1 if words.endswith("between") else None
