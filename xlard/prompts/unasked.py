"""Which phrases name no thing of their own: the picture itself, a style, a part of a body, an idiom."""

from __future__ import annotations

from ..english import COLOR_NOUNS, singular
from .lexicon import Quantity
from .named_again import NamedAgain
from .noun_phrases import Phrase
from .reading import Pending
from .vocabulary import BODY_PARTS, MEDIA
from .words import letters, noun_kind

DEPICTIONS = frozenset(
    """statue sculpture figurine bust carving painting drawing picture photo portrait poster mural logo sticker emblem
    mosaic sketch stencil""".split()
)
"""Things that show other things: a statue of a lion is no lion."""


class Unasked(NamedAgain):
    """Which phrases name no thing of their own."""

    def _is_the_picture(self, phrase: Phrase, pending: Pending | None) -> bool:
        """``A matte painting by``: it is the picture itself."""
        clause, ends = self.clause, self.symbols[self.index].kind
        inside = self.literal or pending or clause.main is not None or clause.after_with or clause.joined
        if inside or phrase.noun.rpartition(" ")[2] not in MEDIA:
            return False
        return ends in ("by", "drop") or (ends in ("comma", "stop", "line") and not self.reading.phrases)

    def _is_bare_part(self, phrase: Phrase, quantity: Quantity | None, pending: Pending | None) -> bool:
        """``Hair between eyes`` says how somebody looks, and asks for no hair and eyes."""
        if self.literal or quantity or phrase.color or phrase.attributes or self.clause.after_with:
            return False
        joins = pending is not None and pending.kind != "verb"
        alone = self.clause.main is None and self.symbols[self.index].kind in ("comma", "stop", "line")
        joins = joins or (alone and pending is None and bool(self.reading.phrases) and phrase.number == 1)
        is_part = phrase.noun in BODY_PARTS or phrase.kind == "b"
        return is_part and (joins or self.symbols[self.index].kind in ("link", "direction"))

    def _is_style(self, phrase: Phrase, words: list[str], quantity: Quantity | None) -> bool:
        """``Visionary`` and ``gothic`` alone are adjectives, though people are called so too."""
        if self.literal or quantity is not None or len(words) != 1 or words[0] in COLOR_NOUNS:
            return False
        alone = self.clause.main is None and bool(self.reading.phrases)
        ends = alone and self._at_end and phrase.number == 1
        shows = ends and phrase.noun in DEPICTIONS | MEDIA
        return shows or ("a" in letters(words[0]) and (phrase.kind == "p" or ends))

    @staticmethod
    def _is_idiom(relation: str, phrase: Phrase, quantity: Quantity | None) -> bool:
        """``At bat``, ``at sea``: a singular without an article is no thing there."""
        return quantity is None and phrase.number == 1 and relation.rpartition(" ")[2] == "at" and phrase.color is None

    def _shows_another(self, word: str) -> bool:
        """Whether ``of`` and an article go on: ``statue of a lion``."""
        shows = word == "body" or singular(word) in DEPICTIONS or singular(word) in BODY_PARTS or noun_kind(word) == "b"
        return shows and self._next.kind == "quantity" and self._next.source in ("a", "an", "")

    @staticmethod
    def _abstract(word: str) -> bool:
        """Whether a noun names no thing, so that what it is of is the thing: ``edge of water``."""
        return "x" in letters(word) or "x" in letters(singular(word))
