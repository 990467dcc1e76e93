"""Where a noun phrase ends though another word of nouns follows: owners, plurals, tags without commas."""

from __future__ import annotations

from ..english import COLORS, INVARIANT_NOUNS, singular
from .noun_phrases import is_modifier
from .unasked import Unasked
from .vocabulary import MEDIA
from .words import SURE, letters, noun_kind

_OWNERS = frozenset("man woman men women child children boy girl baby lady ladies mens womens people person".split())
"""Whose hat it is says what kind of hat it is."""


class PhraseEnds(Unasked):
    """Where a noun phrase ends before the next word."""

    @staticmethod
    def _is_owner(word: str) -> bool:
        return word.endswith("'s") or word.endswith("s'")

    @staticmethod
    def _owns(word: str) -> bool:
        """Whether an owner is there too: a sailor's cap needs a sailor, a woman's hat no woman."""
        return word.partition("'")[0] not in _OWNERS

    @staticmethod
    def _ends_before(last: str, word: str) -> bool:
        """Whether a noun ends a phrase before another one, as a plural does in ``gulls waves``."""
        plural_noun = getattr(last, "tag", "") in ("N", "") and singular(last) != last and " " not in last
        if word in ("left", "right") and noun_kind(last) == "b":
            return True
        ends = getattr(word, "tag", "") in ("N", "A") or word in MEDIA
        return plural_noun and noun_kind(last) in SURE and ends and "N" in letters(last)

    def _is_owned_by_several(self, last: str) -> bool:
        """``An artists room``: the article is the room's."""
        quantity = self.clause.quantity
        return quantity is not None and quantity.number == 1 and quantity.kind == "one" and last not in INVARIANT_NOUNS

    def _begins_anew(self, words: list[str], word: str) -> bool:
        """Whether a noun before an adjective belongs to no phrase: ``winter coat long boots``, ``knee long hair``."""
        clause = self.clause
        if not is_modifier(word) or word == "and":
            return False
        if words[-1] in MEDIA and self._reaches_a_noun():
            return True
        if clause.quantity is not None or clause.pending or word in COLORS:
            return False
        noun = getattr(words[-1], "tag", "") == "N" and " " not in words[-1] and noun_kind(words[-1]) in SURE
        return noun and singular(words[-1]) == words[-1] and self._reaches_a_noun()

    def _reaches_a_noun(self, skipped: int = 0) -> bool:
        """Whether a noun follows before the phrase must end, after ``skipped`` symbols."""
        if self.literal:
            return not skipped
        for symbol in self.symbols[self.index + 1 + skipped : self.index + 8]:
            if symbol.kind in ("word", "act", "verb", "action") and not is_modifier(symbol.text):
                return True
            if symbol.kind not in ("word", "act", "verb", "action", "comma", "and", "noise"):
                return False
        return False
