"""Reads a prompt from left to right: its objects, their attributes, and the relations between them."""

from __future__ import annotations

from ..english import singular
from .actions import LIVING, ActionReader
from .clauses import HAVING
from .cleaning import cleaned
from .lexicon import Quantity, Symbol
from .noun_phrases import is_modifier
from .reading import Link, Reading
from .telegrams import is_telegram, with_verbs
from .tokens import bare_numbers, symbols, unread_figures
from .vocabulary import BODY_PARTS, CLOTHES, PLACED, SILENT_VERBS, WRITINGS
from .words import noun_kind, verb_of

_PERSONAL = frozenset("he him himself she her herself".split())
_CROSSING = frozenset(
    """jumping leaping hopping vaulting bounding climbing stepping walking running driving riding crossing galloping
    tripping
    passing crawling rolling going""".split()
)
_ALONG = frozenset({"around", "through", "along", "across"})
"""Prepositions that go with what somebody does, rather than with the thing before them."""
_PUT = frozenset("put set laid left kept stored balanced propped".split())
"""What moves over something so is above it only for a moment."""


def read_prompt(prompt: str) -> Reading:
    """Read any text; words that are not understood are left out."""
    text, alternatives = cleaned(prompt)
    found = symbols(text)
    telegram = is_telegram(found)
    reading = _Reader(with_verbs(found) if telegram else found, False, telegram).reading
    reading.unread += [*bare_numbers(found), *unread_figures(text)]
    reading.unchecked += alternatives
    return reading


def read_literally(claim: list[Symbol]) -> Reading:
    """Read the text of a claim, where every word belongs to a noun unless it joins two."""
    return _Reader(claim, True).reading


class _Reader(ActionReader):
    """Reads all symbols: besides phrases also negation, quoted text, relations and attributes."""

    def __init__(self, symbols: list[Symbol], literal: bool, telegram: bool = False) -> None:
        super().__init__(symbols, literal, telegram)
        for self.index, symbol in enumerate(symbols):
            ends = ("stop", "line") if self.refusing else ("comma", "stop", "line")
            if not self.clause.ignoring or symbol.kind in ends:
                getattr(self, f"_{symbol.kind}")(symbol)
                if self.clause.whole is not None and not self.clause.after_is:
                    self.clause.ignoring, self.clause.pending, self.clause.verb = True, None, ""
            elif symbol.source:
                self.clause.ignored.append(symbol.source)
        self._stop(Symbol("stop"))

    # Negation, words that are left out, quoted text

    def _no(self, symbol: Symbol) -> None:
        named = self.clause.quantity is not None and not self.clause.words
        self._flush()
        if not self.literal and (named or self._begins_a_sign()):
            # "A no smoking sign" negates nothing.
            self.clause.quantity, self.clause.skipping = None, True
        else:
            self.clause.absent = True

    def _begins_a_sign(self) -> bool:
        """Whether a sign's words begin here, perhaps: ``no parking sign``."""
        words = []
        for symbol in self.symbols[self.index + 1 : self.index + 5]:
            if not symbol.text:
                break
            words.append(symbol.text)
        return len(words) > 1 and words[-1] in ("sign", "signs")

    def _without(self, symbol: Symbol) -> None:
        self._separate()
        self.clause.absent = True

    def _not(self, symbol: Symbol) -> None:
        self._flush()
        after = self.symbols[self.index + 2] if self.index + 2 < len(self.symbols) else Symbol("stop")
        if self._next.kind == "quantity" and after.source == "but":
            # "Not one but two": the second number counts.
            return
        # "Not two dogs", "not all dogs": it is not known how many there are.
        some = self._next.kind == "quantity" and self._next.value.number in (None, 1) and self._next.value.kind == "one"
        absent = (some and not self.clause.after_is) or self._next.value in HAVING
        self.clause.absent, self.clause.ignoring = absent, not absent

    def _like(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.skipping = True

    def _refuse(self, symbol: Symbol) -> None:
        """``Do not show dogs, cats``: the whole list is left out."""
        self.refusing = self.clause.last is None and not self.clause.words
        self._drop(symbol)

    def _at_most(self, symbol: Symbol) -> None:
        """``Up to five cats`` can be none."""
        self._flush()
        self.clause.skipping = True

    def _by(self, symbol: Symbol) -> None:
        verb = verb_of(self.clause.verb) if self.clause.verb and self.clause.verb not in PLACED else None
        if verb and verb[1] == "ed" and self._next.kind in ("quantity", "word"):
            self._link(Symbol("link", "by"))
        elif self._next.kind == "quantity" or self.clause.verb in PLACED:
            self._link(Symbol("link", "beside"))
        else:
            self._drop(symbol)

    def _says(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.ignoring = self._next.kind != "quote"

    def _quote(self, symbol: Symbol) -> None:
        if self.clause.words and singular(self.clause.words[-1]) in WRITINGS:
            # "With the word 'x' on a board" tells where the word is, and not where its owner is.
            self.clause.words, self.clause.quantity, self.clause.lost = [], None, True
        elif self.clause.words and not self._has_noun and self._next.kind == "word" and symbol.value:
            # A wooden "Inn" sign.
            self.reading.texts.append(symbol.value)
            return
        self._flush()
        self.clause.pending = None
        if symbol.value:
            self.reading.texts.append(symbol.value)

    # Relations

    def _take_verb(self) -> tuple[str, int | None]:
        """The verb just before a preposition, and the phrase that it belongs to."""
        clause = self.clause
        verb, subject = clause.verb, self._mover(clause.verb) if clause.verb else self._referent
        if clause.pending and clause.pending.kind == "verb":
            verb, subject = clause.pending.words, clause.pending.first
        clause.verb = ""
        return verb, subject

    def _direction(self, symbol: Symbol) -> None:
        self._flush()
        verb, subject = self._take_verb()
        if verb in _CROSSING and symbol.source in ("over", "under"):
            self._join("link", f"{verb} {symbol.source}", subject)
            return
        if verb and verb not in SILENT_VERBS | _PUT:
            self.reading.describe(subject, verb)
        self._join("direction", symbol.value, subject)

    def _link(self, symbol: Symbol) -> None:
        self._flush()
        verb, subject = self._take_verb()
        if not verb and not self.literal:
            subject = self._place_of(symbol, subject)
        placed = verb in SILENT_VERBS and verb in PLACED
        self._join("link", symbol.value if placed or not verb else f"{verb} {symbol.value}", subject)

    def _place_of(self, symbol: Symbol, subject: int | None) -> int | None:
        """What a preposition belongs to: in ``a hat lies under a table next to a boot`` the hat, and in ``a robot
        next to
        a tree in a car`` the robot.
        """
        main = self.clause.main
        if main is None or subject is None or main == subject:
            return subject
        if self._next.source in ("his", "her", "their") and self.reading.phrases[main].kind == "p":
            return main
        moves = symbol.value == "toward" or (self.clause.doing and symbol.value in _ALONG)
        if self.clause.finite or moves or self._is_worn(subject):
            return main
        if symbol.value != "in" or not self.reading.links or self.reading.links[-1].b != subject:
            return subject
        follows = next(
            (item for item in self.symbols[self.index + 1 : self.index + 5] if item.kind != "quantity"), None
        )
        lives = noun_kind(self.reading.phrases[subject].noun) == "p"
        if follows is not None and singular(follows.text) in BODY_PARTS:
            return subject
        return subject if lives or follows is None or singular(follows.text) in CLOTHES else main

    def _is(self, symbol: Symbol) -> None:
        self._flush()
        if self.clause.whole is not None:
            self._tell_of_part()
            return
        before = self.symbols[self.index - 1].kind if self.index else "stop"
        relative = before == "filler" and self.symbols[self.index - 1].source in ("that", "which", "who")
        # "The cat on the table is black": the cat. "A man in a hat that is black": the hat.
        if self.clause.main is not None and before != "filler":
            self.clause.last = self.clause.main
        if before != "filler":
            self._return_to_holder()
        self.clause.after_is = self.clause.last is not None and not self.fronted
        self.clause.finite = self.clause.finite or not relative
        if symbol.source in ("is", "was", "isn't"):
            self.clause.joined = ()

    def _tell_of_part(self) -> None:
        """``Is white`` after ``one of the cats``; of all else that is said of a part, there is no claim."""
        clause = self.clause
        plain = []
        for symbol in self.symbols[self.index + 1 : self.index + 4]:
            if symbol.kind in ("comma", "stop", "line"):
                break
            plain.append(symbol.kind == "noise" or (symbol.kind == "word" and is_modifier(symbol.text)))
        number = clause.part.number if clause.part else None
        group = self.reading.phrases[clause.whole] if clause.whole is not None else None
        if plain and all(plain) and group and group.exact and number and number < group.number:
            clause.last, clause.after_is = clause.whole, True
            self.part = (clause.whole, number) if clause.whole is not None else None
        clause.part = None

    def _material(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.material, self.clause.after_is = True, False

    def _each_of(self, symbol: Symbol) -> None:
        """``Each of the three boxes``: what they hold is there three times."""
        self._flush()
        self.clause.of_each = True

    def _both_the(self, symbol: Symbol) -> None:
        """``Both the cup and the plate`` are one cup and one plate."""
        self._flush()
        self.clause.quantity = Quantity(None if symbol.source.endswith("the") else 1)

    def _each(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.times = self.reading.phrases[self._referent].number if self._referent is not None else 1

    def _place(self, symbol: Symbol) -> None:
        self._flush()
        before = self.symbols[self.index - 1] if self.index else Symbol("stop")
        turned = before.kind in ("act", "verb", "action") and before.value not in SILENT_VERBS | PLACED
        if turned and symbol.source.startswith("to the") and not self.literal:
            # "Looking to the left", and bent to it.
            return
        alone = self._next.kind in ("comma", "stop", "line", "and")
        subject = self._referent if alone else self.clause.last
        if turned and before.value in LIVING:
            subject = self._mover(before.value)
        if subject is not None and self.reading.phrases[subject].kind == "b" and not self.literal:
            return
        if subject is not None and not self.clause.was_absent:
            self.reading.links.append(Link(subject, symbol.value))
        elif not self.clause.was_absent:
            self.place = symbol.value
        self.clause.after_is = False

    def _beside(self, symbol: Symbol) -> None:
        """``to its left``: of the object that was named before."""
        self._flush()
        self.clause.joined = ()
        self._join("direction", symbol.value, self.clause.last)
        self._pronoun(symbol)

    def _pronoun(self, symbol: Symbol) -> None:
        self._flush()
        pending, self.clause.pending = self.clause.pending, None
        if pending and pending.kind == "none":
            self.clause.lost = True
        elif pending and pending.words == "making":
            # "Making it sail".
            self._drop(symbol)
        elif pending and pending.first is not None:
            first = pending.first
            second = self._antecedent(symbol)
            if second is None and symbol.source == "them":
                return
            if second is None or second == first:
                second = self.topic
            if second is None or second == first:
                second = first - 1
            for index in (*self.clause.joined, first):
                if second >= 0 and (index == first or not self._ends_a_relation(index)):
                    self._relate(pending.kind, index, pending.words, second)
        elif pending:
            before = self._antecedent(symbol)
            self.fronted = (pending.kind, pending.words, before) if before is not None else None
        elif self.clause.last is None:
            self.clause.last = self.clause.main = self._antecedent(symbol)
            # "She waters the flowers", of nobody who was named.
            self.clause.lost = self.clause.last is None and not self.literal
            self.about = self.topic if len(self.reading.phrases) == self.sentence else self.about

    def _ends_a_relation(self, index: int) -> bool:
        """Whether a phrase says where another one is: the car of ``a man next to a car and a dog behind him``."""
        reading = self.reading
        return any(link.b == index for link in reading.links[-2:]) or any(
            relation.b == index for relation in reading.relations[-2:]
        )

    def _antecedent(self, symbol: Symbol) -> int | None:
        """What a pronoun stands for: ``he`` and ``she`` for the last person."""
        if symbol.source == "it" and self.clause.holder is not None:
            return self.clause.holder
        if symbol.source in _PERSONAL:
            phrases = self.reading.phrases
            person = next((index for index in range(len(phrases) - 1, -1, -1) if phrases[index].kind == "p"), None)
            # "He" of nobody who was named.
            return person
        before = self.subject if self.subject is not None else self.topic
        phrases = self.reading.phrases
        if before is not None and phrases[before].kind == "b" and symbol.source in _PERSONAL | {"they"}:
            return None
        if symbol.source in ("they", "them") and before is not None and phrases[before].kind != "p":
            if any(phrase.kind == "p" and phrase.number > 1 for phrase in phrases):
                # The people, or the things: nobody knows.
                return None
        if symbol.source == "them" and before in self.clause.joined:
            before = self.topic
        if symbol.source == "them" and before is not None and phrases[before].number == 1:
            several = (index for index in reversed(range(before)) if phrases[index].number > 1)
            return next(several, None if phrases[before].kind != "p" else before)
        return before
