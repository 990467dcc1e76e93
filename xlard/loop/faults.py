"""What is wrong in a picture, object by object: right ones, wrong ones, missing ones, and pairs that stand wrongly."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..claims import Claim
from ..critique import Critique
from ..detections import Detection, ObjectKind, matching
from ..rewards import decidable


@dataclass(frozen=True)
class FailedRelation:
    """A position that does not hold: ``firsts`` should stand in ``direction`` of ``seconds``; one of the two may be
    empty.

    With a ``zone`` (x, y, width, height in pixels) they should have their middle inside of it instead.
    """

    firsts: tuple[Detection, ...]
    seconds: tuple[Detection, ...]
    direction: str | None
    zone: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Faults:
    """A critique read object by object.

    ``right``: objects that were asked for. ``wrong``: too many, of another colour, or what a failed claim rests on.
    ``missing``: kinds that are asked for and not there, once for each object. ``relations``: positions that fail.
    """

    right: tuple[Detection, ...]
    wrong: tuple[Detection, ...]
    missing: tuple[ObjectKind, ...]
    relations: tuple[FailedRelation, ...]

    @property
    def located(self) -> bool:
        """Whether there is anything that a part of the picture could be blamed for."""
        return bool(self.wrong or self.missing or self.relations)


def faults_of(critique: Critique, rng: random.Random, held: Sequence[Detection] = ()) -> Faults:
    """Read a critique object by object; where there are too many of a kind, those that are ``held`` are kept, then
    ``rng`` says."""
    claims = [verdict.claim for verdict in critique.verdicts if decidable(verdict.claim)]
    right, wrong, missing = [], [], []
    shuffled = rng.sample(critique.detections, len(critique.detections))
    shuffled.sort(key=lambda d: not any(d is each for each in held))
    for wanted in _wanted(claims):
        left = [d for d in matching(shuffled, wanted.noun, None) if d not in right]
        for color, number in wanted.kinds:
            found = [d for d in matching(left, wanted.noun, color) if d not in right][:number]
            right += found
            missing += [ObjectKind(wanted.noun, color)] * (number - len(found))
        wrong += [d for d in left if d not in right and (wanted.exact or d.color in dict(wanted.kinds))]
    relations = []
    for verdict in critique.verdicts:
        claim = verdict.claim
        if verdict.passed is not False:
            continue
        if claim.type == "position":
            firsts = matching(right, claim.noun, claim.color)
            seconds = matching(right, claim.other, claim.other_color) if claim.other else []
            relations.append(FailedRelation(tuple(firsts), tuple(seconds), claim.direction, claim.zone))
        elif not decidable(claim):
            wrong += [d for d in verdict.evidence if d not in wrong]
    return Faults(tuple(d for d in right if d not in wrong), tuple(wrong), tuple(missing), tuple(relations))


@dataclass(frozen=True)
class _Wanted:
    """What claims ask for of a noun: pairs of colour and number, and whether there may be no others of it."""

    noun: str
    kinds: tuple[tuple[str | None, int], ...]
    exact: bool


def _wanted(claims: Sequence[Claim]) -> list[_Wanted]:
    colored: dict[str, dict[str, int]] = defaultdict(dict)
    totals: dict[str, int] = {}
    exact = set()
    for claim in claims:
        if claim.type == "position" and claim.other:
            ends = ((claim.noun, claim.color, claim.number), (claim.other, claim.other_color, 1))
        else:
            ends = ((claim.noun, claim.color, claim.number),)
        for noun, color, number in ends:
            if color:
                colored[noun][color] = max(number, colored[noun].get(color, 0))
            else:
                totals[noun] = max(number, totals.get(noun, 0))
        if claim.type == "count" and not claim.color:
            exact.add(claim.noun)
    found = []
    for noun in dict.fromkeys([*colored, *totals]):
        rest = totals.get(noun, 0) - sum(colored[noun].values())
        kinds = [*colored[noun].items(), *([(None, rest)] if rest > 0 else [])]
        found.append(_Wanted(noun, tuple(kinds), noun in exact))
    return found
