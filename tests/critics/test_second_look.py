"""Further looks at what passes: mirrored, moved, and told of the picture as it is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.support.scripted_critic import CLAIMS, LIST, Scripted
from xlard.claims import text_claim
from xlard.critics.backend import GREEDY, CriticError
from xlard.critics.mllm import MLLMCritic
from xlard.critics.scoring import make_scoring
from xlard.critics.scoring.second_look import SecondLook
from xlard.critique import Verdict, critique_of
from xlard.detections import Detection
from xlard.prompts import claims_from_prompt


def sided(turned: str):
    """A backend that sees the red circle left of the blue square, and ``turned`` in pictures that are bright on the
    left.
    """
    right_way = (
        '[{"bbox_2d": [0, 0, 200, 400], "label": "red circle"}, {"bbox_2d": [700, 0, 900, 400], "label": "blue'
        ' square"}]'
    )
    return Scripted(lambda ask, _: turned if ask.image[0, 0, 0] > 0.5 else right_way)


BRIGHT_RIGHT = torch.cat([torch.zeros(1, 50, 50, 3), torch.ones(1, 50, 50, 3)], dim=2)
SIDES = claims_from_prompt("a red circle left of a blue square")


def look_twice(backend: Scripted, claims):
    return MLLMCritic(backend, make_scoring("grounded", further_looks=1)).judge(BRIGHT_RIGHT, [claims])[0]


def test_a_second_look_confirms_in_the_mirror() -> None:
    mirrored = (
        '[{"bbox_2d": [800, 0, 1000, 400], "label": "red circle"}, {"bbox_2d": [100, 0, 300, 400], "label": "blue'
        ' square"}]'
    )
    backend = sided(mirrored)
    assert look_twice(backend, SIDES).passed and len(backend.asks) == 2


def test_a_second_look_turns_down_what_it_does_not_confirm_and_says_where() -> None:
    mirrored = (
        '[{"bbox_2d": [800, 0, 1000, 400], "label": "red circle"}, {"bbox_2d": [100, 0, 300, 400], "label": "green'
        ' square"}]'
    )
    critique = look_twice(sided(mirrored), SIDES)
    assert not critique.passed and [verdict.claim for verdict in critique.verdicts] == SIDES
    assert [(d.label, round(d.x, 6)) for d in critique.detections] == [("red circle", 0.0), ("green square", 70.0)]
    assert all("second look" in verdict.reason for verdict in critique.verdicts)


class SeesOnce:
    """Sees a thing of 8 x 6 pixels where the brightest pixel is, with its mask; fails it from a look on."""

    name, samples = "once", False

    def __init__(self, fails_from: int):
        self.fails_from, self.pictures = fails_from, []

    def judge(self, backend, images, claims, sampling=GREEDY):
        self.pictures.append(images[0])
        bright = images[0, ..., 0] > 0.5
        rows, columns = bright.nonzero().unbind(1)
        box = [columns.min(), rows.min(), columns.max() - columns.min() + 1, rows.max() - rows.min() + 1]
        seen = Detection(*(float(value) for value in box), "circle", mask=bright.float())
        passed = len(self.pictures) < self.fails_from
        return [critique_of([Verdict(c, passed, 0.5) for c in own], [seen]) for own in claims]


def one_thing() -> Tensor:
    """A picture (1, 64, 128, 3) with a bright thing of 8 x 6 pixels at 20, 40."""
    picture = torch.zeros(1, 64, 128, 3)
    picture[:, 40:46, 20:28] = 1
    return picture


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_what_fails_in_a_further_look_is_told_of_the_picture_as_it_is(looks: int) -> None:
    scoring, picture = SeesOnce(fails_from=looks + 1), one_thing()
    (critique,) = SecondLook(scoring, looks).judge(sided(""), picture, [SIDES])
    assert not critique.passed and [verdict.claim for verdict in critique.verdicts] == SIDES
    assert len(scoring.pictures) == looks + 1
    assert len({tuple(seen.flatten().tolist()) for seen in scoring.pictures}) == looks + 1, "two looks saw the same"
    (thing,) = critique.detections
    assert (thing.x, thing.y, thing.width, thing.height) == (20, 40, 8, 6)
    assert thing.mask is not None and torch.equal(thing.mask, picture[0, ..., 0])


def test_a_look_beyond_the_first_that_fails_is_not_taken() -> None:
    scoring = SeesOnce(fails_from=2)
    assert not SecondLook(scoring, 3).judge(sided(""), one_thing(), [SIDES])[0].passed
    assert len(scoring.pictures) == 2
    confirmed = SeesOnce(fails_from=9)
    assert SecondLook(confirmed, 3).judge(sided(""), one_thing(), [SIDES])[0].passed
    assert len(confirmed.pictures) == 4
    with pytest.raises(ValueError, match="1 to 3 further looks"):
        SecondLook(confirmed, 4)


def test_what_cannot_be_mirrored_is_moved() -> None:
    scoring = SeesOnce(fails_from=9)
    SecondLook(scoring, 3).judge(sided(""), one_thing(), [[text_claim("OPEN")]])
    assert len(scoring.pictures) == 2
    assert scoring.pictures[1][41:47, 22:30].min() == 1, "moved by a 64th of each side"


def test_what_passed_has_no_verdict_where_a_further_look_fails() -> None:
    class Leaving(Scripted):
        """Answers once."""

        def answer(self, asks, sampling=GREEDY):
            if self.asks:
                raise CriticError("The server went away.")
            return super().answer(asks, sampling)

    critique = look_twice(Leaving(sided(LIST).say), SIDES)
    assert critique.abstained and [verdict.claim for verdict in critique.verdicts] == SIDES
    assert all("second look failed: The server went away." in verdict.reason for verdict in critique.verdicts)
    assert len(critique.detections) == 2 and not critique.rewards


def test_what_fails_and_what_cannot_be_mirrored_is_looked_at_once() -> None:
    backend = Scripted(lambda ask, _: LIST)
    assert not look_twice(backend, CLAIMS).passed and len(backend.asks) == 1
    written = Scripted(lambda ask, _: '{"reason": "it can be read", "verdict": "yes"}')
    assert (
        MLLMCritic(written, make_scoring("per claim", further_looks=1))
        .judge(BRIGHT_RIGHT, [[text_claim("OPEN")]])[0]
        .passed
    )
    assert len(written.asks) == 1
    assert (
        not MLLMCritic(Scripted(lambda ask, _: "hm"), make_scoring("grounded", further_looks=1))
        .judge(BRIGHT_RIGHT, [SIDES])[0]
        .passed
    )
