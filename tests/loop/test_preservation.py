"""What a repaired picture kept of the one before it: right objects that are where they were."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from xlard.critique import Critique
from xlard.detections import Detection
from xlard.loop.preservation import preserved
from xlard.prompts import claims_from_prompt
from xlard.rewards import critique_from_detections

SIDE = 96
PLACES = (4, 36, 68)


def cups(places: Sequence[int], y: float = 10) -> list[Detection]:
    return [Detection(place, y, 20, 20, "cup", "red") for place in places]


def judged(objects: Sequence[Detection], prompt: str = "two red cups") -> Critique:
    return critique_from_detections(claims_from_prompt(prompt), objects, SIDE)


def kept(before: Critique, after: Critique) -> tuple[int, int]:
    result = preserved(before, after, torch.zeros(SIDE, SIDE, 3), torch.zeros(SIDE, SIDE, 3))
    return result.kept, result.right


@pytest.mark.parametrize("taken", PLACES)
def test_whichever_surplus_one_is_taken_away_the_others_are_kept(taken: int) -> None:
    left = [place for place in PLACES if place != taken]
    assert kept(judged(cups(PLACES)), judged(cups(left))) == (2, 2)


def test_what_was_moved_is_not_kept() -> None:
    after = [*cups(PLACES[:1]), *cups(PLACES[1:2], y=60)]
    assert kept(judged(cups(PLACES)), judged(after)) == (1, 2)
    assert kept(judged(cups(PLACES[:2])), judged(after)) == (1, 2)


def test_what_is_still_too_many_counts_no_more_than_was_asked_for() -> None:
    assert kept(judged(cups(PLACES)), judged(cups(PLACES))) == (2, 2)


def test_what_changed_outside_leaves_out_the_one_that_was_taken_away() -> None:
    image = torch.zeros(SIDE, SIDE, 3)
    for taken in PLACES:
        later = image.clone()
        later[10:30, taken : taken + 20] = 1.0
        after = judged(cups([place for place in PLACES if place != taken]))
        assert preserved(judged(cups(PLACES)), after, image, later).outside == 0.0
