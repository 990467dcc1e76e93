"""Where phrases, clauses and sentences of a prompt end, and what goes on behind their ends."""

from __future__ import annotations

from ..english import COLOR_NOUNS, COLORS, singular
from .lexicon import Quantity, Symbol
from .noun_phrases import is_modifier
from .phrases import PhraseReader
from .reading import Clause, Link, Pending
from .unasked import DEPICTIONS
from .vocabulary import MATERIALS, MEDIA, SHADES

HAVING = ("wearing", "holding", "carrying")
"""Verbs whose objects go on after ``and``."""


class ClauseReader(PhraseReader):
    """Reads what stands between phrases: commas, ``and``, ``with``, brackets, ends of lines and sentences."""

    def _bracket(self, symbol: Symbol) -> None:
        """A weight ends a tag: ``coast (lighthouse:1.2)`` are two."""
        if not self.literal and self._has_noun:
            self._separate()

    def _shows(self, symbol: Symbol) -> None:
        if self._nothing_yet and self.clause.words and singular(self.clause.words[-1]) in MEDIA:
            self._leave(self.clause.words)
            self.clause = Clause()
        else:
            self._separate()

    def _separate(self) -> None:
        self._flush()
        if self.clause.pending and self.clause.pending.kind == "verb":
            self.reading.describe(self.clause.pending.first, self.clause.pending.words)
        goes_on = self.clause.after_with or self.clause.leans
        if self.clause.main is not None and not (goes_on and self.subject is not None):
            self.subject = self.clause.main
        self._end_ignored()
        self.clause = Clause()

    def _end_ignored(self) -> None:
        if self.clause.ignored and not self.literal:
            self.reading.unchecked.append(" ".join(self.clause.ignored))
        self.clause.ignored, self.refusing = [], False

    def _comma(self, symbol: Symbol) -> None:
        clause = self.clause
        # "A big, fluffy cat" and "with long, curly hair" go on after the comma.
        begun = clause.words and (clause.quantity or clause.after_with) and not self._has_noun
        goes_on = self._next.kind in ("word", "act", "verb", "action") and is_modifier(self._next.text)
        if not (begun and goes_on and self._reaches_a_noun()):
            self._separate()
            self.between = None

    def _stop(self, symbol: Symbol) -> None:
        self._separate()
        if self.place and self.subject is not None:
            self.reading.links.append(Link(self.subject, self.place))
        if len(self.reading.phrases) > self.sentence:
            self.topic = self.sentence if self.about is None else self.about
        self.about = None
        self.sentence = len(self.reading.phrases)
        self.subject, self.person, self.place, self.fronted, self.between = None, None, "", None, None

    def _line(self, symbol: Symbol) -> None:
        # A line can end within a phrase.
        if self._has_noun or self.clause.ignoring:
            self._separate()

    def _and(self, symbol: Symbol) -> None:
        clause, after = self.clause, self._next
        if clause.words and not self._has_noun and after.kind == "word" and is_modifier(after.text):
            both = clause.words[-1] in COLORS and after.text in COLORS | SHADES
            if both or clause.quantity or clause.after_is:
                clause.words += ["and"] if both else []
                return
        if self._elides(after):
            self.elided = clause.words, clause.quantity
            clause.words, clause.quantity = [], None
            return
        self._flush()
        absent = clause.was_absent and after.kind == "word"
        going_on = self._going_on(after)
        joins = clause.last is not None and not clause.pending and not clause.finite
        joined = (*clause.joined, clause.last) if joins and clause.last is not None else ()
        if going_on:
            clause.pending, clause.joined = going_on, ()
            return
        owner, after_with = self.subject, clause.after_with and self.subject is not None
        holder = clause.holder
        self._separate()
        if after_with:
            self.subject, self.clause.after_with, self.clause.holder = owner, True, holder
        self.clause.absent, self.clause.joined = absent, joined

    def _elides(self, after: Symbol) -> bool:
        """Whether a noun is left out, as in ``one black and one white dog``."""
        quantity = self.clause.quantity
        words = self.clause.words
        if not words or words[-1] in MATERIALS | COLOR_NOUNS:
            return False
        described = all(map(is_modifier, words)) and not self.clause.after_is
        return described and quantity is not None and after.kind == "quantity" and self._reaches_a_noun(1)

    def _going_on(self, after: Symbol) -> Pending | None:
        """The relation whose second object goes on after ``and``: ``wearing a hat and a scarf``, ``above the sea and
        the
        land``.
        """
        last = self.last_pending
        if self.literal or last is None or last.first is None or self.clause.last is None or self.clause.was_absent:
            return None
        if last.kind == "verb" and last.words in HAVING and after.kind in ("quantity", "word"):
            return last
        if last.words.endswith("between"):
            return None
        definite = self.definite and after.kind == "quantity" and after.source == "the"
        return last if definite and last.kind in ("direction", "link") and self._ends_soon() else None

    def _ends_soon(self) -> bool:
        """Whether nothing is said of the object to come: it has no relation of its own."""
        for symbol in self.symbols[self.index + 2 : self.index + 8]:
            if symbol.kind in ("comma", "stop", "line"):
                return True
            if symbol.kind != "word":
                return False
        return True

    def _with(self, symbol: Symbol) -> None:
        self._flush()
        holder = self.clause.last
        self._separate()
        self.clause.after_with, self.clause.holder = True, holder

    def _whose(self, symbol: Symbol) -> None:
        """``A woman whose hair is blue``: it is the hair that is blue."""
        self._separate()
        self.clause.after_with, self.clause.owned, self.clause.quantity = True, True, Quantity(None)

    def _or(self, symbol: Symbol) -> None:
        clause = self.clause
        if not (clause.absent or self.literal):
            # Nobody knows which of two alternatives is there.
            self._leave(clause.words)
            clause.words, clause.quantity, clause.pending, clause.skipping = [], None, None, False
        self._flush()
        # Of two things that must not be there, neither may.
        absent = clause.was_absent
        self._separate()
        self.clause.absent, self.clause.skipping = absent, not absent

    def _while(self, symbol: Symbol) -> None:
        """What comes now is said of another thing."""
        self._separate()

    def _filler(self, symbol: Symbol) -> None:
        self._flush()
        pending = self.clause.pending
        if symbol.source == "that" and pending and pending.kind in ("link", "direction"):
            # "Behind that there are trees": behind what, nobody knows.
            self.clause.pending = None
        last = None if self.clause.last is None else self.reading.phrases[self.clause.last].noun
        if symbol.source == "for" and last is not None and last.partition(" of ")[0].rpartition(" ")[2] in DEPICTIONS:
            # "A logo for a bakery".
            self.clause.skipping = True
        if symbol.source == "for" and self._next.form == "ing" and not self.literal:
            # "A spoon for stirring soup": what it is for need not be there.
            self._drop(symbol)

    def _drop(self, symbol: Symbol) -> None:
        self._flush()
        self.clause.ignoring = True
        self.clause.ignored.append(symbol.source)

    def _noise(self, symbol: Symbol) -> None:
        """Quality tags change nothing, within phrases too."""
