"""Count, colour and position rewards, computed from what a critic sees.

The formulas are those of xLARD (arXiv 2603.24965); whether a position *holds* follows GenEval's published rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .claims import Claim, object_text
from .critique import Critique, RegionScore, Verdict, critique_of, no_verdict, weighted_score
from .detections import Detection, Zone, inside, matching

POSITION_SHARPNESS = 10.0
"""tau of the position reward, per image side: an offset of a tenth of the side scores sigmoid(1)."""

POSITION_MARGIN = 0.1
"""Share of the two objects' sizes that an offset must exceed to count (GenEval)."""

DIRECTIONS = {"left of": (1.0, 0.0), "right of": (-1.0, 0.0), "above": (0.0, 1.0), "below": (0.0, -1.0)}
"""Unit vector from ``a`` to ``b`` when "a <direction> b" holds, y pointing down."""


def count_reward(number: int, target: int) -> float:
    """exp(-|number - target| / target) in [0, 1]; for ``target`` 0 the divisor is 1."""
    return math.exp(-abs(number - target) / max(target, 1))


def color_reward(colors: Sequence[str | None], target: str | None, number: int) -> float:
    """Share in [0, 1] of ``number`` objects that have the ``target`` colour; surplus ones lower it."""
    matches = sum(color == target for color in colors)
    return min(matches, number) / max(matches, number) if matches else 0.0


def position_reward(a: Detection, b: Detection, direction: str, side: float) -> float:
    """sigmoid(tau * (p_b - p_a) . v) in [0, 1] for one pair of objects; ``side`` is the image's longer side in
    pixels.
    """
    vx, vy = DIRECTIONS[direction]
    (ax, ay), (bx, by) = a.center, b.center
    offset = ((bx - ax) * vx + (by - ay) * vy) / side
    return 1.0 / (1.0 + math.exp(-POSITION_SHARPNESS * offset))


def position_holds(a: Detection, b: Detection, direction: str) -> bool:
    """GenEval's rule: beyond a tenth of both sizes, the offset points within 60 degrees of the direction."""
    vx, vy = DIRECTIONS[direction]
    (ax, ay), (bx, by) = a.center, b.center
    dx, dy = bx - ax, by - ay
    norm = math.hypot(dx, dy)
    if norm == 0:
        return False
    beyond_x = max(abs(dx) - POSITION_MARGIN * (a.width + b.width), 0.0) * math.copysign(1.0, dx)
    beyond_y = max(abs(dy) - POSITION_MARGIN * (a.height + b.height), 0.0) * math.copysign(1.0, dy)
    return (beyond_x * vx + beyond_y * vy) / norm > 0.5


def judge_count(claim: Claim, detections: Sequence[Detection], side: float) -> Verdict:
    """Exactly ``claim.number`` objects of the noun (and colour, if the claim has one)."""
    matches = matching(detections, claim.noun, claim.color)
    return Verdict(
        claim,
        len(matches) == claim.number,
        count_reward(len(matches), claim.number),
        tuple(matches),
        f"{len(matches)} found, {claim.number} asked for",
    )


def judge_object(claim: Claim, detections: Sequence[Detection], side: float) -> Verdict:
    """At least ``claim.number`` objects of the noun (and colour, if the claim has one)."""
    matches = matching(detections, claim.noun, claim.color)
    return Verdict(
        claim,
        len(matches) >= claim.number,
        min(len(matches) / claim.number, 1.0) if claim.number else 1.0,
        tuple(matches),
        f"{len(matches)} found, at least {claim.number} asked for",
    )


def judge_color(claim: Claim, detections: Sequence[Detection], side: float) -> Verdict:
    """Exactly ``claim.number`` objects of the noun have the colour."""
    objects = matching(detections, claim.noun, None)
    colors = [d.color for d in objects]
    return Verdict(
        claim,
        colors.count(claim.color) == claim.number,
        color_reward(colors, claim.color, claim.number),
        tuple(objects),
        f"{claim.noun}: {', '.join(map(str, colors)) or 'none there'}",
    )


def judge_position(claim: Claim, detections: Sequence[Detection], side: float) -> Verdict:
    """Every object of the first kind stands in the direction of every object of the second, or in the claim's zone."""
    firsts = matching(detections, claim.noun, claim.color)
    if claim.zone:
        return _judge_zone(claim, firsts, claim.zone)
    seconds = matching(detections, claim.other, claim.other_color)
    pairs = [(a, b) for a in firsts for b in seconds if a is not b]
    if not pairs:
        ends = ((claim.color, claim.noun, firsts), (claim.other_color, claim.other, seconds))
        missing = " and ".join(f"{color or ''} {noun}".strip() for color, noun, objects in ends if not objects)
        return Verdict(claim, False, 0.0, tuple(firsts + seconds), f"no {missing or 'second object'} to compare")
    assert claim.direction
    holds = [position_holds(a, b, claim.direction) for a, b in pairs]
    score = sum(position_reward(a, b, claim.direction, side) for a, b in pairs) / len(pairs)
    return Verdict(claim, all(holds), score, tuple(firsts + seconds), f"{sum(holds)} of {len(pairs)} pairs in place")


def _judge_zone(claim: Claim, objects: Sequence[Detection], zone: Zone) -> Verdict:
    if not objects:
        return Verdict(claim, False, 0.0, (), f"no {object_text(claim.noun, claim.color)} to be seen")
    in_place = sum(inside(d, zone) for d in objects)
    return Verdict(
        claim,
        in_place == len(objects),
        in_place / len(objects),
        tuple(objects),
        f"{in_place} of {len(objects)} in place",
    )


_JUDGES = {"object": judge_object, "count": judge_count, "color": judge_color, "position": judge_position}


def decidable(claim: Claim) -> bool:
    """Whether labelled boxes decide a claim."""
    return claim.type in _JUDGES and bool(claim.noun)


def repairable(claim: Claim) -> bool:
    """Whether boxes decide a claim and repairs may act on it: what the artist has accepted stays as it is."""
    return decidable(claim) and not claim.accepted


def judge_by_boxes(claim: Claim, detections: Sequence[Detection], side: float) -> Verdict:
    """Judge one claim by arithmetic; ``side`` is the image's longer side in pixels.

    Raises ValueError for a claim that boxes cannot decide.
    """
    if not decidable(claim):
        raise ValueError(
            f"Boxes cannot decide a claim of type '{claim.type}' ({claim.text}); they decide {', '.join(_JUDGES)}."
        )
    return _JUDGES[claim.type](claim, detections, side)


def region_scores(verdicts: Sequence[Verdict], detections: Sequence[Detection]) -> list[RegionScore]:
    """For each detection that claims rest on, the weighted mean of their scores, and the texts of those that fail."""
    regions = []
    for d in detections:
        concerned = [verdict for verdict in verdicts if d in verdict.evidence and verdict.score is not None]
        score = weighted_score(concerned)
        if score is not None:
            failed = "; ".join(f"not so: {verdict.claim.shown}" for verdict in concerned if not verdict.passed)
            regions.append(RegionScore(d, score, failed or "as asked for"))
    return regions


def critique_from_detections(
    claims: Sequence[Claim], detections: Sequence[Detection], side: float, confidence: float = 1.0, answer: str = ""
) -> Critique:
    """Judge claims by arithmetic on detected objects; ``side`` is the image's longer side in pixels.

    Raises ValueError for a claim that boxes cannot decide.
    """
    verdicts = [judge_by_boxes(claim, detections, side) for claim in claims]
    return critique_of(verdicts, detections, confidence, answer, region_scores(verdicts, detections))


def abstention(claims: Sequence[Claim], answer: str, reason: str) -> Critique:
    """The critique for an answer that could not be read: no claim has a verdict or a score."""
    return critique_of([no_verdict(claim, reason) for claim in claims], confidence=0.0, answer=answer)
