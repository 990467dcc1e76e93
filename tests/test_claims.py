"""Claims: their wording, which a critic was trained on, and English numbers, plurals and labels."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.prompts import COMPOUND, REGULAR, UNCHANGED, colors, nouns, shapes_claims
from tests.support.properties import examples
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
)
from xlard.english import NUMBER_WORDS, parse_label, plural, singular
from xlard.prompts import claims_from_prompt
from xlard.rewards import decidable

SHAPES_CLAIMS = "50f83fd83ad24df9f71224c6a4e467389e2db8f98a08ffe588b668bc146dd35a"


def test_the_claims_of_the_shapes_world_are_those_that_its_critic_learned() -> None:
    digest = hashlib.sha256()
    for claims in shapes_claims().values():
        digest.update(json.dumps([claim.to_dict() for claim in claims]).encode())
    assert digest.hexdigest() == SHAPES_CLAIMS, "The world's critic was trained on another wording: train it again."


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a circle", [Claim("count", "one circle", "circle", 1)]),
        (
            "a photo of three red squares",
            [Claim("count", "three squares", "square", 3), Claim("color", "three squares are red", "square", 3, "red")],
        ),
        (
            "a red circle and a blue circle",
            [
                Claim("count", "two circles", "circle", 2),
                Claim("color", "one circle is red", "circle", 1, "red"),
                Claim("color", "one circle is blue", "circle", 1, "blue"),
            ],
        ),
        (
            "two red circles are above a blue square",
            [
                Claim("count", "two circles", "circle", 2),
                Claim("count", "one square", "square", 1),
                Claim("color", "two circles are red", "circle", 2, "red"),
                Claim("color", "the square is blue", "square", 1, "blue"),
                Claim("position", "red circle above blue square", "circle", 2, "red", "above", "square", "blue"),
            ],
        ),
    ],
)
def test_golden_claims(prompt: str, expected: list[Claim]) -> None:
    assert claims_from_prompt(prompt) == expected


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        (count_claim("circle", 2, "red"), "two red circles"),
        (count_claim("circle", 0), "no circles"),
        (count_claim("mouse", 12), "12 mice"),
        (object_claim("dog", 2), "at least two dogs"),
        (color_claim("square", 1, "blue", 1), "the square is blue"),
        (color_claim("square", 1, "blue", 3), "one square is blue"),
        (color_claim("square", 2, "blue", 3), "two squares are blue"),
        (position_claim("cat", "left of", "dog", 1, "black", "white"), "black cat left of white dog"),
        (attribute_claim("cat", 1, "fluffy", 1), "the cat is fluffy"),
        (attribute_claim("cat", 2, "fluffy", 2), "two cats are fluffy"),
        (attribute_claim("cat", 2, "fluffy", 2, exact=False), "at least two cats are fluffy"),
        (relation_claim("man", "riding", "horse", None, "brown"), "man riding brown horse"),
        (relation_claim("cat", "between", "dog", also="bird"), "cat between dog and bird"),
        (relation_claim("cat", "on the left"), "cat on the left"),
        (text_claim("OPEN \n now"), 'the text "OPEN now" can be read'),
        (custom_claim(" the hat\n casts  a shadow "), "the hat casts a shadow"),
    ],
)
def test_the_wording_of_each_type(claim: Claim, text: str) -> None:
    assert claim.text == text


def test_a_claim_without_text_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a text"):
        custom_claim(" \n")


def test_boxes_decide_what_has_a_noun_and_a_number_colour_or_direction() -> None:
    assert all(
        map(
            decidable,
            (
                count_claim("cat", 0),
                object_claim("cat"),
                color_claim("cat", 1, "red", 1),
                position_claim("cat", "above", "dog"),
            ),
        )
    )
    assert not any(
        map(
            decidable,
            (
                attribute_claim("cat", 1, "wet", 1),
                relation_claim("cat", "on", "mat"),
                text_claim("A"),
                custom_claim("it rains"),
            ),
        )
    )


def test_a_claim_as_json_leaves_out_what_is_unset() -> None:
    assert count_claim("circle", 1).to_dict() == {
        "type": "count",
        "text": "one circle",
        "noun": "circle",
        "number": 1,
        "weight": 1.0,
    }


def test_number_words_stay_in_the_order_of_the_critics_vocabulary() -> None:
    assert " ".join(NUMBER_WORDS.values()) == "one two three four five six seven eight nine ten no"


@pytest.mark.parametrize("noun", [*REGULAR, *COMPOUND])
def test_singular_and_plural_are_inverse(noun: str) -> None:
    assert singular(noun) == noun != plural(noun)
    assert singular(plural(noun)) == noun


@pytest.mark.parametrize("noun", UNCHANGED)
def test_some_nouns_have_no_other_plural(noun: str) -> None:
    assert singular(noun) == plural(noun) == noun


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("boxes", "box"),
        ("buses", "bus"),
        ("cherries", "cherry"),
        ("people", "person"),
        ("glasses", "glass"),
        ("mice", "mouse"),
        ("traffic lights", "traffic light"),
        ("glass", "glass"),
        ("bus", "bus"),
        ("houses", "house"),
        ("viruses", "virus"),
        ("policemen", "policeman"),
        ("cacti", "cactus"),
        ("cups of tea", "cup of tea"),
        ("king's", "king's"),
    ],
)
def test_singular_of_harder_nouns(many: str, one: str) -> None:
    assert singular(many) == one


@examples(500)
@given(st.text("abceinosuxyz' ", min_size=1, max_size=12) | st.text(min_size=1, max_size=8))
def test_a_singular_survives_its_plural(word: str) -> None:
    one = singular(word)
    assert singular(one) == one
    assert singular(plural(one)) == one


@given(colors, nouns.filter(lambda noun: noun != "glass"))
def test_a_label_splits_into_colour_and_noun(color: str, noun: str) -> None:
    assert parse_label(f"{color} {noun}") == (color, noun)
    assert parse_label(f"the {plural(noun)}".upper()) == (None, noun)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("grey cat", ("gray", "cat")),
        ("orange", (None, "orange")),
        ("an orange orange", ("orange", "orange")),
        ("", (None, "")),
        ("two red circles", ("red", "circle")),
        ("glasses", (None, "eyeglasses")),
        ("wine glasses", (None, "wine glass")),
        ("glass of red wine", (None, "glass of red wine")),
    ],
)
def test_labels_of_boxes(label: str, expected: tuple) -> None:
    assert parse_label(label) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "foo"),
        ("type", None),
        ("text", 3),
        ("noun", None),
        ("color", 1),
        ("other", ["dog"]),
        ("direction", "beside"),
        ("number", 1.5),
        ("number", True),
        ("weight", "2"),
        ("zone", "left"),
        ("zone", (0.0, 0.0, float("nan"), 1.0)),
        ("edit", "make it red"),
    ],
)
def test_a_field_of_another_kind_is_refused_by_name(field, value) -> None:
    with pytest.raises(ValueError, match=f"as its {field}"):
        replace(position_claim("cat", "left of", "dog"), **{field: value})


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf"), 1e200])
def test_a_weight_that_cannot_be_summed_is_refused(weight) -> None:
    with pytest.raises(ValueError, match="above 0, up to 1,000,000"):
        replace(count_claim("cat", 1), weight=weight)
