"""Drafts put in by hand: which pictures are taken, and how they are scored."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.support.drafted_pictures import CELL, SIDE, pictures, things
from xlard.rewards import critique_from_detections
from xlard.training.drafts import Drafts
from xlard.worlds.drafted import measure_drafts, pictures_with_drafts

UPSIDE_DOWN = 0.9
"""The noise level from which the stand-in for sampling spoils a picture."""


def stand_in():
    """A world whose pictures are their latents, and whose checker reads them."""

    def judge(images, claims):
        return [
            critique_from_detections(of_picture, things(image), SIDE * CELL)
            for image, of_picture in zip(images, claims)
        ]

    def resume(latents, level, rows, seeds):
        assert len(latents) == len(rows) == len(seeds)
        return latents.flip(-2) if level >= UPSIDE_DOWN else latents

    return SimpleNamespace(
        sampler=lambda prompts: SimpleNamespace(resume=resume),
        decoder=SimpleNamespace(decode=lambda latents: latents),
        checker=SimpleNamespace(judge=judge),
    )


def test_drafts_are_right_and_what_sampling_spoils_is_not():
    records = pictures(12)
    measured = measure_drafts(stand_in(), records, records, 6, [0.5, UPSIDE_DOWN])
    assert list(measured) == ["as drawn", "draft", "from 0.5", "from 0.9"]
    assert {figures["pictures"] for figures in measured.values()} == {12}
    drawn = measured["as drawn"]
    assert 0.5 <= drawn["right"] < 1 and drawn["fix"] == drawn["break"] == 0
    assert measured["draft"] == measured["from 0.5"] == {"pictures": 12, "right": 1.0, "fix": 1.0, "break": 0.0}
    # Every second prompt says what is above, and holds in none of the pictures.
    assert measured["from 0.9"] == {"pictures": 12, "right": 0.5, "fix": 0.0, "break": 0.0}


def test_of_a_prompt_so_many_pictures_are_taken_each_once():
    records = pictures(12)
    chosen = pictures_with_drafts(Drafts(records), records, 2)
    assert sorted(chosen.values()) == sorted([*set(records.prompts)] * 2)
    assert all(records.prompts[picture] == prompt for picture, prompt in chosen.items())


def test_pictures_without_objects_have_no_drafts():
    records = pictures(4, boxes=False)
    with pytest.raises(ValueError, match="No prompt of these pictures has a draft"):
        measure_drafts(stand_in(), records, records, 2, [0.5])
