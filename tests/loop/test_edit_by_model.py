"""An edit model in the loop: what it is told, what of its picture counts, and what is left where it fails."""

from __future__ import annotations

import pytest
import torch

from tests.support.edit_stage import CELLS, FOUND, SIDE, DrawingStage, decoded, drawn, edit
from xlard.critique import critique_of, no_verdict
from xlard.editing.claims import edit_claims
from xlard.loop.critic_failure import RoundError
from xlard.loop.painted import Painted
from xlard.loop.registry import DEFAULT_STRATEGIES
from xlard.loop.run import self_correct
from xlard.loop.settings import KEEP_ALL, LoopSettings
from xlard.loop.state import LoopState
from xlard.prompts import claims_from_prompt

PROMPT = "a blue circle, a blue square and a green triangle"
"""All that ``FOUND`` shows, but for the circle's colour."""

RIGHT = tuple(
    found if found.noun != "circle" else type(found)(found.x, found.y, found.width, found.height, "circle", "blue")
    for found in FOUND
)


class Painter:
    """An editor that gives one picture after the other, and notes what it was asked."""

    def __init__(self, *pictures, cost: int = 7):
        self.pictures, self.cost, self.asked = list(pictures), cost, []

    def edit(self, images, instructions, seeds):
        self.asked.append((images.clone(), list(instructions), list(seeds)))
        shown = [self.pictures.pop(0) for _ in instructions]
        if any(isinstance(picture, Exception) for picture in shown):
            raise next(picture for picture in shown if isinstance(picture, Exception))
        return torch.stack(shown)

    def nfe(self):
        return self.cost


def picture(found=RIGHT, ground: float = 0.0) -> torch.Tensor:
    """What an editor paints; its ``ground`` is a little off, as those of edit models are."""
    painted = decoded(drawn(found)[None])[0]
    return torch.where(painted == 0, torch.full_like(painted, ground), painted)


def corrected(painter: Painter | None, rounds: int = 1, stage: DrawingStage | None = None, **asked) -> LoopState:
    stage = stage or DrawingStage()
    settings = LoopSettings(rounds, **{"strategies": ("edit",), **asked.pop("settings", {})})
    judge = asked.pop("judge", stage)
    claims = asked.pop("claims", claims_from_prompt(PROMPT))
    (state,) = self_correct(
        [PROMPT], [claims], [3], stage, stage, judge, settings=settings, encoder=stage, editor=painter, **asked
    )
    return state


def test_it_is_told_what_fails_and_what_to_keep_of_the_best_picture() -> None:
    painter = Painter(picture(ground=0.01))
    state = corrected(painter)
    ((images, instructions, seeds),) = painter.asked
    assert torch.equal(images[0], state.first.image) and seeds != [3]
    told = "make the circle blue; keep the blue square, the green triangle and everything else as they are"
    assert instructions == [told]
    edited = state.best
    assert (edited.strategy, edited.noise_level, edited.nfe) == ("edit", 1.0, 7)
    assert edited.reason == "make the circle blue" and edited.region is None and edited.stitched
    assert torch.equal(edited.image, picture(ground=0.01)) and state.passed
    assert torch.equal(edited.latent, DrawingStage().encode(edited.image[None])[0])


@pytest.mark.parametrize("worse", [FOUND, FOUND[:1]])
def test_only_strictly_fewer_failed_claims_count(worse) -> None:
    state = corrected(Painter(picture(worse, ground=0.01)))
    assert len(state.rounds) == 2 and state.best is state.first


def test_after_two_edits_of_a_picture_others_go_on() -> None:
    painter = Painter(*[picture(FOUND)] * 4)
    state = corrected(painter, rounds=4, settings={"strategies": ("edit", "region")})
    assert [round_.strategy for round_ in state.rounds] == ["sample", "edit", "edit", "region", "region"]
    (_, _, first), (_, _, second) = painter.asked
    assert first != second


@pytest.mark.parametrize("fault", [RuntimeError("out of memory"), torch.zeros(8, 8, 3)])
def test_a_fault_in_the_edit_leaves_the_picture_before_it(fault) -> None:
    with pytest.raises(RoundError) as failed:
        corrected(Painter(fault))
    (state,) = failed.value.states
    assert len(state.rounds) == 1 and "Round 1 could not be drawn" in state.ended


def test_where_the_rest_has_to_stay_its_pixels_do_to_the_last_bit() -> None:
    state = corrected(Painter(picture(ground=0.01)), settings={"may_change": KEEP_ALL})
    first, edited = state.rounds
    assert state.best is edited
    region = edited.region.repeat_interleave(8, 0).repeat_interleave(8, 1)
    assert 0 < region.float().mean() < 0.2
    assert torch.equal(edited.image[~region], first.image[~region])
    assert torch.equal(edited.latent[:, ~edited.region], first.latent[:, ~edited.region])


def test_the_noise_mask_and_what_is_painted_are_kept() -> None:
    left = torch.zeros(CELLS, CELLS)
    left[:, : CELLS // 2] = 1
    for stage, painted in ((DrawingStage(left), None), (DrawingStage(), [Painted(fix_here=left)])):
        state = corrected(Painter(picture(ground=0.01)), stage=stage, painted=painted)
        first, edited = state.rounds
        assert state.best is edited and torch.equal(edited.image[:, SIDE // 2 :], first.image[:, SIDE // 2 :])
        assert not torch.equal(edited.image[:, : SIDE // 4], first.image[:, : SIDE // 4])
    nothing = corrected(Painter(), stage=DrawingStage(torch.zeros(CELLS, CELLS)))
    assert len(nothing.rounds) == 1


def test_a_source_is_edited_by_the_artist_s_own_words_first() -> None:
    own = edit_claims(edit("make the red circle blue"))
    painter, stage = Painter(picture(FOUND, ground=0.004), picture()), DrawingStage()
    (state,) = self_correct(
        *([[""], [own], [3]]),
        *([stage] * 3),
        settings=LoopSettings(1, ("edit",)),
        sources=drawn()[None],
        encoder=stage,
        editor=painter,
    )
    ((_, (told,), _),) = painter.asked
    assert told.startswith("make the red circle blue; keep ")
    assert state.rounds[1].region is not None and not state.rounds[1].region.all()


def test_nothing_is_planned_without_an_editor_or_where_nothing_is_known_to_fail() -> None:
    assert len(corrected(None).rounds) == 1 and "edit" in DEFAULT_STRATEGIES

    class Blind:
        def judge(self, images, claims):
            return [critique_of([no_verdict(claim, "too dark") for claim in own]) for own in claims]

    assert len(corrected(Painter(), judge=Blind()).rounds) == 1
