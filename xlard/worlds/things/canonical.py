"""The canonical repair of a scene: the one least change after which a prompt's claims hold; nothing is drawn at random.

It is to scenes what ``loop.minimal_repair`` is to latents. A corrector that learns it has one target for a picture and
a prompt: of many possible repairs a regression learns the mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ...claims import Claim
from ...critique import critique_of
from ...detections import Detection, ObjectKind
from ...loop.faults import Faults, faults_of
from ...prompts import claims_from_prompt
from ...rewards import decidable, judge_by_boxes
from .repairs import centered, detection_of, verdicts_on
from .scenes import MARGIN, OVERLAP, Box, Scene, Thing, shared_area, sizes_for, stands
from .vocabulary import ASPECTS, COLORED_CLASSES, COLORS, SIDE

_MOST_MOVES = 4
"""Objects or pairs that change their places in one repair."""

_PLACES = 13
"""Places along each side of the picture that an object may be put to."""

Things = list[Thing]


def canonical_repair(scene: Scene, prompt: str) -> Scene | None:
    """The scene with the least changes after which all claims of a prompt hold; the scene itself where they do.

    An object of a wrong colour is recoloured where it stands, and one that is too many becomes one that is missing.
    Further ones that are too many are left out, the smallest first. What is still missing is put to the free place that
    is farthest from all others. Of a failed relation the two swap places, or else the smaller one moves the least that
    helps. None where that does not do it: there is no room, or the place is another one.
    """
    asked = claims_from_prompt(prompt)
    claims = [claim for claim in asked if claim.noun in ASPECTS]
    things = _with_what_is_asked(list(scene.things), claims)
    for _ in range(_MOST_MOVES):
        if things is None or not _unclear(things, claims):
            break
        things = _moved(things, claims)
    if things is None or _unclear(things, claims) or _crowded(things):
        return None
    repaired = replace(scene, things=tuple(things))
    return repaired if all(verdict.passed for verdict in verdicts_on(repaired, asked)) else None


def _with_what_is_asked(things: Things, claims: Sequence[Claim]) -> Things | None:
    """The objects that claims about objects ask for, wherever they stand; None where there is no room."""
    seen = [_sized(thing) for thing in things]
    faults = _faults(seen, claims)
    spare = [index for index, detection in enumerate(seen) if any(detection is wrong for wrong in faults.wrong)]
    # The smallest goes first where some are left out, so the largest are used first.
    spare.sort(key=lambda index: -seen[index].score)
    things, number = list(things), len(things) - len(spare) + len(faults.missing)
    unplaced: list[Thing] = []
    for kind in faults.missing:
        like = next((index for index in spare if things[index].name == kind.noun), next(iter(spare), None))
        if like is None:
            unplaced.append(_typical(kind, number))
        elif things[like].name == kind.noun:
            things[like] = replace(things[like], color=_color(kind))
        else:
            things[like] = centered(_typical(kind, number), things[like], MARGIN)
        spare = [index for index in spare if index != like]
    things = [thing for index, thing in enumerate(things) if index not in spare]
    for thing in unplaced:
        best = min(
            _places(thing, things),
            key=lambda placed: (_unclear([*things, placed], claims), -_room(placed, things)),
            default=None,
        )
        if best is None:
            return None
        things.append(best)
    return things


def _sized(thing: Thing) -> Detection:
    """A thing as a critic sees it that is the surer the larger the thing is."""
    return replace(detection_of(thing), score=thing.box[2] * thing.box[3])


def _faults(seen: Sequence[Detection], claims: Sequence[Claim]) -> Faults:
    verdicts = [judge_by_boxes(claim, seen, SIDE) for claim in claims if decidable(claim)]
    return faults_of(critique_of(verdicts, seen), None)


def _unclear(things: Sequence[Thing], claims: Sequence[Claim]) -> int:
    """How many relations no pair of objects shows clearly."""
    return sum(
        not any(stands(a.box, claim.direction, b.box) for a, b in _pairs(things, claim))
        for claim in claims
        if claim.type == "position" and claim.direction
    )


def _pairs(things: Sequence[Thing], claim: Claim) -> list[tuple[Thing, Thing]]:
    firsts, seconds = (
        [thing for thing in things if thing.name == noun and color in (None, thing.color)]
        for noun, color in ((claim.noun, claim.color), (claim.other, claim.other_color))
    )
    return [(a, b) for a in firsts for b in seconds if a is not b]


def _crowded(things: Sequence[Thing]) -> bool:
    return any(shared_area(a.box, b.box) > OVERLAP for index, a in enumerate(things) for b in things[:index])


def _typical(kind: ObjectKind, number: int) -> Thing:
    """An object of a kind of the mean size of one among ``number``, at the corner."""
    size = sum(sizes_for(number)) / 2
    aspect = ASPECTS[kind.noun]
    return Thing(kind.noun, _color(kind), (MARGIN, MARGIN, size * min(1.0, aspect), size / max(1.0, aspect)))


def _color(kind: ObjectKind) -> str | None:
    """The colour that is asked for; where none is, the first of the class's."""
    return kind.color or (COLORS[0] if kind.noun in COLORED_CLASSES else None)


def _middle(box: Box) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def _places(thing: Thing, others: Sequence[Thing]) -> list[Thing]:
    """The thing at every place of a grid where it covers no other."""
    width, height = thing.box[2:]
    steps = [step / (_PLACES - 1) for step in range(_PLACES)]
    placed = [
        replace(
            thing, box=(x * (1 - 2 * MARGIN - width) + MARGIN, y * (1 - 2 * MARGIN - height) + MARGIN, width, height)
        )
        for y in steps
        for x in steps
    ]
    return [here for here in placed if all(shared_area(here.box, other.box) <= OVERLAP for other in others)]


def _room(thing: Thing, others: Sequence[Thing]) -> float:
    """How far a thing's middle is from the nearest other one's; without others, how near it is to the picture's."""
    if not others:
        return -math.dist(_middle(thing.box), (0.5, 0.5))
    return min(math.dist(_middle(thing.box), _middle(other.box)) for other in others)


def _moved(things: Things, claims: Sequence[Claim]) -> Things | None:
    """The objects with fewer unclear relations: a pair of the first one swapped, or else the smaller moved."""
    before = _unclear(things, claims)
    claim = next(claim for claim in claims if claim.type == "position" and _unclear(things, [claim]))
    pairs = _pairs(things, claim)
    if len(pairs) == 1:
        a, b = pairs[0]
        swapped = [
            centered(thing, b if thing is a else a, MARGIN) if thing is a or thing is b else thing for thing in things
        ]
        if _unclear(swapped, claims) < before and not _crowded(swapped):
            return swapped
    movable = {id(thing): thing for pair in pairs for thing in pair}
    for thing in sorted(movable.values(), key=lambda thing: thing.box[2] * thing.box[3]):
        others = [other for other in things if other is not thing]
        better = [here for here in _places(thing, others) if _unclear([*others, here], claims) < before]
        if better:
            nearest = min(better, key=lambda here: math.dist(_middle(here.box), _middle(thing.box)))
            return [*others, nearest]
    return None
