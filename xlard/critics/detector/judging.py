"""Claims decided by the boxes of what was looked for, and by the pixels inside them; the others get no verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, critique_of, no_verdict
from ...detections import Detection, matching
from ...rewards import decidable, judge_by_boxes, region_scores
from .pixel_colors import NAMED, pixel_color

UNDECIDABLE = "boxes do not show this: it needs a critic that is asked in words"


def nouns_of(claims: Sequence[Claim]) -> list[str]:
    """The nouns that have to be looked for, so that boxes can decide claims, each once."""
    return list(dict.fromkeys(noun for claim in claims if decidable(claim) for noun in _ends(claim)))


def judge_seen(
    claims: Sequence[Claim],
    detections: Sequence[Detection],
    image: Tensor,
    why_unknown: Callable[[str], str],
    exact: bool = False,
) -> Critique:
    """Judge claims by objects in an image (H, W, 3) in [0, 1], whose missing colours are read from its pixels.

    ``why_unknown`` says of a noun why nobody has looked for it, and nothing of one that was looked for. With ``exact``
    nouns are labels as they stand: a hot dog is no dog. There is no verdict on claims that boxes do not decide, on
    nouns that were not looked for, on colours that pixels do not tell, and where the answer depends on an object of no
    clear colour.
    """
    colored = [d if d.color else replace(d, color=pixel_color(d, image)) for d in detections]
    side = max(image.shape[:2])
    verdicts = []
    for claim in claims:
        concerned = [d for d in colored if not exact or d.noun in _ends(claim)]
        reason = _why_not(claim, why_unknown)
        verdicts.append(no_verdict(claim, reason) if reason else _decided(claim, concerned, side))
    return critique_of(verdicts, colored, regions=region_scores(verdicts, colored))


def _ends(claim: Claim) -> list[str]:
    """The nouns of a claim: of a position both."""
    return [noun for noun in (claim.noun, claim.other) if noun]


def _colors(claim: Claim) -> list[str]:
    return [color for color in (claim.color, claim.other_color) if color]


def _why_not(claim: Claim, why_unknown: Callable[[str], str]) -> str:
    if not decidable(claim):
        return UNDECIDABLE
    unknown = [reason for reason in map(why_unknown, _ends(claim)) if reason]
    foreign = [color for color in _colors(claim) if color not in NAMED]
    if foreign:
        unknown.append(f"pixels do not decide what is {' or '.join(foreign)}: that lies between the colors they name")
    return "; ".join(unknown)


def _decided(claim: Claim, detections: Sequence[Detection], side: float) -> Verdict:
    """The verdict, or none where it would change with the colour of objects that have no clear one."""
    verdict = judge_by_boxes(claim, detections, side)
    ends = ((claim.noun, claim.color), (claim.other, claim.other_color))
    unclear = [d for noun, color in ends if color for d in matching(detections, noun, None) if d.color is None]
    if not unclear:
        return verdict
    supposed = [[replace(d, color=d.color or color) for d in detections] for color in _colors(claim)]
    # Two unclear ones might be one of each color of a position, which no single supposition covers.
    covered = len(supposed) == 1 or len(unclear) == 1
    if covered and all(judge_by_boxes(claim, objects, side).passed == verdict.passed for objects in supposed):
        return verdict
    number = f"{len(unclear)} objects have" if len(unclear) > 1 else f"one {unclear[0].noun} has"
    return no_verdict(claim, f"{number} no clear color")
