"""Instructions for edit models: read back by the pack's own grammar, they make every failed claim hold."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlard.claims import (
    Claim,
    attribute_claim,
    color_claim,
    count_claim,
    custom_claim,
    object_claim,
    position_claim,
    relation_claim,
    text_claim,
    zone_claim,
)
from xlard.critique import Critique, Verdict, critique_of, no_verdict
from xlard.detections import Detection
from xlard.editing.instructions import Step, read_instruction
from xlard.english import plural
from xlard.loop.edit_instruction import EditInstruction, instruction_of
from xlard.prompts import claims_from_prompt
from xlard.prompts.vocabulary import DIRECTION_SPELLINGS
from xlard.rewards import critique_from_detections, decidable

SIDE = 128
_NUMBERS = "one|two|three|four|five"
NOUNS, COLORS = ("cup", "car", "dog"), ("red", "blue", "green")
KINDS = [(noun, color) for noun in NOUNS[:2] for color in COLORS] + [("dog", None)]


def seen(*labels: str) -> list[Detection]:
    """Objects side by side, from left to right."""
    found = []
    for index, label in enumerate(labels):
        *color, noun = label.split()
        found.append(Detection(25.0 * index, 40.0, 20.0, 20.0, noun, color[0] if color else None))
    return found


def judged(claims: list[Claim], *labels: str) -> Critique:
    """A critique by boxes; what they cannot decide fails."""
    objects = seen(*labels)
    by_boxes = critique_from_detections([claim for claim in claims if decidable(claim)], objects, SIDE)
    others = [Verdict(claim, False, 0.0) for claim in claims if not decidable(claim)]
    return critique_of([*by_boxes.verdicts, *others], objects)


def told(prompt: str, *labels: str) -> str:
    return instruction_of(judged(claims_from_prompt(prompt), *labels)).to_change


@pytest.mark.parametrize(
    ("prompt", "labels", "text"),
    [
        (
            "two red cups and a blue car",
            ("red cup",) * 3 + ("red car",),
            "remove one of the three red cups; make the car blue",
        ),
        ("two red cups and a blue car", ("dog",), "add two red cups; add a blue car"),
        ("a cat to the left of a dog", ("dog", "cat"), "move the cat to the left of the dog"),
        ("a cat to the left of a dog", ("dog",), "add a cat to the left of the dog"),
        ("a cat to the left of a dog", ("cat",), "add a dog to the right of the cat"),
        ("a cat to the left of a dog", ("bench",), "add a dog; add a cat to the left of the dog"),
        ("a cat and a dog", ("dog", "dog"), "replace one of the two dogs with a cat"),
        ("a red cup and a blue cup", ("red cup", "red cup"), "make one of the two red cups blue"),
        ("three cats", ("cat",), "add two more cats"),
        ("two cats and a dog", ("cat", "dog", "dog"), "replace one of the two dogs with another cat"),
        ("a cat", ("cat", "cat"), "remove one of the two cats"),
    ],
)
def test_what_fails_by_boxes_is_said_plainly(prompt, labels, text):
    assert told(prompt, *labels) == text


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        (count_claim("cup", 2, "red"), "show exactly two red cups"),
        (count_claim("cup", 0), "remove every cup"),
        (object_claim("owl"), "show an owl"),
        (object_claim("owl", 3), "show at least three owls"),
        (color_claim("car", 1, "blue", 1), "make the car blue"),
        (position_claim("cat", "left of", "dog"), "place the cat to the left of the dog"),
        (position_claim("cup", "above", "dog", color="red"), "place the red cup above the dog"),
        (zone_claim("cat", "at the top left", (0, 0, 9, 9)), "place the cat to the top left"),
        (attribute_claim("hat", 1, "wooden", 1), "make the hat wooden"),
        (attribute_claim("cup", 2, "wet", 3), "make two cups wet"),
        (attribute_claim("dog", 1, "sleeping", 1), "make this true: the dog is sleeping"),
        (relation_claim("man", "riding", "horse"), "show the man riding the horse"),
        (relation_claim("cup", "on", "table", "red"), "show the red cup on the table"),
        (relation_claim("cat", "between", "dog", also="bird"), "show the cat between the dog and bird"),
        (relation_claim("cat", "on the left"), "show the cat on the left"),
        (relation_claim("cow", "on", "grass"), "show the cow on the grass"),
        (text_claim("OPEN"), 'write "OPEN" clearly'),
        (custom_claim("the hat casts a shadow"), "make this true: the hat casts a shadow"),
    ],
)
def test_each_kind_of_claim_has_words_where_the_critic_gives_no_boxes(claim, text):
    instruction = instruction_of(critique_of([Verdict(claim, False, 0.0)]))
    assert instruction.to_change == text and instruction.claims == (claim,)
    assert instruction.may_change((4, 6)).all()


def test_what_holds_is_kept_by_name_and_what_changes_is_not():
    claims = [
        *(count_claim("dog", 2), count_claim("cup", 1, "red"), color_claim("car", 1, "blue", 1)),
        *(text_claim("OPEN"), custom_claim("it is night"), relation_claim("man", "riding", "horse")),
    ]
    objects = seen("dog", "dog", "green cup", "blue car")
    passed = [True, False, True, True, True, True]
    verdicts = [Verdict(claim, holds, float(holds)) for claim, holds in zip(claims, passed)]
    instruction = instruction_of(critique_of(verdicts, objects))
    assert instruction.text == (
        'make the cup red; keep the two dogs, the blue car, the text "OPEN", the man riding the horse and everything '
        "else as they are; this stays so: it is night"
    )


def test_a_claim_without_a_verdict_or_one_that_is_accepted_asks_for_nothing():
    accepted = Claim("custom", "it is night", accepted=True)
    verdicts = [no_verdict(count_claim("dog", 2), "could not tell"), Verdict(accepted, False, 0.0)]
    instruction = instruction_of(critique_of(verdicts))
    assert (instruction.to_change, instruction.text) == ("", "keep everything else as it is")
    assert not instruction.may_change((4, 6)).any()


def test_the_mask_covers_what_is_changed_and_where_something_may_come():
    size = (SIDE, SIDE)
    turned = instruction_of(judged(claims_from_prompt("a red cup and a dog"), "blue cup", "dog")).may_change(size)
    assert turned[50, 10] and not turned[50, 40] and not turned[100, 100]
    added = instruction_of(judged(claims_from_prompt("a cup and a dog"), "dog")).may_change(size)
    assert added[100, 100] and not added[50, 10]
    removed = instruction_of(judged(claims_from_prompt("a cup"), "red cup", "blue cup")).may_change(size)
    assert removed[50, 10] and removed[50, 35] and not removed[100, 100]


def scene() -> st.SearchStrategy[list[tuple[str, str | None]]]:
    return st.lists(st.sampled_from(KINDS), min_size=1, max_size=5)


@st.composite
def claims_of_a_scene(draw) -> list[Claim]:
    """Claims that all hold of one scene: counts, colours, objects, positions."""
    things = draw(scene())
    claims: list[Claim] = []
    for noun in dict.fromkeys(noun for noun, _ in things):
        total = sum(other == noun for other, _ in things)
        kind = draw(st.sampled_from(("count", "object", "colored", "both")))
        if kind in ("count", "both"):
            claims.append(count_claim(noun, total))
        if kind == "object":
            claims.append(object_claim(noun, draw(st.integers(1, total))))
        colors = Counter(color for other, color in things if other == noun and color)
        if kind in ("colored", "both"):
            claims += [color_claim(noun, number, color, total) for color, number in colors.items()]
    nouns = list(dict.fromkeys(noun for noun, _ in things))
    if len(nouns) > 1 and draw(st.booleans()):
        claims.append(position_claim(nouns[0], draw(st.sampled_from(("left of", "above"))), nouns[1]))
    return claims


def labels_of(things: list[tuple[str, str | None]]) -> list[str]:
    return [" ".join(filter(None, (color, noun))) for noun, color in things]


def done(steps: list[Step], kinds: Counter) -> Counter:
    """The kinds of a picture after steps, done in the least way that their words allow."""
    kinds = Counter(kinds)

    def of(step: Step) -> list[tuple[str, str | None]]:
        fitting = [kind for kind in kinds.elements() if kind[0] == step.thing.noun]
        fitting = [kind for kind in fitting if step.thing.color in (None, kind[1])]
        number = step.thing.number if step.thing.exact else len(fitting)
        assert len(fitting) >= number, (step, kinds)
        return fitting[:number]

    for step in steps:
        if step.action == "add":
            kinds[step.thing.noun, step.thing.color] += step.thing.number
        elif step.action in ("remove", "recolor", "replace"):
            for kind in of(step):
                kinds[kind] -= 1
                if step.action == "recolor":
                    kinds[kind[0], step.color] += 1
                if step.action == "replace":
                    kinds[step.into.noun, step.into.color] += 1
        else:
            assert step.action == "move" and of(step)
    return +kinds


def readable(instruction: EditInstruction) -> list[Step]:
    """The changes as the grammar of instructions reads them, which knows no ``more``, ``another colour`` or ``of
    the``.
    """
    text = instruction.to_change.replace("another ", "a ").replace(" more ", " ").replace("a colour", "pink")
    return read_instruction(re.sub(rf"\b({_NUMBERS}) of the (?:{_NUMBERS})\b", r"\1", text))


@given(claims_of_a_scene(), scene())
def test_done_as_it_says_the_picture_has_no_failed_claim_of_number_or_colour(claims, things):
    critique = judged(claims, *labels_of(things))
    instruction = instruction_of(critique)
    if not critique.failed_claims:
        assert not instruction.changes
        return
    steps = readable(instruction)
    after = done(steps, Counter(things))
    later = judged([claim for claim in claims if claim.type != "position"], *labels_of(list(after.elements())))
    assert later.passed or not later.verdicts, (instruction.text, after)


@given(claims_of_a_scene(), scene())
def test_each_failed_claim_is_named_and_nothing_that_holds_is_to_change(claims, things):
    critique = judged(claims, *labels_of(things))
    instruction = instruction_of(critique)
    failed = [verdict.claim for verdict in critique.verdicts if not verdict.passed]
    assert set(instruction.claims) == set(failed)
    for change in instruction.changes:
        for claim in change.claims:
            assert claim.noun in change.text or plural(claim.noun) in change.text
    named = {claim.noun for claim in failed}
    assert {found.noun for change in instruction.changes for found in change.objects} <= named
    for step in readable(instruction) if failed else []:
        assert step.thing.noun in named | {claim.other for claim in failed}
    moved = [step for step in (readable(instruction) if failed else []) if step.direction]
    wanted = {claim.direction for claim in failed if claim.direction}
    assert {step.direction for step in moved} <= wanted | {"right of", "below"}
    assert wanted <= set(DIRECTION_SPELLINGS.values())
    for phrase in instruction.kept:
        assert phrase not in instruction.to_change.split("; ")


@given(st.text(min_size=1, max_size=40).filter(str.strip), st.booleans())
def test_any_claim_in_words_is_one_line_of_the_instruction(words, holds):
    verdict = Verdict(custom_claim(words), holds, float(holds))
    instruction = instruction_of(critique_of([verdict]))
    assert "\n" not in instruction.text and " ".join(words.split()) in instruction.text
