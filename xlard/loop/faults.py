"""What is wrong in a picture, object by object: right ones, wrong ones, missing ones, and pairs that stand wrongly."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..claims import Claim
from ..critique import Critique
from ..detections import Detection, ObjectKind, matching
from ..rewards import decidable, repairable


@dataclass(frozen=True)
class FailedRelation:
    """A position that does not hold: ``firsts`` should stand in ``direction`` of ``seconds``.

    One of the two may be empty. With a ``zone`` (x, y, width, height in pixels) the firsts should have their middle
    inside of it instead.
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

    @property
    def only_removed(self) -> tuple[Detection, ...]:
        """The wrong objects where nothing else is wrong, so that to remove them is all; else none."""
        return () if self.missing or self.relations else self.wrong


def faults_of(critique: Critique, rng: random.Random | None, held: Sequence[Detection] = ()) -> Faults:
    """Read a critique object by object.

    A claim without a verdict, or one that the artist has accepted, blames nothing: its objects are right unless another
    claim blames them. Where there are too many of a kind, those that are ``held`` are kept first; then ``rng`` chooses,
    or without one those are kept of which the critic is surest, of equal ones the upper left.
    """
    by_boxes = [verdict for verdict in critique.verdicts if decidable(verdict.claim)]
    claims = [verdict.claim for verdict in by_boxes if verdict.passed is not None and repairable(verdict.claim)]
    blameless = [verdict.claim for verdict in by_boxes if verdict.claim not in claims]
    right: list[Detection] = []
    wrong: list[Detection] = []
    missing: list[ObjectKind] = []
    if rng is None:
        ordered = sorted(critique.detections, key=lambda seen: (-seen.score, seen.y, seen.x))
    else:
        ordered = rng.sample(critique.detections, len(critique.detections))
    ordered.sort(key=lambda detection: not any(detection is fixed for fixed in held))
    for request in _requests(claims):
        unassigned = [detection for detection in matching(ordered, request.noun, None) if detection not in right]
        for color, number in request.numbers:
            candidates = matching(unassigned, request.noun, color)
            assigned = [detection for detection in candidates if detection not in right][:number]
            right += assigned
            missing += [ObjectKind(request.noun, color)] * (number - len(assigned))
        colors = dict(request.numbers)
        wrong += [
            detection
            for detection in unassigned
            if detection not in right and (request.exact or detection.color in colors)
        ]
    relations = []
    for verdict in critique.verdicts:
        if verdict.passed is not False:
            continue
        if verdict.claim.type == "position":
            relations.append(_failed_relation(verdict.claim, right))
        elif not decidable(verdict.claim):
            wrong += [detection for detection in verdict.evidence if detection not in wrong]
    accepted = [seen for verdict in critique.verdicts if verdict.claim.accepted for seen in verdict.evidence]
    wrong = [detection for detection in wrong if detection not in accepted]
    right += [
        detection
        for detection in ordered
        if detection not in right
        and any(matching([detection], noun, None) for claim in blameless for noun in _nouns(claim))
    ]
    kept = tuple(detection for detection in right if detection not in wrong)
    return Faults(kept, tuple(wrong), tuple(missing), tuple(relations))


def _failed_relation(claim: Claim, right: Sequence[Detection]) -> FailedRelation:
    firsts = matching(right, claim.noun, claim.color)
    seconds = matching(right, claim.other, claim.other_color) if claim.other else []
    return FailedRelation(tuple(firsts), tuple(seconds), claim.direction, claim.zone)


def _nouns(claim: Claim) -> list[str]:
    return [noun for noun in (claim.noun, claim.other) if noun]


@dataclass(frozen=True)
class _Request:
    """What claims ask for of a noun: how many of each colour, and whether there may be no others of it."""

    noun: str
    numbers: tuple[tuple[str | None, int], ...]
    exact: bool


def _requests(claims: Sequence[Claim]) -> list[_Request]:
    by_color: dict[str, dict[str, int]] = defaultdict(dict)
    totals: dict[str, int] = {}
    exact = set()
    for claim in claims:
        ends = [(claim.noun, claim.color, claim.number)]
        if claim.type == "position" and claim.other:
            ends.append((claim.other, claim.other_color, 1))
        for noun, color, number in ends:
            if color:
                by_color[noun][color] = max(number, by_color[noun].get(color, 0))
            else:
                totals[noun] = max(number, totals.get(noun, 0))
        if claim.type == "count" and not claim.color:
            exact.add(claim.noun)
    requests = []
    for noun in dict.fromkeys([*by_color, *totals]):
        rest = totals.get(noun, 0) - sum(by_color[noun].values())
        numbers: list[tuple[str | None, int]] = [*by_color[noun].items()]
        if rest > 0:
            numbers.append((None, rest))
        requests.append(_Request(noun, tuple(numbers), noun in exact))
    return requests
