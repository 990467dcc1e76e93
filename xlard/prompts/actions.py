"""Reads verbs: whether one tells what a phrase does, and who does it."""

from __future__ import annotations

from ..english import singular
from .clauses import ClauseReader
from .lexicon import Symbol
from .noun_phrases import is_modifier
from .reading import Pending
from .verbs import participle
from .vocabulary import BODY_PARTS, CLOTHES, MATERIALS, PLACES, SILENT_VERBS
from .words import SURE, noun_kind, verb_of

_AUXILIARIES = frozenset("trying going getting coming starting beginning doing making being".split())
"""Verbs that say nothing without another one."""


_AT = frozenset("in on at inside around".split())
_WAYS = frozenset("straight down up forward upward downward ahead away left right".split())
"""Where somebody looks, and not how."""

LIVING = frozenset(
    """standing sitting kneeling crouching running walking jumping leaping swimming dancing singing smiling laughing
    crying crawling talking looking staring yawning skating surfing skiing posing sleeping hiding leaning""".split()
)
_HUMAN = frozenset("watching reading wearing holding playing writing drinking smoking carrying painting using".split())
"""What people do to things, even where a thing stands nearer."""
"""What people do, and things that they have do not."""


class ActionReader(ClauseReader):
    """Reads verbs: whether one tells what a phrase does, and who does it."""

    def _join(self, kind: str, words: str, first: int | None) -> None:
        """Wait for the second phrase of a relation; an absent object has none."""
        self.clause.after_is = False
        if not (self.clause.was_absent or self.clause.absent):
            nobody = first is None and (self.subject is not None or kind == "verb")
            if (self.clause.lost or nobody) and not self.literal:
                kind, self.clause.lost = "none", False
            self.clause.pending = Pending(kind, words, first)

    def _verb(self, symbol: Symbol) -> None:
        if not self._is_predicate(symbol):
            self._word(symbol)
            return
        self._drop_camera()
        self._flush()
        self._tell(symbol)
        # "A man wearing a hat riding a horse": it is not the hat that rides.
        subject = self.clause.main if self.clause.doing else self._doer(symbol)
        if self._next.source == "from":
            self.reading.describe(subject, symbol.value)
        else:
            self._join("verb", symbol.value, subject)

    def _action(self, symbol: Symbol) -> None:
        if not self._is_predicate(symbol):
            self._word(symbol)
            return
        if not self._begins(symbol) or self.clause.lost:
            return
        if symbol.value == "looking" and self._next.kind not in ("link", "direction", "place"):
            # "A man looks sad": the verb says no more than "is".
            self.clause.after_is = self.clause.last is not None and self._next.text not in _WAYS
            return
        if self._next.kind in ("link", "direction", "by"):
            self.clause.verb = symbol.value
        elif self._next_begins_a_thing() and symbol.value not in SILENT_VERBS:
            # "A man walking a dog": these verbs join two things, too.
            self._join("verb", symbol.value, self._doer(symbol))
        elif self._is_act_of_nobody(symbol):
            self.reading.unchecked.append(symbol.source)
        elif not (self._next.kind == "place" and symbol.value in SILENT_VERBS):
            mover = self._mover(symbol.value)
            if symbol.value == "centered":
                return
            if mover is None or self.literal or self.reading.phrases[mover].kind != "b" or symbol.value not in LIVING:
                self.reading.describe(mover, symbol.value)

    def _mover(self, verb: str) -> int | None:
        """Who does what needs no other thing: in ``a woman with an umbrella walking`` not the umbrella."""
        actor, owner = self._actor, self.clause.holder
        if self.literal or actor is None or owner is None or verb not in LIVING:
            return actor
        held, holder = self.reading.phrases[actor], self.reading.phrases[owner]
        worn = held.kind == "b" or held.noun.rpartition(" ")[2] in BODY_PARTS | CLOTHES
        return owner if worn or (holder.kind == "p" and held.kind != "p") else actor

    def _return_to_holder(self) -> None:
        """``A man with a hat is`` and ``walks``: a finite verb tells of the man."""
        clause = self.clause
        if clause.after_with and clause.holder is not None and not (clause.owned or self.literal):
            clause.last = clause.main = clause.holder
            clause.after_with, clause.holder = False, None

    def _next_begins_a_thing(self) -> bool:
        """Whether what a verb is done to comes now; in a claim's text also ``float``, which can be a verb."""
        after = self._next
        if self.literal:
            return after.kind == "word" or after.form == "base"
        # "Children flying kites": several of them, without an article.
        several = after.kind == "word" and getattr(after.text, "tag", "") == "N" and singular(after.text) != after.text
        return after.kind == "quantity" or (several and noun_kind(after.text) in SURE)

    def _doer(self, symbol: Symbol) -> int | None:
        """Who does something to the thing to come: in ``a dog in a yard chasing a ball`` not the yard."""
        actor, main = self._actor, self.clause.main
        if self.literal or symbol.form != "ing" or actor is None or main is None or actor == main:
            return actor
        links, relations = self.reading.links, self.reading.relations
        placed = bool(links) and links[-1].b == actor and links[-1].words.rpartition(" ")[2] in _AT
        person = self.reading.phrases[main].kind == "p"
        upright = bool(relations) and relations[-1].b == actor and relations[-1].direction in ("above", "below")
        placed = placed or (person and (upright or symbol.value in _HUMAN))
        lives = self.reading.phrases[actor].kind == "p" and not person
        return main if placed and not lives else actor

    def _begins(self, symbol: Symbol) -> bool:
        """Ends the phrase before a verb; whether that verb is of something that is there."""
        self._drop_camera()
        self._flush()
        self.clause.after_is = False
        self._tell(symbol)
        return not (self.clause.was_absent or self.clause.absent or self.fronted)

    def _tell(self, symbol: Symbol) -> None:
        """A verb has told what the clause's first phrase does."""
        if self.clause.nobody and symbol.form == "ing":
            self.clause.lost = True
        if symbol.form in ("third", "past"):
            self._return_to_holder()
        if symbol.form in ("third", "base", "past"):
            self.clause.finite = True
        self.clause.each = self.clause.of_each

    def _act(self, symbol: Symbol) -> None:
        """A verb that is in no list of ours: a relation, an attribute, or a part of a noun phrase."""
        if not self._acts(symbol):
            self._word(symbol)
            return
        if not self._begins(symbol):
            return
        after, verb = self._after_adverbs, symbol.value
        if self.clause.lost:
            if after.kind in ("quantity", "word", "each_of", "both_the"):
                self._join("verb", verb, None)
            return
        subject = self.clause.main if self.clause.doing and symbol.form == "ing" else self._actor
        if after.kind in ("link", "direction", "by", "with"):
            self.clause.verb = verb
        elif after.kind in ("quantity", "word", "each_of", "both_the") and symbol.form != "ed":
            self._join("verb", verb, self._doer(symbol) if subject == self._actor else subject)
        elif after.kind == "quantity" and (base := verb_of(symbol.source)):
            self._join("verb", participle(base[0]), subject)
        elif after.kind == "like":
            self.reading.unchecked.append(symbol.source)
        elif self._is_act_of_nobody(symbol):
            self.reading.unchecked.append(symbol.source)
        elif symbol.form in ("ing", "ed") and self._describes(symbol, after):
            self.reading.describe(subject, verb)
        elif not self.literal:
            self.reading.unchecked.append(symbol.source)

    def _describes(self, symbol: Symbol, after: Symbol) -> bool:
        """Whether a verb that joins nothing says something of who does it; not in ``preparing to land``."""
        if self._stands_alone(after) or symbol.value in _AUXILIARIES or self._next.source == "to":
            return False
        next_but_one = self.symbols[self.index + 2] if self.index + 2 < len(self.symbols) else Symbol("stop")
        told = self.symbols[self.index - 1].kind == "word" and next_but_one.kind in ("act", "verb", "action")
        # "Three cats purred and slept": what they did, and not what was done to them.
        return not (symbol.form == "ed" and self._next.kind == "and" and told)

    def _stands_alone(self, after: Symbol) -> bool:
        """Whether a verb is a tag of its own, where it may name a style: ``inking``."""
        bare = self.clause.last is None and not self.clause.after_is and not self.clause.joined
        before = self.symbols[self.index - 1].kind if self.index else "stop"
        return bare and before in ("comma", "line") and after.kind in ("comma", "stop", "line")

    def _acts(self, symbol: Symbol) -> bool:
        """Whether a verb of no list tells what a phrase does."""
        clause, after = self.clause, self._next.kind
        if symbol.form in ("ing", "ed"):
            if clause.words:
                return self._has_noun and not self._names_a_treatment(symbol)
            if clause.after_is:
                return symbol.form == "ing" or after not in ("word", "act")
            if clause.quantity is not None or clause.pending is not None:
                return False
            if clause.lost:
                return True
            return self._referent is not None and (after not in ("word", "act") or clause.last is not None)
        if clause.words and not self._has_noun:
            return False
        if not clause.words:
            return clause.quantity is None and clause.pending is None and (clause.last is not None or clause.lost)
        return self._agrees(clause.words[-1], symbol.form)

    def _names_a_treatment(self, symbol: Symbol) -> bool:
        """Whether a tag such as ``ear piercing`` ends here: what is done to a part of the body, and no act of it."""
        clause = self.clause
        bare = clause.quantity is None and clause.last is None and not clause.after_with and len(clause.words) == 1
        ends = self._next.kind in ("comma", "stop", "line", "bracket")
        return not self.literal and bare and ends and symbol.form == "ing" and clause.words[0] in BODY_PARTS

    def _is_act_of_nobody(self, symbol: Symbol) -> bool:
        """Whether a tag of its own tells what somebody does who is not named: ``street, pouting``."""
        clause, subject = self.clause, self._actor
        if self.literal or subject is None or clause.last is not None or clause.after_is or symbol.form != "ing":
            return False
        phrase = self.reading.phrases[subject]
        return phrase.kind in ("s", "m", "x", "g") or phrase.noun in PLACES

    def _agrees(self, last: str, form: str) -> bool:
        """Whether a noun and a verb without -ing can be subject and predicate: ``a robot repairs``, ``toads share``."""
        plural_noun = singular(last) != last
        number = self.clause.quantity.number if self.clause.quantity else None
        if form == "third" and (plural_noun or (number or 1) > 1):
            return self.clause.of_each
        if self.clause.quantity is None and not plural_noun and noun_kind(last) not in ("m", "s", "p"):
            return self._next.kind == "quantity" or form == "past"
        return form != "base" or plural_noun or noun_kind(last) == "p"

    def _drop_camera(self) -> None:
        if self._is_camera():
            self.clause.words, self.clause.quantity, self.clause.lost = [], None, True

    def _is_camera(self) -> bool:
        """``The camera glides over``: who films is not in the picture."""
        words, quantity = self.clause.words, self.clause.quantity
        return words == ["camera"] and quantity is not None and quantity.number is None and self._nothing_yet

    @property
    def _after_adverbs(self) -> Symbol:
        return next(
            (item for item in self.symbols[self.index + 1 : self.index + 4] if item.kind != "noise"), Symbol("stop")
        )

    def _is_predicate(self, symbol: Symbol) -> bool:
        """Whether a verb tells what the phrase before it does, and is no part of a noun phrase."""
        clause, after = self.clause, self._next.kind
        if symbol.form == "ing":
            if clause.lost and not clause.words:
                return True
            if clause.words or clause.after_is:
                names = after == "word" or self._next.form == "base"
                return self._has_noun or (clause.after_is and not clause.words) or not names
            if clause.quantity is not None or clause.pending is not None:
                return False
            if symbol.kind == "action" and clause.last is None and not self.literal:
                # "Girl, glowing eyes": at the beginning of a tag it describes the noun to come.
                return after not in ("word", "act")
            return self._referent is not None or after != "word"
        telegraphic = symbol.form == "base" and not self.literal
        if self.literal or (after == "word" and symbol.tag != "V" and not telegraphic):
            return False
        if not clause.words:
            spoken = clause.last is not None or self.fronted is not None
            return symbol.form == "third" and clause.quantity is None and spoken
        last, number = clause.words[-1], clause.quantity.number if clause.quantity else None
        goes_on = after in ("link", "direction", "quantity") or symbol.tag == "V"
        if symbol.form == "base" and clause.joined and goes_on:
            return True
        if symbol.form == "base" and number in (1, None) and singular(last) == last:
            # "Person wear coat" leaves out the grammar.
            return noun_kind(last) == "p" and after in ("word", "quantity", "link", "direction")
        if is_modifier(last) and last not in MATERIALS:
            return False
        if symbol.form == "third" and clause.of_each:
            return True
        if symbol.form == "third":
            return singular(last) == last and number in (1, None) and (clause.quantity is not None or goes_on)
        return ((singular(last) != last and number != 1) or bool(clause.joined)) and goes_on
