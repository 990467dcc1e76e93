"""What is wrong with a picture as one instruction for an edit model: what to change, what to keep, and where.

By rules: each claim that fails is named once, as the least change after which it would hold, and nothing that holds is
named as to change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..claims import Claim
from ..critique import Critique, Verdict
from ..detections import Detection, matching
from ..edit import GROWTH, pixels_of, without
from ..rewards import decidable
from .instruction_words import (
    OPPOSITE,
    direction_words,
    kept_words,
    listed,
    more_objects,
    statement,
    the_objects,
    zone_words,
)

if TYPE_CHECKING:
    from torch import Tensor

_ADDING_ONE = ("add a ", "add an ", "add another ")

REST = "everything else"
"""What is kept beside what is named."""


@dataclass(frozen=True, eq=False)
class Change:
    """One change: ``text`` says it, and it is to make ``claims`` hold.

    ``objects`` are those that it touches; ``elsewhere``: something is to come to where it is free. With neither nobody
    knows where. ``added`` is the noun and colour of what it adds.
    """

    text: str
    claims: tuple[Claim, ...]
    objects: tuple[Detection, ...] = ()
    elsewhere: bool = False
    added: tuple[str, str | None] | None = None

    @property
    def located(self) -> bool:
        """Whether it is known where the picture changes."""
        return bool(self.objects) or self.elsewhere


@dataclass(frozen=True, eq=False)
class EditInstruction:
    """What an edit model is told of a picture: ``changes``, what is ``kept``, and statements that ``stay`` true.

    ``staying`` are the objects that no change touches.
    """

    changes: tuple[Change, ...]
    kept: tuple[str, ...]
    stay: tuple[str, ...]
    staying: tuple[Detection, ...]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The failed claims that it names, each once."""
        return tuple(dict.fromkeys(claim for change in self.changes for claim in change.claims))

    @property
    def to_change(self) -> str:
        """The changes as text; empty where nothing fails."""
        return "; ".join(dict.fromkeys(change.text for change in self.changes))

    @property
    def to_keep(self) -> str:
        """What is kept, as text."""
        kept = f"keep {listed([*self.kept, REST])} as {'they are' if self.kept else 'it is'}"
        return "; ".join([kept, *(["this stays so: " + ", ".join(self.stay)] if self.stay else [])])

    @property
    def text(self) -> str:
        """The whole instruction: what to change, then what to keep."""
        return "; ".join(filter(None, (self.to_change, self.to_keep)))

    def may_change(self, size: tuple[int, int]) -> Tensor:
        """The pixels (H, W) of a picture of ``size`` that the changes may touch, as booleans.

        These are the grown boxes of their objects, where something is added or moved all that no other object covers,
        and all of the picture where nobody knows where a claim fails. None of them where nothing is to change.
        """
        if not all(change.located for change in self.changes):
            return ~pixels_of((), size)
        touched = pixels_of([found for change in self.changes for found in change.objects], size, GROWTH)
        if any(change.elsewhere for change in self.changes):
            return touched | ~pixels_of(self.staying, size)
        return touched


def instruction_of(critique: Critique) -> EditInstruction:
    """What has to change in a picture, and what has to stay, by a critique of it.

    A claim without a verdict, or one that the artist has accepted, asks for no change. Where the critic gives boxes,
    they say what has to be added, removed, turned and moved; else the claims' own words do.
    """
    failed = [verdict for verdict in critique.verdicts if verdict.passed is False and not verdict.claim.accepted]
    evidence = (found for verdict in critique.verdicts for found in verdict.evidence)
    objects = tuple(critique.detections or dict.fromkeys(evidence))
    changes: list[Change] = []
    after = list(objects)
    for noun in _counted(failed) if objects else ():
        of_noun, later = _noun_changes(noun, critique.verdicts, objects)
        changes += of_noun
        after = [*(found for found in after if not matching([found], noun, None)), *later]
    changes = _joined_to_replace(changes)
    for verdict in failed:
        if verdict.claim.type == "position" and objects:
            _place(changes, verdict.claim, objects, after)
        elif not any(verdict.claim in change.claims for change in changes):
            changes.append(_stated(verdict, objects))
    touched = [found for change in changes for found in change.objects]
    kept, stay = _to_keep(critique.verdicts, [verdict.claim for verdict in failed])
    return EditInstruction(tuple(changes), kept, stay, tuple(without(objects, touched)))


def _counted(failed: Sequence[Verdict]) -> list[str]:
    """The nouns of which something other than a position fails that boxes decide."""
    claims = (verdict.claim for verdict in failed if decidable(verdict.claim))
    return list(dict.fromkeys(claim.noun for claim in claims if claim.type != "position"))


@dataclass(frozen=True, eq=False)
class _Wanted:
    """What claims want of a noun: so many of a colour, which of these exactly, and so many in all."""

    colors: dict[str, int]
    exact: frozenset[str]
    least: int
    total: int | None

    @classmethod
    def of(cls, claims: Sequence[Claim]) -> _Wanted:
        colors: dict[str, int] = {}
        exact, least, total = set(), 0, None
        for claim in claims:
            if claim.color:
                colors[claim.color] = max(claim.number, colors.get(claim.color, 0))
                exact |= {claim.color} if claim.type in ("count", "color") else set()
            elif claim.type == "count":
                total = claim.number
            else:
                least = max(claim.number, least)
        return cls(colors, frozenset(exact), least, total)


def _noun_changes(
    noun: str, verdicts: Sequence[Verdict], objects: Sequence[Detection]
) -> tuple[list[Change], list[Detection]]:
    """The least changes after which all claims hold that boxes decide of a noun, but for positions; none where the
    boxes do not say what is wrong. With what is then left of its objects, without what is added.
    """
    judged = [
        verdict
        for verdict in verdicts
        if verdict.claim.noun == noun
        and verdict.claim.type != "position"
        and decidable(verdict.claim)
        and verdict.passed is not None
        and not verdict.claim.accepted
    ]
    seen, wanted = matching(objects, noun, None), _Wanted.of([verdict.claim for verdict in judged])
    claims = tuple(verdict.claim for verdict in judged if not verdict.passed)
    beyond = {color: matching(seen, noun, color)[number:] for color, number in wanted.colors.items()}
    surplus = [found for color, others in beyond.items() if color in wanted.exact for found in others]
    spare = [found for found in seen if found.color not in wanted.colors]
    more = [found for color, others in beyond.items() if color not in wanted.exact for found in others]
    turned: list[tuple[Detection, str]] = []
    added: list[str | None] = []
    for color, number in wanted.colors.items():
        for _ in range(number - len(matching(seen, noun, color))):
            full = wanted.total is not None and len(seen) + len(added) >= wanted.total
            pool = surplus or spare or (more if full else [])
            if pool:
                turned.append((pool.pop(0), color))
            else:
                added.append(color)
    enough = max(wanted.least, wanted.total or 0)
    added += [None] * (enough - len(seen) - len(added))
    most_removed = len(seen) + len(added) - enough
    removed, recolored = surplus[:most_removed], surplus[most_removed:]
    if wanted.total is not None:
        removed += [*spare, *more][: most_removed - len(removed)]
    plain = not wanted.colors
    changes = [
        *_removals(noun, removed, seen, plain, claims),
        *_turns(noun, turned, seen, claims),
        *_turns(noun, [(found, "another colour") for found in recolored], seen, claims),
        *_additions(noun, added, seen, plain, claims),
    ]
    new_colors = [replace(found, color=color) for found, color in turned]
    return changes, [*without(seen, [*removed, *(found for found, _ in turned)]), *new_colors]


def _removals(
    noun: str, removed: Sequence[Detection], seen: Sequence[Detection], plain: bool, claims: tuple[Claim, ...]
) -> Iterator[Change]:
    if not removed:
        return
    if plain:
        # Any of them will do, whatever their colours.
        colors = {found.color for found in seen}
        color = next(iter(colors)) if len(colors) == 1 and len(seen) > 1 else None
        yield Change(f"remove {the_objects(noun, color, len(removed), len(seen))}", claims, tuple(seen))
        return
    for color, number in Counter(found.color for found in removed).items():
        group, named = _group(noun, color, seen)
        yield Change(f"remove {the_objects(noun, named, number, len(group))}", claims, tuple(group))


def _turns(
    noun: str, turned: Sequence[tuple[Detection, str]], seen: Sequence[Detection], claims: tuple[Claim, ...]
) -> Iterator[Change]:
    for (before, color), number in Counter((found.color, color) for found, color in turned).items():
        group, named = _group(noun, before, seen)
        yield Change(f"make {the_objects(noun, named, number, len(group))} {color}", claims, tuple(group))


def _additions(
    noun: str, added: Sequence[str | None], seen: Sequence[Detection], plain: bool, claims: tuple[Claim, ...]
) -> Iterator[Change]:
    for color, number in Counter(added).items():
        colors = {found.color for found in seen}
        # One more of red cups is red.
        same = next(iter(colors)) if plain and len(colors) == 1 else color
        text = f"add {more_objects(noun, same, number, len(matching(seen, noun, same)))}"
        yield Change(text, claims, elsewhere=True, added=(noun, same))


def _group(noun: str, color: str | None, seen: Sequence[Detection]) -> tuple[list[Detection], str | None]:
    """The objects of a noun that have a colour, and the colour to name them by: none where the noun will do."""
    group = [found for found in seen if found.color == color] if color else list(seen)
    return group, None if len(seen) == 1 else color


def _joined_to_replace(changes: list[Change]) -> list[Change]:
    """A removal and an addition of one object each, of other nouns, as one replacement."""
    removals = [change for change in changes if change.text.startswith("remove ") and _is_one(change)]
    additions = [change for change in changes if change.added and change.text.startswith(_ADDING_ONE)]
    for removal, addition in zip(removals, additions):
        if removal.claims != addition.claims:
            text = f"replace {removal.text.removeprefix('remove ')} with {addition.text.removeprefix('add ')}"
            claims = tuple(dict.fromkeys((*removal.claims, *addition.claims)))
            replacement = Change(text, claims, removal.objects, added=addition.added)
            changes = [replacement if change is removal else change for change in changes if change is not addition]
    return changes


def _is_one(removal: Change) -> bool:
    return removal.text.startswith("remove one of ") or len(removal.objects) == 1


def _place(changes: list[Change], claim: Claim, objects: Sequence[Detection], after: Sequence[Detection]) -> None:
    """Put a position that fails among the changes: as where something is added, or as a move of what is there.

    ``after`` are the objects as the changes so far leave them.
    """
    firsts, seconds = matching(after, claim.noun, claim.color), matching(after, claim.other, claim.other_color)
    where, back = zone_words(claim), ""
    if claim.direction and claim.other:
        where = f"{direction_words(claim.direction)} {_the(claim.other, claim.other_color, seconds)}"
        back = f"{direction_words(OPPOSITE[claim.direction])} {_the(claim.noun, claim.color, firsts)}"
    for index, change in enumerate(changes):
        adds_first = not firsts and _adds(change, claim.noun, claim.color)
        adds_second = bool(firsts and back) and not seconds and _adds(change, claim.other, claim.other_color)
        if change.text.startswith("add ") and (adds_first or adds_second):
            joint = " and " if " the " in change.text else " "
            text = f"{change.text}{joint}{where if adds_first else back}"
            del changes[index]
            # What it stands beside is named before.
            changes.append(replace(change, text=text, claims=(*change.claims, claim)))
            return
    if firsts or any(_adds(change, claim.noun, claim.color) for change in changes):
        moved = matching(objects, claim.noun, claim.color) or matching(objects, claim.noun, None)
        text = f"move {_the(claim.noun, claim.color, firsts)} {where}"
        changes.append(Change(text, (claim,), tuple(moved), True))
        return
    text = f"add {more_objects(claim.noun, claim.color, 1, 0)} {where}"
    changes.append(Change(text, (claim,), elsewhere=True, added=(claim.noun, claim.color)))


def _adds(change: Change, noun: str | None, color: str | None) -> bool:
    """Whether a change adds an object of a kind."""
    return change.added is not None and change.added[0] == noun and color in (None, change.added[1])


def _the(noun: str, color: str | None, seen: Sequence[Detection]) -> str:
    number = max(len(seen), 1)
    return the_objects(noun, color, number, number)


def _stated(verdict: Verdict, objects: Sequence[Detection]) -> Change:
    """A change in the claim's own words, where its evidence or the objects of its noun are."""
    claim = verdict.claim
    where = verdict.evidence or tuple(matching(objects, claim.noun, None) if claim.noun else ())
    missing = claim.type in ("count", "object") and bool(objects) and not where
    return Change(statement(claim), (claim,), tuple(where), elsewhere=missing)


def _to_keep(verdicts: Sequence[Verdict], failed: Sequence[Claim]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the claims that hold are about, as things to keep and as statements; nothing that has to change."""
    holding = [
        verdict for verdict in verdicts if verdict.passed and not any(_touches(verdict.claim, f) for f in failed)
    ]
    kept = {verdict.claim: kept_words(verdict.claim, verdict.evidence) for verdict in holding}
    colored = {claim.noun for claim in kept if claim.color}
    phrases = dict.fromkeys(
        words
        for claim, words in kept.items()
        # The blue car is a car.
        if words and (claim.color or claim.type not in ("count", "object") or claim.noun not in colored)
    )
    statements = (claim.text for claim, words in kept.items() if not words and claim.edit is None)
    shortest = [words for words in phrases if not any(longer.startswith(f"{words} ") for longer in phrases)]
    return tuple(shortest), tuple(dict.fromkeys(statements))


def _touches(held: Claim, failed: Claim) -> bool:
    """Whether what has to change is of a kind that a claim is about."""
    if not held.noun:
        return False
    pairs = (
        (mine, theirs)
        for mine in ((held.noun, held.color), (held.other, held.other_color))
        for theirs in ((failed.noun, failed.color), (failed.other, failed.other_color))
        if mine[0] and mine[0] == theirs[0]
    )
    return any(a is None or b is None or a == b for (_, a), (_, b) in pairs)
