"""Object by object: prompts of single objects, and a loop that draws what is missing alone before it puts it in."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xlard.detections import Detection
from xlard.loop.engine import Engine
from xlard.loop.object_by_object import TRIES, stages_of
from xlard.loop.rearrange import pieces_of, scaled
from xlard.loop.regions import region_grid
from xlard.loop.registry import OBJECT_BY_OBJECT
from xlard.loop.run import correct_all
from xlard.loop.settings import LoopSettings
from xlard.prompts import claims_from_prompt
from xlard.report.changes import tallies
from xlard.report.page import report_page
from xlard.rewards import critique_from_detections

SIDE, CELLS = 96, 12
PROMPT = "a red circle left of a blue square"
CIRCLE = Detection(10, 40, 16, 16, "circle", "red")
SQUARE = Detection(40, 40, 16, 16, "square", "blue")
GREEN = Detection(40, 40, 16, 16, "square", "green")


def prompts_of(text: str) -> list[str]:
    return [stage.prompt for stage in stages_of(text, claims_from_prompt(text))]


@pytest.mark.parametrize(
    "prompt, alone",
    [
        ("a red circle and a blue square", ["a red circle", "a blue square"]),
        ("a red circle left of a blue square and a cat", ["a blue square", "a red circle", "a cat"]),
        ("three red circles", ["a red circle"]),
        ("two red circles and a red square and a red circle", ["a red circle", "a red square"]),
        (
            "a photo of an elephant and a tall wooden chair, oil painting, 35mm",
            ["a photo of an elephant, oil painting, 35mm", "a photo of a tall wooden chair, oil painting, 35mm"],
        ),
        ("a red circle", []),
        ("a photo of nothing", []),
    ],
)
def test_a_prompt_for_each_object_alone_with_what_others_stand_beside_first(prompt, alone):
    assert prompts_of(prompt) == alone


def test_an_object_alone_is_judged_on_what_the_prompt_says_of_it():
    square, circle = stages_of(PROMPT, claims_from_prompt(PROMPT))
    assert [claim.text for claim in circle.claims] == ["one circle", "the circle is red"]
    assert [claim.text for claim in square.claims] == ["one square", "the square is blue"]


class Drawn:
    """Pictures whose objects a prompt says, in the order in which it is drawn; resumed latents hold all that was
    pasted.
    """

    def __init__(self, shows: dict[str, list[list[Detection]]], prompt: str = PROMPT):
        self.shows, self.prompt, self.log, self.resumed, self.pictures = shows, prompt, [], [], []

    def with_prompt(self, prompt):
        other = copy.copy(self)
        other.prompt = prompt
        return other

    def generate(self, rows, seeds, guidance=None):
        return torch.stack([self._next("generate") for _ in rows])

    def resume(self, latents, noise_level, rows, seeds, guidance=None, regions=None):
        self.resumed.append((latents[0], regions))
        return torch.stack([self._next("resume") for _ in rows])

    def nfe(self, noise_level=1.0):
        return max(1, round(20 * noise_level))

    def _next(self, how: str):
        self.log.append((how, self.prompt))
        shown = self.shows[self.prompt if how == "generate" else how]
        self.pictures.append(shown.pop(0) if len(shown) > 1 else shown[0])
        return torch.full((4, CELLS, CELLS), float(len(self.pictures) - 1))

    def decode(self, latents):
        # A picture that is black all over would be none.
        return latents[:, 0, :1, :1, None].expand(-1, SIDE, SIDE, 3) * 0.01 + 0.001

    def judge(self, images, claims):
        return [
            critique_from_detections(own, self.pictures[round(image[0, 0, 0].item() * 100)], SIDE)
            for image, own in zip(images, claims)
        ]


def run(shows: dict[str, list[list[Detection]]], prompt: str = PROMPT, **settings):
    """A loop that may introduce objects over one picture, and the sampler that drew it."""
    drawn = Drawn(shows, prompt)
    engine = Engine(drawn, drawn, drawn, [prompt], [claims_from_prompt(prompt)], [3])
    return (
        correct_all(engine, LoopSettings(**{"strategies": ("rearrange", *OBJECT_BY_OBJECT, "resample"), **settings}))[
            0
        ],
        drawn,
    )


def test_what_is_missing_is_drawn_alone_and_then_put_together_with_what_is_right():
    state, drawn = run({PROMPT: [[CIRCLE, GREEN]], "a blue square": [[SQUARE]], "resume": [[CIRCLE, SQUARE]]})
    assert drawn.log == [("generate", PROMPT), ("generate", "a blue square"), ("resume", PROMPT)]
    first, alone, joined = state.rounds
    assert [(entry.strategy, entry.alone, entry.accepted, entry.prompt) for entry in state.rounds] == [
        ("sample", False, True, ""),
        ("introduce", True, False, "a blue square"),
        ("compose", False, True, ""),
    ]
    assert state.passed and state.best is joined and state.nfe == 50 and alone.reason == "a blue square, alone"
    assert [verdict.claim.text for verdict in alone.critique.verdicts] == ["one square", "the square is blue"]
    assert len(joined.critique.verdicts) == len(first.critique.verdicts) == 5
    # The circle's cells come from the first picture, which the sampler filled with 0, the rest from the second.
    ((put_together, regions),) = drawn.resumed
    assert (
        regions is None
        and set(put_together.unique().tolist()) == {0.0, 1.0}
        and (put_together == 0).float().mean() < 0.3
    )


def test_an_object_alone_is_never_the_best_whatever_the_critic_says_of_it():
    state, _ = run(
        {PROMPT: [[GREEN]], "a blue square": [[SQUARE]], "a red circle": [[CIRCLE]], "resume": [[GREEN]]}, rounds=3
    )
    assert [entry.alone for entry in state.rounds] == [False, True, True, False]
    assert (
        all(entry.critique.passed for entry in state.rounds[1:3]) and state.best is state.first and state.stalled == 1
    )


def test_what_does_not_join_is_put_together_anew_with_a_fresh_draw_between():
    state, _ = run({PROMPT: [[CIRCLE, GREEN]], "a blue square": [[SQUARE]], "resume": [[GREEN]]}, rounds=5)
    assert [entry.strategy for entry in state.rounds] == [
        "sample",
        "introduce",
        *["compose"] * 2,
        "resample",
        "compose",
    ]
    assert state.best is state.first


def test_things_that_fill_a_picture_are_made_smaller_until_they_have_room_in_one():
    large = [replace(CIRCLE, x=12, y=12, width=72, height=72)], [replace(SQUARE, x=12, y=12, width=72, height=72)]
    state, _ = run(
        {PROMPT: [[GREEN]], "a red circle": [large[0]], "a blue square": [large[1]], "resume": [[CIRCLE, SQUARE]]}
    )
    assert [entry.strategy for entry in state.rounds] == [
        "sample",
        "introduce",
        "introduce",
        "compose",
    ] and state.passed


@given(st.floats(0.3, 1.0), st.integers(0, 60), st.integers(0, 60), st.integers(8, 40), st.integers(8, 40))
def test_a_smaller_thing_has_the_cells_that_its_box_touches(share, x, y, width, height):
    grid, d = region_grid((CELLS, CELLS), (SIDE, SIDE)), Detection(x, y, width, height, "circle")
    (piece,) = pieces_of(torch.rand(4, CELLS, CELLS), [d], grid)
    shrunk = scaled(piece, share, False, grid)
    rows, columns = grid.span(shrunk.object)
    assert shrunk.patch.shape == (4, rows.stop - rows.start, columns.stop - columns.start)
    assert shrunk.object.center == pytest.approx(d.center) and shrunk.object.width == pytest.approx(share * width)


def test_an_object_that_does_not_come_out_right_alone_is_tried_again_and_then_left():
    state, drawn = run({PROMPT: [[CIRCLE]], "a blue square": [[GREEN]]}, rounds=4)
    assert [entry.strategy for entry in state.rounds] == ["sample", *["introduce"] * TRIES, *["resample"] * (4 - TRIES)]
    assert len({entry.seed for entry in state.rounds}) == 5


def test_what_can_be_copied_from_a_picture_is_not_drawn_alone():
    state, _ = run(
        {"two red circles": [[CIRCLE]], "resume": [[CIRCLE, Detection(60, 40, 16, 16, "circle", "red")]]},
        "two red circles",
    )
    assert [entry.strategy for entry in state.rounds] == ["sample", "rearrange"] and state.passed


def test_objects_are_put_together_without_the_strategies_that_mend():
    state, _ = run(
        {PROMPT: [[CIRCLE]], "a blue square": [[SQUARE]], "resume": [[CIRCLE, SQUARE]]}, strategies=OBJECT_BY_OBJECT
    )
    assert [entry.strategy for entry in state.rounds] == ["sample", "introduce", "compose"] and state.passed


def test_without_the_strategy_nothing_is_drawn_alone():
    state, drawn = run({PROMPT: [[CIRCLE]]}, strategies=("rearrange", "resample"))
    assert {prompt for _, prompt in drawn.log} == {PROMPT} and not any(entry.alone for entry in state.rounds)


def test_the_budget_counts_objects_drawn_alone():
    state, _ = run({PROMPT: [[CIRCLE]], "a blue square": [[SQUARE]], "resume": [[CIRCLE, SQUARE]]}, budget=45)
    assert [entry.strategy for entry in state.rounds] == ["sample", "introduce"] and state.nfe == 40


def test_the_history_and_the_report_say_which_rounds_showed_one_object():
    state, _ = run({PROMPT: [[CIRCLE, GREEN]], "a blue square": [[SQUARE]], "resume": [[CIRCLE, SQUARE]]})
    assert [entry["alone"] for entry in state.to_dict()["rounds"]] == [False, True, False]
    page = report_page([state], "test")
    assert page.count("a blue square, alone") == 1 and page.count(">alone<") == 1
    tally = next(tally for tally in tallies([state]) if tally.strategy == "introduce")
    assert (tally.rounds, tally.kept, tally.fixed, tally.broken, tally.nfe) == (1, 0, None, None, 20)
