"""Claims decided by the boxes of what was looked for, and by the pixels inside them; the others get no verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, critique_of, no_verdict
from ...detections import Detection, matching
from ...rewards import decidable, judge_by_boxes, region_scores
from .pixel_colors import PixelColors

UNDECIDABLE = "boxes do not show this: it needs a critic that is asked in words"


class ColorReader(Protocol):
    """Whatever says which colours objects have."""

    def tells(self, color: str) -> bool:
        """Whether it tells a colour from all others; an object whose colour lies between those it tells is unclear."""

    def colors(self, detections: Sequence[Detection], image: Tensor, asked: Sequence[str]) -> list[str | None]:
        """The colour of each object in an image (H, W, 3) in [0, 1], or None; ``asked`` are the colours that claims
        name. Raises CriticError if it cannot run.
        """


PIXELS: ColorReader = PixelColors()


def nouns_of(claims: Sequence[Claim]) -> list[str]:
    """The nouns that have to be looked for, so that boxes can decide claims, each once."""
    return list(dict.fromkeys(noun for claim in claims if decidable(claim) for noun in _ends(claim)))


def judge_seen(
    claims: Sequence[Claim],
    detections: Sequence[Detection],
    image: Tensor,
    why_unknown: Callable[[str], str],
    exact: bool = False,
    reader: ColorReader = PIXELS,
) -> Critique:
    """Judge claims by objects in an image (H, W, 3) in [0, 1], whose missing colours ``reader`` tells.

    ``why_unknown`` says of a noun why nobody has looked for it, and nothing of one that was looked for. With ``exact``
    nouns are labels as they stand: a hot dog is no dog. There is no verdict on claims that boxes do not decide, on
    nouns that were not looked for, and where the answer depends on a colour that is not told.
    """
    bare = [d for d in detections if not d.color]
    asked = list(dict.fromkeys(color for claim in claims if decidable(claim) for color in _colors(claim)))
    told = iter(reader.colors(bare, image, asked) if bare else ())
    colored = [d if d.color else replace(d, color=next(told)) for d in detections]
    side = max(image.shape[:2])
    verdicts = []
    for claim in claims:
        unknown = "; ".join(filter(None, map(why_unknown, _ends(claim))))
        reason = unknown if decidable(claim) else UNDECIDABLE
        concerned = [
            (seen, seen if _tells_colors(claim, reader) else given)
            for seen, given in zip(colored, detections)
            if not exact or seen.noun in _ends(claim)
        ]
        verdicts.append(no_verdict(claim, reason) if reason else _decided(claim, concerned, side, reader))
    return critique_of(verdicts, colored, regions=region_scores(verdicts, colored))


def _ends(claim: Claim) -> list[str]:
    """The nouns of a claim: of a position both."""
    return [noun for noun in (claim.noun, claim.other) if noun]


def _colors(claim: Claim) -> list[str]:
    return [color for color in (claim.color, claim.other_color) if color]


def _tells_colors(claim: Claim, reader: ColorReader) -> bool:
    """Whether all colours of a claim are told; to pixels beige lies between those that they tell."""
    return all(map(reader.tells, _colors(claim)))


def _decided(claim: Claim, objects: Sequence[tuple[Detection, Detection]], side: float, reader: ColorReader) -> Verdict:
    """The verdict, or none where it would change with the colour of objects that have no clear one.

    ``objects`` are those that are shown, each with what is certain of it.
    """
    certain = [d for _, d in objects]
    verdict = judge_by_boxes(claim, certain, side)
    ends = ((claim.noun, claim.color), (claim.other, claim.other_color))
    unclear = [d for noun, color in ends if color for d in matching(certain, noun, None) if d.color is None]
    # One of two unclear ones may have the colour, or both.
    supposed = [
        [replace(d, color=color) if d in unclear[:number] else d for d in certain]
        for color in _colors(claim)
        for number in range(1, len(unclear) + 1)
    ]
    # Two unclear ones might be one of each colour of a position, which no single supposition covers.
    covered = len(_colors(claim)) < 2 or len(unclear) < 2
    if covered and all(judge_by_boxes(claim, scene, side).passed == verdict.passed for scene in supposed):
        shown = {d: seen for seen, d in objects}
        return replace(verdict, evidence=tuple(shown[d] for d in verdict.evidence))
    number = f"{len(unclear)} objects have" if len(unclear) > 1 else f"one {unclear[0].noun} has"
    which = (
        "clear colour"
        if _tells_colors(claim, reader)
        else f"colour that is surely {' or '.join(_colors(claim))} or not"
    )
    return no_verdict(claim, f"{number} no {which}")
