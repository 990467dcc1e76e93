"""Instructions in a critic's words: what says too little or too much is refused, and then the rules' words are used."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from xlard.critics.backend import GREEDY, Answer, Ask, CriticError, Sampling
from xlard.critics.boxes import THOUSANDTHS
from xlard.critics.mllm import MLLMCritic
from xlard.critics.schemas import INSTRUCTED, answer_schema
from xlard.critique import Verdict, critique_of
from xlard.detections import Detection
from xlard.loop.edit_instruction import EditInstruction, instruction_of
from xlard.loop.written_instruction import LONGEST, InstructionWriter, fault_of
from xlard.prompts import claims_from_prompt
from xlard.rewards import critique_from_detections


def by_rules(prompt: str, *seen: str) -> EditInstruction:
    """The rules' instruction for a picture that shows these objects from left to right, each a colour and a noun."""
    found = [Detection(10 * place, 0, 9, 9, label.split()[1], label.split()[0]) for place, label in enumerate(seen)]
    return instruction_of(critique_from_detections(claims_from_prompt(prompt), found, 64))


TWO = by_rules("two red cups, a blue car and a dog", *["red cup"] * 3, "red car", "brown dog")
"""remove one of the three red cups; make the car blue; keep the dog and everything else as they are"""

MOVE = by_rules("a red circle left of a blue square", "blue square", "red circle")
REPLACED = by_rules("a cat", "brown dog")
ADDED = by_rules("two red cups", "red cup")
TEXT = instruction_of(
    critique_of([Verdict(claim, False, 0.0) for claim in claims_from_prompt('a sign that says "OPEN"')])
)


@pytest.mark.parametrize(
    "instruction, text",
    [
        (TWO, "Remove one of the three red cups and make the car blue. Keep the dog and everything else as they are."),
        (TWO, "Erase a red cup and paint the car blue, keeping the dog unchanged."),
        (TWO, "Turn the car blue and delete one of the 3 red cups, without changing the dog."),
        (TWO, "Make the car blue; remove one red cup. Do not change the dog or add anything."),
        (TWO, "Make the car blue and remove one red cup, but don\u2019t move the dog."),
        (MOVE, "Place the red circle on the left side of the blue square. Keep the background."),
        (ADDED, "Add another red cup next to the red cup."),
        (ADDED, "Insert one more red cup, and leave the first one."),
    ],
)
def test_other_words_for_the_same_changes_are_used(instruction, text) -> None:
    assert fault_of(text, instruction) == ""


@pytest.mark.parametrize(
    "instruction, text, fault",
    [
        (TWO, "Make the car blue.", 'does not say what to change about "cup"'),
        (TWO, "Keep the three red cups and make the car blue.", 'does not say what to change about "cup"'),
        (TWO, "Remove one red cup and make the car green.", 'does not name the color "blue"'),
        (TWO, "Remove one red cup, make the car blue and black.", 'the color "black", which no change'),
        (TWO, "Remove one red cup and the dog, and make the car blue.", 'changes "dog", which has to stay'),
        (TWO, "Remove one red cup, make the car blue and give it a flag.", 'changes "flag", which has to stay'),
        (TWO, "Remove two of the three red cups and make the car blue.", "2 are to be removed, which nothing asks"),
        (TWO, "Remove four red cups and make the car blue.", "number 4, which no change asks for"),
        (TWO, "Add one red cup and make the car blue.", 'does not say "remove", which has to be done'),
        (TWO, "Remove one red cup, add a red cup and make the car blue.", 'says "add", and nothing has to be added'),
        (TWO, "Make the car blue and remove a red cup. Keep the dog, but move it.", 'says "move" of what has to stay'),
        (TWO, "Remove a red cup. Make the car blue. Keep the dog.", "3 sentences, 2 are the most"),
        (TWO, "I am sorry, I cannot edit this.", 'does not say what to change about "cup"'),
        (MOVE, "Move the red circle to the right of the blue square.", 'does not name the side "left"'),
        (ADDED, "Add two more red cups.", "2 are to be added, which nothing asks for"),
    ],
)
def test_what_says_too_little_or_too_much_is_named(instruction, text, fault) -> None:
    assert fault in fault_of(text, instruction)


@pytest.mark.parametrize("instruction", [TWO, MOVE, REPLACED, ADDED, TEXT])
def test_the_rules_own_words_pass(instruction) -> None:
    assert instruction.changes and fault_of(instruction.text, instruction) == ""


class Scripted:
    """A backend that gives its answers in turn, raises those that are errors, and records the questions."""

    name, boxes = "scripted model", THOUSANDTHS

    def __init__(self, *answers: str | Answer | Exception):
        self.answers, self.asks = list(answers), []

    def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
        self.asks += asks
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [answer if isinstance(answer, Answer) else Answer(answer)]


def answered(text: object) -> str:
    return json.dumps({"instruction": text})


GOOD = "Delete one of the three red cups and paint the car blue. Keep the dog."


def test_good_words_are_used_and_asked_for_once() -> None:
    backend = Scripted(answered(GOOD))
    write = InstructionWriter(MLLMCritic(backend))
    written = write(TWO)
    assert (written.text, written.note) == (GOOD, "") and write(TWO) is written
    assert written.reason == "delete one of the three red cups and paint the car blue"
    (ask,) = backend.asks
    assert ask.image is None and ask.schema == answer_schema(INSTRUCTED)
    for said in (TWO.to_change, TWO.to_keep, *(claim.text for claim in TWO.claims)):
        assert json.dumps(said) in ask.question


def test_words_that_do_not_say_what_to_keep_are_followed_by_the_rules() -> None:
    write = InstructionWriter(
        MLLMCritic(Scripted(answered("Delete one of the three red cups and paint the car blue.")))
    )
    assert write(TWO).text == f"Delete one of the three red cups and paint the car blue; {TWO.to_keep}"


def test_it_is_asked_a_second_time_with_what_is_wrong() -> None:
    backend = Scripted(answered("Make the car blue."), answered(GOOD))
    assert InstructionWriter(MLLMCritic(backend))(TWO).text == GOOD
    assert 'does not say what to change about "cup"' in backend.asks[1].question


@pytest.mark.parametrize(
    "answers, note",
    [
        ((answered("Remove the dog."),) * 2, 'does not say what to change about "cup"'),
        ((answered(GOOD + " Keep the dog." * 40),) * 2, f"characters, {LONGEST} are the most"),
        ((answered("Remove a cup\nand the dog"),) * 2, "has more than one line"),
        ((answered(""),) * 2, "holds no instruction"),
        ((json.dumps({"told": GOOD}),) * 2, "holds no instruction"),
        (("I cannot do that.",) * 2, "no JSON object"),
        ((Answer("", fault="It was cut at 64 tokens."),) * 2, "It was cut at 64 tokens."),
        ((Answer("", fault="The model refused.", is_final=True),), "The model refused."),
        ((CriticError("The server is down."),), "The server is down."),
    ],
)
def test_words_that_are_no_use_leave_the_rules_and_say_why(answers, note) -> None:
    backend = Scripted(*answers)
    written = InstructionWriter(MLLMCritic(backend))(TWO)
    assert written.text == TWO.text and written.changes == TWO.to_change and not backend.answers
    assert written.note.startswith("in the rules' words, because those of scripted model are no use: ")
    assert note in written.note and written.reason == f"{TWO.to_change} ({written.note})"


def test_where_nothing_is_to_change_nobody_is_asked() -> None:
    nothing = by_rules("a red cup", "red cup")
    assert InstructionWriter(MLLMCritic(Scripted()))(nothing).text == nothing.text


def test_a_critic_that_only_judges_is_refused() -> None:
    class OnlyJudges:
        def judge(self, images, claims):
            raise AssertionError

    with pytest.raises(TypeError, match="can judge pictures, but not be asked in words"):
        InstructionWriter(OnlyJudges())
