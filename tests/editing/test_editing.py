"""Editing by instruction: what is read, what is claimed, and what counts as preserved."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.edit_stage import CELLS, FOUND, SIDE, Stage, box, decoded, drawn, edit
from tests.support.properties import examples
from xlard.aspects import aspect_of
from xlard.claims import Claim
from xlard.critics.backend import Answer, CriticError
from xlard.critics.boxes import THOUSANDTHS
from xlard.critics.mllm import MLLMCritic
from xlard.critics.scoring import YesProbability
from xlard.detections import ObjectKind
from xlard.editing.claims import edit_claims, edit_in, target_prompt
from xlard.editing.instructions import EXAMPLES, UnreadableInstruction, read_instruction
from xlard.editing.listing import edit_by
from xlard.prompts import claims_from_prompt


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_can_be_read(text) -> None:
    (step,) = read_instruction(text)
    assert step.action == text.replace("make", "recolor").split()[0] and step.thing.number == 1


@pytest.mark.parametrize(
    ("text", "actions"),
    [
        ("Please remove the dog.", ["remove"]),
        ("change the colour of the car to dark blue", ["recolor"]),
        ("turn the car into a bike", ["replace"]),
        ("make the red circle blue and remove all squares", ["recolor", "remove"]),
        ("move a dog under the table, then put a hat on the left of the man", ["move", "add"]),
        ("place the dog in the bottom right corner of the picture", ["move"]),
        ("add two red circles", ["add"]),
    ],
)
def test_other_wordings_are_read(text, actions) -> None:
    assert [step.action for step in read_instruction(text)] == actions


def test_directions_places_and_numbers_are_read() -> None:
    (step,) = read_instruction("move the square to the left side of the picture")
    assert step.place == "on the left" and step.definite
    (step,) = read_instruction("move two red squares to the left of the circle")
    assert (step.direction, step.other.noun, step.thing.number, step.definite) == ("left of", "circle", 2, False)
    assert not read_instruction("make all circles green")[0].thing.exact


@pytest.mark.parametrize(
    "text", ["make it look like winter", "turn the lights on", "make the man and the woman blue", "hello"]
)
def test_what_the_grammar_does_not_know_is_refused_with_examples(text) -> None:
    with pytest.raises(UnreadableInstruction, match="Write it like 'make the red square blue'"):
        read_instruction(text)


def test_an_empty_instruction_is_refused() -> None:
    with pytest.raises(ValueError, match="The instruction is empty"):
        read_instruction(" \n")


@examples(200)
@given(
    st.lists(
        st.sampled_from(
            "make move remove add put the a red blue square circle to left of top and , then with into".split()
        ),
        max_size=12,
    ).map(" ".join)
)
def test_no_words_break_the_grammar(text) -> None:
    try:
        assert all(step.thing for step in read_instruction(text))
    except ValueError as error:
        assert "instruction" in str(error)


def test_a_recolour_asks_for_the_new_kind_and_keeps_all_others() -> None:
    claims = edit_claims(edit("make the red circle blue"))
    assert [claim.text for claim in claims if not claim.keep] == ["no red circles", "one blue circle"]
    assert [claim.text for claim in claims if claim.keep] == [
        "one blue square",
        "one green triangle",
        "all else is as it was",
    ]
    assert {aspect_of(claim) for claim in claims if claim.keep} == {"preservation"}
    assert sum(claim.weight for claim in claims if claim.keep) == pytest.approx(
        sum(claim.weight for claim in claims if not claim.keep)
    )
    assert edit_in(claims).instruction == "make the red circle blue" and edit_in(claims_from_prompt("a dog")) is None


def test_the_prompt_says_what_is_there_afterwards() -> None:
    assert target_prompt(edit("make the red circle blue")) == "a blue square and a green triangle and a blue circle"
    assert (
        target_prompt(edit("move the circle to the right of the square"))
        == "a red circle right of a blue square and a green triangle"
    )
    assert target_prompt(edit("remove the circle and remove the square and remove the triangle")) == ""
    assert target_prompt(edit("replace the square with two orange cats")).endswith("two orange cats")


def test_later_steps_speak_of_what_earlier_ones_made() -> None:
    draft = edit("make the red circle blue, then move the blue circle below the square")
    assert draft.new_kinds == (ObjectKind("circle", "blue"),) and [d.label for d in draft.touched] == ["red circle"]
    assert draft.targets[0].other_kind == ObjectKind("square", "blue")


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        (
            "remove the yellow circle",
            "speaks of one yellow circle; the critic sees one red circle, one blue square, one green triangle",
        ),
        ("move the circle left of the dog", "speaks of at least|speaks of two dogs"),
        ("make the red circle red", "asks for what the source shows already"),
    ],
)
def test_what_names_nothing_in_the_source_is_refused(instruction, message) -> None:
    with pytest.raises(ValueError, match=message):
        edit_claims(edit(instruction))


def test_one_of_several_has_to_be_named_clearly() -> None:
    circles = (box("red circle", 1, 1), box("blue circle", 8, 1))
    with pytest.raises(ValueError, match="Say which are meant, for example by their colour, or 'all circles'"):
        edit("remove the circle", circles)
    assert len(edit("remove a circle", circles).touched) == 1 and len(edit("remove both circles", circles).touched) == 2
    with pytest.raises(ValueError, match="afterwards nobody can tell which of them it was"):
        edit("move a circle to the top", circles)


@pytest.mark.parametrize(
    "instruction",
    [
        "add a red circle at the bottom right",
        "put two blue squares below the circle",
        "add a circle to the right of the triangle",
    ],
)
def test_what_is_new_has_to_be_told_from_what_stays_elsewhere(instruction) -> None:
    with pytest.raises(
        ValueError, match="an object of this kind stays elsewhere: afterwards nobody can tell which of them is new"
    ):
        edit_claims(edit(instruction))


@pytest.mark.parametrize(
    "instruction",
    [
        "add a red circle at the top left",
        "add a blue square to the right of the circle",
        "add a yellow circle at the bottom right",
        "remove the red circle, then add a red circle at the bottom",
    ],
)
def test_what_is_new_may_join_what_stands_there_already(instruction) -> None:
    assert any(claim.type == "position" for claim in edit_claims(edit(instruction)))


def judged(instruction: str, objects, change=None):
    """The critique of a picture of ``objects`` as the result of an edit; ``change`` paints on it."""
    image = decoded(drawn(objects)[None])
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

    result = (box("blue circle", 1, 1), *FOUND[1:])
    cases = {
        "gone or moved: green triangle": judged("make the red circle blue", result[:2]),
        "gone or moved: blue square": judged(
            "make the red circle blue", (result[0], box("blue square", 8, 5), result[2])
        ),
        "new: red square": judged("make the red circle blue", (*result, box("red square", 9, 9))),
        "of its pixels stayed": judged("make the red circle blue", result, repaint),
    }
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
    claims = critique.to_dict()["claims"]
    assert [claim["keep"] for claim in claims] == [False, True, True, True]
    assert [verdict.claim.shown for verdict in critique.verdicts][-1] == "keep: all else is as it was"
    assert Claim("object", "a dog").to_dict() == {"type": "object", "text": "a dog", "number": 1, "weight": 1.0}


def test_a_result_of_another_size_is_refused_with_both() -> None:
    with pytest.raises(ValueError, match="The picture is 48 x 96 pixels, its source 96 x 96: .*VAE Encode cuts"):
        Stage().judge(torch.zeros(1, 96, 48, 3), [edit_claims(edit("remove the circle"))])


class Answering:
    """A critic's model that gives prepared answers, one after the other."""

    name, boxes = "the test's model", THOUSANDTHS

    def __init__(self, *texts: str):
        self.texts, self.questions = list(texts), []

    def seen_size(self, image):
        return SIDE, SIDE

    def answer(self, asks, sampling=None):
        self.questions += [ask.question for ask in asks]
        return [Answer(self.texts.pop(0)) for _ in asks]


LISTED = (
    '[{"bbox_2d": [83, 83, 250, 250], "label": "red circle"}, {"bbox_2d": [667, 83, 833, 250], "label": "blue square"}]'
)


def test_free_words_are_split_by_the_critic_into_steps_and_statements() -> None:
    model = Answering('{"steps": ["make the red circle blue"], "statements": ["it is night"]}', LISTED, LISTED)
    result = edit_by(MLLMCritic(model), 'Night, please, and no red: "blue" instead', torch.zeros(SIDE, SIDE, 3))
    assert [claim.text for claim in edit_claims(result)] == [
        "no red circles",
        "one blue circle",
        "it is night",
        "one blue square",
        "all else is as it was",
    ]
    assert result.may_change.all() and '\\"blue\\" instead' in model.questions[0] and "circle" in model.questions[1]


def test_a_list_that_says_that_nothing_is_left_is_read() -> None:
    """Taking away the only thing succeeds with a critic that answers an empty picture by an empty list."""
    claims = edit_claims(edit("remove the red circle", FOUND[:1]))
    empty = decoded(torch.zeros(1, 4, CELLS, CELLS))
    (critique,) = MLLMCritic(Answering("[]")).judge(empty, [claims])
    assert critique.passed and not critique.detections


def test_the_source_is_listed_by_the_question_that_its_edits_are_judged_by() -> None:
    more = LISTED[:-1] + ', {"bbox_2d": [333, 667, 500, 833], "label": "green triangle"}]'
    model = Answering(LISTED, more, more, more)
    critic = MLLMCritic(model)
    claims = edit_claims(edit_by(critic, "remove the red circle", decoded(drawn()[None])[0]))
    assert "keep: one green triangle" in [claim.shown for claim in claims]
    (critique,) = critic.judge(decoded(drawn()[None]), [claims])
    assert all(verdict.passed for verdict in critique.verdicts if verdict.claim.keep)
    first, second, third, judging = model.questions
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

    claims = edit_claims(edit("remove the red circle"))
    critic = MLLMCritic(Yes()).with_scoring(YesProbability())
    same, other = critic.judge(torch.stack([decoded(drawn()[None])[0], torch.ones(SIDE, SIDE, 3)]), [claims, claims])
    assert same.passed and not other.passed and other.verdicts[-1].reason.startswith("0.0% of its pixels")
