"""What judges of other packs give: plain numbers come out of it, or the part that is wrong is named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from xlard.claims import count_claim
from xlard.critics.broken_pictures import judged_without_broken
from xlard.critics.given_critiques import plain_critique, plain_critiques
from xlard.critique import Critique, RegionScore, Verdict, critique_of
from xlard.detections import Detection

CLAIM = count_claim("circle", 2)
CIRCLE = Detection(1, 2, 30, 40, "circle", "red")
SOUND = critique_of(
    [Verdict(CLAIM, True, 0.75, (CIRCLE,), "two seen")], [CIRCLE], 0.5, "[]", [RegionScore(CIRCLE, 0.5)]
)


def with_verdict(**parts: Any) -> Critique:
    """The sound critique, its verdict with other parts."""
    return replace(SOUND, verdicts=(replace(SOUND.verdicts[0], **parts),))


def test_what_is_sound_stays_as_it_is() -> None:
    assert plain_critiques([SOUND]) == [SOUND]
    assert plain_critiques(iter((SOUND, SOUND))) == [SOUND, SOUND]


@pytest.mark.parametrize("number", [np.float32, np.float64, torch.tensor, np.asarray])
def test_numbers_of_numpy_and_torch_become_plain(number) -> None:
    seen = replace(CIRCLE, x=number(1.0), score=number(0.5))
    given = replace(
        with_verdict(passed=np.bool_(True), score=number(0.75), spread=number(0.25), evidence=[seen]),
        detections=[seen],
        rewards={"count": number(0.5)},
        confidence=number(0.5),
    )
    plain = plain_critique(given)
    assert json.loads(json.dumps(plain.to_dict()))["claims"][0]["score"] == 0.75
    assert plain.verdicts[0].passed is True and round(plain.detections[0].x, 2) == 1


SCORES = [("text", "x"), ("nothing to count with", float("nan")), ("several", torch.ones(2)), ("a switch", True)]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (None, "no list of critiques"),
        (3, "no list of critiques"),
        ("passed", "no list of critiques"),
        ([None], "something else among its critiques"),
        ([{}], "something else among its critiques"),
        ([replace(SOUND, verdicts=None)], "no list of verdicts"),
        ([replace(SOUND, verdicts=({},))], "something else among its verdicts"),
        ([with_verdict(claim="two circles")], "something else among its claims"),
        ([with_verdict(passed="yes")], "verdict on 'two circles' that is neither yes nor no"),
        *(([with_verdict(score=value)], "score of 'two circles'") for _, value in SCORES),
        ([with_verdict(spread=float("inf"))], "spread of 'two circles' of inf"),
        ([with_verdict(reason=None)], "a reason for 'two circles' that is no text"),
        ([with_verdict(evidence="there")], "no list of evidence"),
        ([with_verdict(evidence=("there",))], "something else among its boxes"),
        ([replace(SOUND, detections=(replace(CIRCLE, x=float("nan")),))], "x of a box of nan"),
        ([replace(SOUND, detections=(replace(CIRCLE, x="1"),))], "x of a box that is no number"),
        ([replace(SOUND, detections=(replace(CIRCLE, noun=None),))], "noun or colour is no text"),
        ([replace(SOUND, detections=(replace(CIRCLE, mask=[1]),))], "mask is no tensor"),
        ([replace(SOUND, regions="none")], "no list of regions"),
        ([replace(SOUND, rewards=None)], "rewards that are no numbers by aspect"),
        ([replace(SOUND, rewards={"count": "high"})], "reward for count"),
        ([replace(SOUND, answer=b"[]")], "an answer that is no text"),
        ([replace(SOUND, confidence=None)], "confidence that is no number"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(given, named) -> None:
    class Odd:
        """Gives what it was made for."""

        def judge(self, images, claims):
            return given

    for judged in (
        lambda: plain_critiques(given),
        lambda: judged_without_broken(Odd(), torch.ones(1, 8, 8, 3), [[CLAIM]]),
    ):
        with pytest.raises((TypeError, ValueError), match=named) as refused:
            judged()
    assert "Tell the authors of its pack, or take another critic." in str(refused.value)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_critique_has_a_verdict_on_each_claim(number) -> None:
    class Short:
        """Judges so many claims."""

        def judge(self, images, claims):
            return [replace(SOUND, verdicts=SOUND.verdicts * number)]

    with pytest.raises(ValueError, match=f"gave {number} verdicts on 2 claims"):
        judged_without_broken(Short(), torch.ones(1, 8, 8, 3), [[CLAIM, CLAIM]])
