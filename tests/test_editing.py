"""Editing by instruction: what is read, what is claimed, what counts as preserved, and that a loop changes nothing else."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xlard.claims import Claim
from xlard.critics.backend import Answer, CriticError
from xlard.critics.boxes import THOUSANDTHS
from xlard.critics.mllm import MLLMCritic
from xlard.critics.scoring import YesProbability
from xlard.critique import Detection, aspect_of
from xlard.editing.claims import edit_claims, edit_in, target_prompt
from xlard.editing.edit import Edit
from xlard.editing.instructions import EXAMPLES, UnreadableInstruction, read_instruction
from xlard.editing.listing import edit_by
from xlard.editing.preservation import judge_with_source
from xlard.editing.steps import edit_of
from xlard.loop.confine import confined
from xlard.loop.faults import faults_of
from xlard.loop.masks import Grid, area_of, region_of
from xlard.loop.plan import Plan, Situation
from xlard.loop.rounds import first_round, resumed_round
from xlard.loop.run import self_correct
from xlard.loop.settings import LoopSettings
from xlard.loop.state import LoopState
from xlard.prompts import claims_from_prompt
from xlard.report.page import report_page
from xlard.rewards import critique_from_detections

SIDE, CELLS = 96, 12
VALUES = {"red circle": 0.2, "blue circle": 0.4, "blue square": 0.6, "green triangle": 0.8, "red square": 1.0}


def box(label: str, column: int, row: int, cells: int = 2) -> Detection:
    """A thing that fills whole cells of the latent."""
    color, noun = label.split()
    return Detection(8.0 * column, 8.0 * row, 8.0 * cells, 8.0 * cells, noun, color)


FOUND = (box("red circle", 1, 1), box("blue square", 8, 1), box("green triangle", 4, 8))


def drawn(found=FOUND) -> torch.Tensor:
    """A latent (4, h, w) of zeros that shows things as their labels' values."""
    latent = torch.zeros(4, CELLS, CELLS)
    for d in found:
        latent[(..., *Grid((CELLS, CELLS), (SIDE, SIDE), 0.0).span(d))] = VALUES[d.label]
    return latent


def decoded(latents: torch.Tensor) -> torch.Tensor:
    return latents[:, :3].repeat_interleave(8, 2).repeat_interleave(8, 3).movedim(1, -1)


def edit(instruction: str, found=FOUND) -> Edit:
    return edit_of(instruction, read_instruction(instruction), decoded(drawn(found)[None])[0], found)


class Stage:
    """Sampler, decoder and judge of such latents. It draws ``value`` wherever it draws, and counts what it is asked for."""

    def __init__(self, value: float = 0.0):
        self.value, self.calls_made = value, 0

    def calls(self, sigma: float = 1.0) -> int:
        return round(20 * sigma)

    def generate(self, rows, seeds, steer=None):
        raise AssertionError("An edit of a source must not draw a fresh picture.")

    def resume(self, latents, sigma, rows, seeds, steer=None, regions=None):
        assert regions is not None
        self.calls_made += self.calls(sigma)
        # What was put there by hand is joined at a mid level; what starts from pure noise becomes what the sampler draws.
        return torch.where(regions[:, None], torch.full_like(latents, self.value), latents) if sigma == 1.0 else latents.clone()

    def decode(self, latents):
        return decoded(latents)

    def seen(self, image: torch.Tensor) -> list[Detection]:
        found = []
        for label, value in VALUES.items():
            rows, columns = ((image[..., 0] - value).abs() < 1e-3).nonzero(as_tuple=True)
            if len(rows):
                top, left = rows.min().item(), columns.min().item()
                color, noun = label.split()
                found.append(Detection(left, top, columns.max().item() + 1 - left, rows.max().item() + 1 - top, noun, color))
        return found

    def judge(self, images, claims):
        return judge_with_source(images, claims, lambda own: [
            critique_from_detections(each, self.seen(image), SIDE) for image, each in zip(images, own)])


def corrected(instruction: str, value: float = 0.0, rounds: int = 4, **options) -> tuple[LoopState, Stage]:
    """The loop on the source by an instruction."""
    stage, own = Stage(value), edit_claims(edit(instruction))
    state, = self_correct([""], [own], [3], stage, stage, stage, settings=LoopSettings(rounds, **options), sources=drawn()[None])
    return state, stage


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_can_be_read(text) -> None:
    step, = read_instruction(text)
    assert step.action == text.replace("make", "recolor").split()[0] and step.thing.number == 1


@pytest.mark.parametrize(("text", "actions"), [
    ("Please remove the dog.", ["remove"]), ("change the colour of the car to dark blue", ["recolor"]),
    ("turn the car into a bike", ["replace"]), ("make the red circle blue and remove all squares", ["recolor", "remove"]),
    ("move a dog under the table, then put a hat on the left of the man", ["move", "add"]),
    ("place the dog in the bottom right corner of the picture", ["move"]), ("add two red circles", ["add"])])
def test_other_wordings_are_read(text, actions) -> None:
    assert [step.action for step in read_instruction(text)] == actions


def test_directions_places_and_numbers_are_read() -> None:
    step, = read_instruction("move the square to the left side of the picture")
    assert step.place == "on the left" and step.definite
    step, = read_instruction("move two red squares to the left of the circle")
    assert (step.direction, step.other.noun, step.thing.number, step.definite) == ("left of", "circle", 2, False)
    assert not read_instruction("make all circles green")[0].thing.exact


@pytest.mark.parametrize("text", ["make it look like winter", "turn the lights on", "make the man and the woman blue", "hello"])
def test_what_the_grammar_does_not_know_is_refused_with_examples(text) -> None:
    with pytest.raises(UnreadableInstruction, match="Write it like 'make the red square blue'"):
        read_instruction(text)


def test_an_empty_instruction_is_refused() -> None:
    with pytest.raises(ValueError, match="The instruction is empty"):
        read_instruction(" \n")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from("make move remove add put the a red blue square circle to left of top and , then with into".split()),
                max_size=12).map(" ".join))
def test_no_words_break_the_grammar(text) -> None:
    try:
        assert all(step.thing for step in read_instruction(text))
    except ValueError as error:
        assert "instruction" in str(error)


def test_a_recolour_asks_for_the_new_kind_and_keeps_all_others() -> None:
    found = edit_claims(edit("make the red circle blue"))
    assert [claim.text for claim in found if not claim.keep] == ["no red circles", "one blue circle"]
    assert [claim.text for claim in found if claim.keep] == ["one blue square", "one green triangle", "all else is as it was"]
    assert {aspect_of(claim) for claim in found if claim.keep} == {"preservation"}
    assert sum(claim.weight for claim in found if claim.keep) == pytest.approx(sum(claim.weight for claim in found if not claim.keep))
    assert edit_in(found).instruction == "make the red circle blue" and edit_in(claims_from_prompt("a dog")) is None


def test_the_prompt_says_what_is_there_afterwards() -> None:
    assert target_prompt(edit("make the red circle blue")) == "a blue square and a green triangle and a blue circle"
    assert target_prompt(edit("move the circle to the right of the square")) == "a red circle right of a blue square and a green triangle"
    assert target_prompt(edit("remove the circle and remove the square and remove the triangle")) == ""
    assert target_prompt(edit("replace the square with two orange cats")).endswith("two orange cats")


def test_later_steps_speak_of_what_earlier_ones_made() -> None:
    found = edit("make the red circle blue, then move the blue circle below the square")
    assert found.coming == (("circle", "blue"),) and [d.label for d in found.touched] == ["red circle"]
    assert found.targets[0].other == ("square", "blue")


@pytest.mark.parametrize(("instruction", "message"), [
    ("remove the yellow circle", "speaks of one yellow circle; the critic sees one red circle, one blue square, one green triangle"),
    ("move the circle left of the dog", "speaks of at least|speaks of two dogs"),
    ("make the red circle red", "asks for what the source shows already")])
def test_what_names_nothing_in_the_source_is_refused(instruction, message) -> None:
    with pytest.raises(ValueError, match=message):
        edit_claims(edit(instruction))


def test_one_of_several_has_to_be_named_clearly() -> None:
    circles = (box("red circle", 1, 1), box("blue circle", 8, 1))
    with pytest.raises(ValueError, match="Say which are meant, for example by their colour, or 'all circles'"):
        edit("remove the circle", circles)
    assert len(edit("remove a circle", circles).touched) == 1 and len(edit("remove both circles", circles).touched) == 2
    with pytest.raises(ValueError, match="it cannot be told afterwards which of them it was"):
        edit("move a circle to the top", circles)


@pytest.mark.parametrize("instruction", ["add a red circle at the bottom right", "put two blue squares below the circle",
                                         "add a circle to the right of the triangle"])
def test_what_is_new_has_to_be_told_from_what_stays_elsewhere(instruction) -> None:
    with pytest.raises(ValueError, match="one that is elsewhere is to stay: afterwards it cannot be told which of them is new"):
        edit_claims(edit(instruction))


@pytest.mark.parametrize("instruction", [
    "add a red circle at the top left", "add a blue square to the right of the circle", "add a yellow circle at the bottom right",
    "remove the red circle, then add a red circle at the bottom"])
def test_what_is_new_may_join_what_stands_there_already(instruction) -> None:
    assert any(claim.type == "position" for claim in edit_claims(edit(instruction)))


def judged(instruction: str, found, change=None):
    """What is said of a picture of ``found`` as the result of an edit; ``change`` paints on it."""
    image = decoded(drawn(found)[None])
    if change is not None:
        change(image[0])
    return Stage().judge(image, [edit_claims(edit(instruction))])[0]


def test_the_result_that_was_asked_for_passes_and_the_source_does_not() -> None:
    done = judged("make the red circle blue", (box("blue circle", 1, 1), *FOUND[1:]))
    assert done.passed and done.rewards["preservation"] == 1.0
    source = judged("make the red circle blue", FOUND)
    assert not source.passed and source.rewards["preservation"] == 1.0 and source.failed_aspects == ("count",)


def test_what_is_lost_moved_new_or_repainted_is_not_preserved() -> None:
    def repaint(image):
        image[60:80, 70:90] = 0.5

    kept = (box("blue circle", 1, 1), *FOUND[1:])
    cases = {"gone or moved: green triangle": judged("make the red circle blue", kept[:2]),
             "gone or moved: blue square": judged("make the red circle blue", (kept[0], box("blue square", 8, 5), kept[2])),
             "new: red square": judged("make the red circle blue", (*kept, box("red square", 9, 9))),
             "of its pixels stayed": judged("make the red circle blue", kept, repaint)}
    for reason, critique in cases.items():
        rest = critique.verdicts[-1]
        assert not rest.passed and reason in rest.reason and critique.rewards["preservation"] < 1.0


def test_a_share_of_pixels_that_is_too_small_does_not_read_as_enough() -> None:
    def repaint(image):
        image[40:60, 80:86] = 0.5

    rest = judged("make the red circle blue", (box("blue circle", 1, 1), *FOUND[1:]), repaint).verdicts[-1]
    assert not rest.passed and rest.score < 0.98 and rest.reason == "97.9% of its pixels stayed"


def test_history_and_text_say_which_claims_are_to_keep() -> None:
    critique = judged("remove the red circle", FOUND[1:])
    told = critique.to_dict()["claims"]
    assert [claim["keep"] for claim in told] == [False, True, True, True]
    assert [verdict.claim.shown for verdict in critique.verdicts][-1] == "keep: all else is as it was"
    assert Claim("object", "a dog").to_dict() == {"type": "object", "text": "a dog", "number": 1, "weight": 1.0}


def test_a_result_of_another_size_is_refused_with_both() -> None:
    with pytest.raises(ValueError, match="The picture is 48 x 96 pixels, its source 96 x 96: .*VAE Encode cuts"):
        Stage().judge(torch.zeros(1, 96, 48, 3), [edit_claims(edit("remove the circle"))])


def test_only_the_boxes_of_what_is_touched_may_change_and_all_that_is_free_where_something_comes() -> None:
    grid = Grid((CELLS, CELLS), (SIDE, SIDE))
    area = area_of(edit("make the red circle blue"), grid)
    assert area[1:3, 1:3].all() and area.sum() == 16
    area = area_of(edit("move the red circle to the bottom right"), grid)
    assert area[11, 11] and not area[1:3, 8:10].any() and not area[8:10, 4:6].any()
    assert edit("make the red circle blue").may_change.sum() == 28 * 28


def test_a_cell_that_two_things_share_belongs_to_the_one_that_covers_more() -> None:
    grid = Grid((CELLS, CELLS), (SIDE, SIDE))
    found = (Detection(8, 8, 19, 16, "circle", "red"), Detection(28, 8, 20, 16, "square", "blue"))
    area = area_of(edit("remove the circle", found), grid)
    assert area[1:3, 1:3].all() and not area[1:3, 3:].any()


def test_a_larger_thing_around_it_does_not_hold_on_to_what_is_touched() -> None:
    grid = Grid((CELLS, CELLS), (SIDE, SIDE))
    small, large = Detection(35, 19, 10, 10, "circle", "red"), Detection(24, 16, 40, 72, "triangle", "green")
    area = area_of(edit("remove the circle", (small, large)), grid)
    assert area.equal(grid.boxes([small]))
    beside = area_of(edit("remove the circle", (small, large, Detection(46, 19, 10, 10, "square", "blue"))), grid)
    assert beside[2:4, 4].all() and not beside[2:4, 6].any() and not (beside & ~area).any()
    # Where it may go is all that the larger one leaves.
    moved = area_of(edit("move the circle to the left", (small, large)), grid)
    assert moved[:, :3].all() and moved[2, 4] and not moved[6:11, 3:8].any()


def test_an_erased_thing_is_gone_and_all_else_stays_to_the_last_bit() -> None:
    state, stage = corrected("remove the red circle")
    assert state.passed and [entry.strategy for entry in state.rounds] == ["source", "rearrange"]
    assert (state.first.nfe, state.first.sigma, stage.calls_made) == (0, 0.0, 10)
    assert torch.equal(state.first.latent, drawn())
    changed = (state.best.latent != drawn()).any(dim=0)
    assert changed[1:3, 1:3].all() and not (changed & ~area_of(state.edit, Grid((CELLS, CELLS), (SIDE, SIDE)))).any()


@pytest.mark.parametrize("place", ["at the bottom right", "to the right of the green triangle", "below the blue square"])
def test_a_moved_thing_stands_where_it_was_asked_to(place) -> None:
    state, _ = corrected(f"move the red circle {place}")
    assert state.passed and state.rounds[-1].strategy == "rearrange"
    for d in FOUND[1:]:
        span = Grid((CELLS, CELLS), (SIDE, SIDE), 0.0).span(d)
        assert torch.equal(state.best.latent[(..., *span)], drawn()[(..., *span)])


def test_of_several_that_are_moved_those_in_place_stay() -> None:
    there, elsewhere = box("red circle", 1, 1), box("red circle", 8, 8)
    claims = edit_claims(edit("move both circles to the left", (there, elsewhere)))
    faults = faults_of(critique_from_detections([claim for claim in claims if claim.edit is None], (there, elsewhere), SIDE),
                       random.Random(0))
    region = region_of(faults, Grid((CELLS, CELLS), (SIDE, SIDE)), random.Random(0))
    assert region[8:10, 8:10].all() and region[6, 1] and not region[1:3, 1:3].any()


def test_what_is_recoloured_is_drawn_anew_in_its_place_only() -> None:
    state, stage = corrected("make the red circle blue", VALUES["blue circle"])
    assert state.passed and state.best.strategy == "region" and stage.calls_made == 20
    assert ((state.best.latent != drawn()).any(dim=0) == state.best.region).all() and state.best.region.sum() == 16


def test_even_what_cannot_be_done_leaves_the_source_alone() -> None:
    state, stage = corrected("make the red circle blue", VALUES["red square"], rounds=6)
    assert not state.passed and stage.calls_made == state.nfe > 0
    everywhere = torch.stack([entry.region for entry in state.rounds]).any(dim=0)
    assert everywhere.sum() == 16
    assert all(torch.equal(entry.latent[:, ~everywhere], drawn()[:, ~everywhere]) for entry in state.rounds)


def test_an_edit_that_may_change_all_of_a_picture_does_not_open_its_neighbour_in_the_batch() -> None:
    class Painting(Stage):
        def generate(self, rows, seeds, steer=None):
            return torch.full((len(rows), 4, CELLS, CELLS), self.value)

    part = edit("make the red circle blue")
    # A statement opens the whole picture; this judge knows boxes alone.
    whole = [claim for claim in edit_claims(replace(part, statements=("it is night",))) if claim.text != "it is night"]
    for claims in ([whole, edit_claims(part)], [edit_claims(part), whole]):
        stage = Painting(VALUES["red square"])
        states = self_correct(["", ""], claims, [3, 4], stage, stage, stage, settings=LoopSettings(1, ("resample",)),
                              sources=drawn().expand(2, -1, -1, -1))
        confined_one = states[claims.index(whole) - 1].rounds[-1]
        assert confined_one.region.sum() == 16
        assert torch.equal(confined_one.latent[:, ~confined_one.region], drawn()[:, ~confined_one.region])


def test_one_of_two_is_erased_and_the_other_one_held() -> None:
    found = (Detection(8, 8, 16, 16, "circle", "red"), Detection(64, 64, 16, 16, "circle", "red"))
    claims = edit_claims(edit("remove a red circle", found))
    state = LoopState("", tuple(claims))
    start = first_round("", claims, 1, 5, sources=drawn(found)[None])
    critique = critique_from_detections([claim for claim in claims if claim.edit is None], found, SIDE)
    state, = start.finished(drawn(found)[None], decoded(drawn(found)[None]), [judge_with_source(
        decoded(drawn(found)[None]), [claims], lambda own: [critique])[0]], 0, 0.1)
    touched, = state.edit.touched
    plan, = resumed_round([state], claims, 1, 5).plans
    assert plan.region[1:3, 1:3].all() and not plan.region[8:10, 8:10].any() and touched.x == 8


def test_a_source_needs_claims_of_an_edit_and_one_for_each_picture() -> None:
    stage = Stage()
    with pytest.raises(ValueError, match="Connect those of xLARD Edit Claims"):
        self_correct(["a dog"], [claims_from_prompt("a dog")], [0], stage, stage, stage, sources=drawn()[None])
    with pytest.raises(ValueError, match="2 sources for 1 pictures"):
        first_round("", edit_claims(edit("remove the circle")), 1, 0, sources=drawn().expand(2, -1, -1, -1))


def test_a_source_that_is_full_of_what_stays_cannot_be_added_to() -> None:
    stage, ground = Stage(), Detection(0, 0, SIDE, SIDE, "square", "blue")
    claims = edit_claims(edit("add a yellow circle", (*FOUND, ground)))
    with pytest.raises(ValueError, match="what is to stay covers all of it .red circle, blue square, green triangle."):
        self_correct([""], [claims], [0], stage, stage, stage, sources=drawn()[None])


def test_plans_for_pictures_without_a_source_are_not_confined() -> None:
    start = first_round("a dog", claims_from_prompt("a dog"), 1, 0)
    plan = Plan("resample", 1.0, 0, 20)
    situation = Situation(start.states[0], (CELLS, CELLS), (SIDE, SIDE), 0, lambda sigma: 20)
    assert confined(plan, situation) is plan and situation.area is None


class Answering:
    """A critic's model that gives prepared answers, one after the other."""

    name, boxes = "the test's model", THOUSANDTHS

    def __init__(self, *texts: str):
        self.texts, self.asked = list(texts), []

    def seen_size(self, image):
        return SIDE, SIDE

    def answer(self, asks, sampling=None):
        self.asked += [ask.question for ask in asks]
        return [Answer(self.texts.pop(0)) for _ in asks]


LISTED = '[{"bbox_2d": [83, 83, 250, 250], "label": "red circle"}, {"bbox_2d": [667, 83, 833, 250], "label": "blue square"}]'


def test_free_words_are_split_by_the_critic_into_steps_and_statements() -> None:
    model = Answering('{"steps": ["make the red circle blue"], "statements": ["it is night"]}', LISTED, LISTED)
    found = edit_by(MLLMCritic(model), 'Night, please, and no red: "blue" instead', torch.zeros(SIDE, SIDE, 3))
    assert [claim.text for claim in edit_claims(found)] == [
        "no red circles", "one blue circle", "it is night", "one blue square", "all else is as it was"]
    assert found.may_change.all() and '\\"blue\\" instead' in model.asked[0] and "circle" in model.asked[1]


def test_a_list_that_says_that_nothing_is_left_is_read() -> None:
    """Taking away the only thing succeeds with a critic that answers an empty picture by an empty list."""
    found = edit_claims(edit("remove the red circle", FOUND[:1]))
    empty = decoded(torch.zeros(1, 4, CELLS, CELLS))
    critique, = MLLMCritic(Answering("[]")).judge(empty, [found])
    assert critique.passed and not critique.detections


def test_the_source_is_listed_by_the_question_that_its_edits_are_judged_by() -> None:
    more = LISTED[:-1] + ', {"bbox_2d": [333, 667, 500, 833], "label": "green triangle"}]'
    model = Answering(LISTED, more, more, more)
    critic = MLLMCritic(model)
    claims = edit_claims(edit_by(critic, "remove the red circle", decoded(drawn()[None])[0]))
    assert "keep: one green triangle" in [claim.shown for claim in claims]
    critique, = critic.judge(decoded(drawn()[None]), [claims])
    assert all(verdict.passed for verdict in critique.verdicts if verdict.claim.keep)
    first, second, third, judging = model.asked
    assert "any circle." in first and "any circle, square." in second and third == judging


def test_what_the_critic_cannot_split_either_is_refused_with_both_reasons() -> None:
    with pytest.raises(CriticError, match="cannot be read: 'turn it around'.*cannot split it into steps either"):
        edit_by(MLLMCritic(Answering("Sorry.", "Sorry.")), "turn it around", torch.zeros(SIDE, SIDE, 3))


def test_an_edit_needs_a_list_of_what_is_there() -> None:
    with pytest.raises(CriticError, match="cannot list what is in the source"):
        edit_by(MLLMCritic(Answering("A circle.", "A circle.")), "remove the circle", torch.zeros(SIDE, SIDE, 3))


def test_ways_of_scoring_without_boxes_judge_the_pixels_outside() -> None:
    class Yes(Answering):
        def probability_of_yes(self, asks):
            return [0.9] * len(asks)

    found = edit_claims(edit("remove the red circle"))
    critic = MLLMCritic(Yes()).with_scoring(YesProbability())
    same, other = critic.judge(torch.stack([decoded(drawn()[None])[0], torch.ones(SIDE, SIDE, 3)]), [found, found])
    assert same.passed and not other.passed and other.verdicts[-1].reason.startswith("0.0% of its pixels")


def test_the_report_shows_instruction_and_both_kinds_and_preservation_over_the_rounds() -> None:
    state, _ = corrected("remove the red circle")
    page = report_page([state], "Edits")
    assert "1. remove the red circle" in page and "keep: all else is as it was" in page
    assert "<td>nothing</td>" in page and "<td>all</td>" not in page
    assert "Before: the source<" in page and "After: round 1, rearrange, seed" in page
    assert 'class="preservation"' in page and "Bright is drawn anew" in page
    assert state.to_dict()["instruction"] == "remove the red circle"
    assert [claim["keep"] for claim in state.to_dict()["rounds"][0]["critique"]["claims"]] == [False, True, True, True]
