"""Claims: what the parser reads out of a prompt, and what it makes of text that is no prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlard.claims import (
    COLORS,
    NUMBER_WORDS,
    RELATIONS,
    Claim,
    Phrase,
    Relation,
    claims_from_prompt,
    parse_label,
    parse_prompt,
    singular,
)

shapes = st.sampled_from(["circle", "square", "triangle"])
colors = st.sampled_from(["red", "green", "blue", "yellow", "purple", "cyan"])
numbers = st.integers(1, 5)


def phrase_text(phrase: Phrase, one: str = "a") -> str:
    number = one if phrase.number == 1 else NUMBER_WORDS[phrase.number]
    return f"{number} {phrase.text}{'s' if phrase.number > 1 else ''}"


phrases = st.builds(Phrase, numbers, shapes, st.none() | colors)


@given(st.lists(phrases, min_size=1, max_size=4), st.sampled_from(["a", "one", "the"]))
def test_joined_phrases_come_back(expected: list[Phrase], one: str) -> None:
    prompt = " and ".join(phrase_text(phrase, one) for phrase in expected)
    assert parse_prompt(prompt) == (expected, [])


@given(phrases, st.sampled_from(sorted(RELATIONS)), phrases, st.sampled_from(["", "is ", "are "]))
def test_a_relation_comes_back(a: Phrase, words: str, b: Phrase, verb: str) -> None:
    prompt = f"{phrase_text(a)} {verb}{words} {phrase_text(b)}"
    assert parse_prompt(prompt) == ([a, b], [Relation(0, RELATIONS[words], 1)])


@pytest.mark.parametrize("lead", ["a photo of ", "An image of ", "the picture showing ", "  A  drawing of "])
def test_a_lead_in_is_no_object(lead: str) -> None:
    assert parse_prompt(f"{lead}two red circles") == parse_prompt("two red circles")


def test_a_relation_joins_only_its_neighbours() -> None:
    found, relations = parse_prompt("a red circle left of a blue square and a green triangle")
    assert [phrase.text for phrase in found] == ["red circle", "blue square", "green triangle"]
    assert relations == [Relation(0, "left of", 1)]


@given(st.text(max_size=200))
def test_any_text_is_read_without_error(text: str) -> None:
    found, relations = parse_prompt(text)
    assert all(phrase.number > 0 and phrase.noun for phrase in found)
    assert all(0 <= relation.a < relation.b < len(found) for relation in relations)
    claims_from_prompt(text)


@given(st.text(alphabet=" \t\n.,", max_size=20))
def test_an_empty_prompt_claims_nothing(text: str) -> None:
    assert claims_from_prompt(text) == []


@given(st.lists(phrases, min_size=1, max_size=4))
def test_counts_add_up_by_noun(found: list[Phrase]) -> None:
    counts = [claim for claim in claims_from_prompt(", ".join(map(phrase_text, found))) if claim.type == "count"]
    assert len({claim.noun for claim in counts}) == len(counts)
    assert sum(claim.number for claim in counts) == sum(phrase.number for phrase in found)


@pytest.mark.parametrize(("prompt", "expected"), [
    ("a circle", ["one circle"]),
    ("three red squares", ["three squares", "three squares are red"]),
    ("a red circle and a blue square", ["one circle", "one square", "the circle is red", "the square is blue"]),
    ("two red circles and a blue circle", ["three circles", "two circles are red", "one circle is blue"]),
    ("a photo of a red circle above a blue square",
     ["one circle", "one square", "the circle is red", "the square is blue", "red circle above blue square"]),
])
def test_the_wording_of_claims(prompt: str, expected: list[str]) -> None:
    assert [claim.text for claim in claims_from_prompt(prompt)] == expected


@given(shapes)
def test_singular_undoes_a_plural_and_leaves_a_singular(noun: str) -> None:
    assert singular(noun + "s") == singular(noun) == noun


@pytest.mark.parametrize(("many", "one"), [
    ("boxes", "box"), ("buses", "bus"), ("cherries", "cherry"), ("people", "person"), ("glasses", "glass"),
    ("traffic lights", "traffic light"), ("glass", "glass"), ("bus", "bus")])
def test_singular_of_harder_nouns(many: str, one: str) -> None:
    assert singular(many) == one


@given(st.sampled_from(sorted(COLORS)), shapes)
def test_a_label_splits_into_colour_and_noun(color: str, noun: str) -> None:
    assert parse_label(f"{color} {noun}s") == ("gray" if color == "grey" else color, noun)
    assert parse_label(noun) == (None, noun)


def test_a_claim_as_json_leaves_out_what_is_unset() -> None:
    assert Claim("count", "one circle", "circle").to_dict() == {
        "type": "count", "text": "one circle", "noun": "circle", "number": 1, "weight": 1.0}
