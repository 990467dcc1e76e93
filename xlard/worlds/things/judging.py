"""Whether claims hold of annotated objects. A place is annotated as an object that fills the picture."""

from __future__ import annotations

from collections.abc import Sequence

from ...claims import Claim
from ...critique import Verdict
from ...detections import Detection
from ...rewards import decidable, judge_by_boxes
from .vocabulary import PLACE_NOUNS, SIDE

_NOUNS = frozenset(PLACE_NOUNS.values())


def whole_place(place: str) -> Detection:
    """A place of ``PLACES`` as an object."""
    return Detection(0, 0, SIDE, SIDE, PLACE_NOUNS[place])


def verdict(claim: Claim, objects: Sequence[Detection]) -> Verdict:
    """The verdict on a claim: boxes decide, or, where it says what something stands on or what the place is made of,
    whether the things and the place that it names are there.
    """
    if decidable(claim):
        return judge_by_boxes(claim, objects, SIDE)
    there = {detection.noun for detection in objects}
    place = next((noun for noun in _NOUNS if noun in claim.text.split()), None)
    # The text of an attribute names the place, that of a relation a thing, too.
    things = {claim.noun} - {"", place} if claim.type == "relation" else set()
    passed = place in there and things <= there
    return Verdict(claim, passed, float(passed), (), f"there are {', '.join(sorted(there))}")
