"""Claims as editable text: they come back as they were, and a line that cannot be understood is an error."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.prompts import colors, messy_prompts, nouns
from tests.support.properties import examples
from xlard.claims import (
    HEAVIEST,
    MOST_COUNT,
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
from xlard.prompts import claims_from_prompt
from xlard.prompts.claim_lines import EXAMPLES, format_lines, parse_lines, wants_prompt
from xlard.prompts.vocabulary import ATTRIBUTES, DIRECTION_SPELLINGS, LINKS, TRANSITIVE

maybe_colors = st.none() | colors
numbers = st.integers(0, 12) | st.integers(0, MOST_COUNT)
few = st.integers(1, 12)
directions = st.sampled_from(sorted(set(DIRECTION_SPELLINGS.values())))
links = st.sampled_from(sorted({*LINKS.values(), *TRANSITIVE.values()}))
any_text = st.text(max_size=40).filter(str.strip) | st.sampled_from(
    [
        "...",
        "count: two dogs",
        "# no",
        "the hat (2)",
        "a (1.5) (0)",
        "(nan)",
        "x:",
        "two\nlines",
        "a\u2028b",
        "position: cat",
        "custom",
        "counts: two",
        "it shows -1",
        "a (x2)",
        "(1,5)",
        "half (50%)",
        "not understood: k",
    ]
)
places = st.sampled_from(["on the left", "in the background", "at the top"])
built = {
    "count": st.builds(count_claim, nouns, numbers, maybe_colors),
    # "At least none" is true of every picture: no line says it.
    "object": st.builds(object_claim, nouns, numbers.filter(bool), maybe_colors),
    "color": st.builds(color_claim, nouns, numbers, colors, few),
    "position": st.builds(position_claim, nouns, directions, nouns, few, maybe_colors, maybe_colors),
    "attribute": st.builds(attribute_claim, nouns, few, st.sampled_from(sorted(ATTRIBUTES)), few, st.booleans()),
    "relation": st.builds(relation_claim, nouns, links, nouns, maybe_colors, maybe_colors),
    "place": st.builds(relation_claim, nouns, places, color=maybe_colors),
    "text": st.builds(text_claim, any_text),
    "custom": st.builds(custom_claim, any_text),
}
weights = st.sampled_from([1.0, 2.0, 0.5]) | st.floats(0, HEAVIEST, exclude_min=True)


@pytest.mark.parametrize("noun", ["series", "film", "movie"])
def test_words_that_prompts_say_of_pictures_are_nouns_in_a_line(noun: str) -> None:
    assert parse_lines(f"color: the {noun} is red") == [color_claim(noun, 1, "red", 1)]


@pytest.mark.parametrize("kind", built)
@examples(40)
@given(st.data())
def test_a_claim_comes_back_from_its_text(kind: str, data: st.DataObject) -> None:
    claim = replace(data.draw(built[kind]), weight=data.draw(weights))
    text = format_lines([claim])
    assert parse_lines(text) == [claim] and len(text.splitlines()) == 1


@examples(100)
@given(st.lists(st.one_of(*built.values()), max_size=3))
def test_claims_come_back_from_their_text(claims: list[Claim]) -> None:
    text = format_lines(claims)
    assert parse_lines(text) == claims
    assert len(text.splitlines()) == len(claims)


@examples(300)
@given(messy_prompts, st.sampled_from([1.0, 3.0]))
def test_claims_of_prompts_come_back_from_their_text(prompt: str, weight: float) -> None:
    claims = [replace(claim, weight=weight) for claim in claims_from_prompt(prompt)]
    assert parse_lines(format_lines(claims)) == claims


@examples(300)
@given(st.text(max_size=80))
def test_claims_of_any_text_come_back(prompt: str) -> None:
    claims = claims_from_prompt(prompt)
    assert parse_lines(format_lines(claims)) == claims


@examples(300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "# ", *(f"{kind}: " for kind in EXAMPLES), "colour:", "...", "note: ", "counts: "]),
            messy_prompts | st.text(max_size=30),
            st.sampled_from(["", "(2)", " (0)", "(-1)", "(1e200)", "(x)", "(nan)", " -1", "(1,5)", "(x2)", "(9%)"]),
        ),
        max_size=3,
    )
)
def test_any_lines_give_sound_claims_or_a_value_error(lines: list[tuple[str, str, str]]) -> None:
    try:
        claims = parse_lines("\n".join(map("".join, lines)))
    except ValueError as error:
        assert "Line " in str(error) and "cannot be understood" in str(error)
        return
    assert parse_lines(format_lines(claims)) == claims
    for claim in claims:
        assert claim.number >= 0 and 0 < claim.weight <= HEAVIEST
        assert claim.text and claim.text == " ".join(claim.text.split())


def test_lines_read_well() -> None:
    claims = claims_from_prompt(
        'two red circles left of a fluffy dog holding a sign that says "OPEN", no cats, some trees'
    )
    assert (
        format_lines([*claims, replace(custom_claim("the hat casts a shadow"), weight=1.5)])
        == """\
count: two circles
count: one dog
count: one sign
object: at least two trees
count: no cats
color: two circles are red
attribute: the dog is fluffy
position: two red circle left of dog
relation: dog holding sign
text: the text "OPEN" can be read
custom: the hat casts a shadow (1.5)"""
    )


@pytest.mark.parametrize("line", EXAMPLES.values())
def test_the_examples_are_right(line: str) -> None:
    (claim,) = parse_lines(line)
    assert format_lines([claim]) == line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("count: two red circles", count_claim("circle", 2, "red")),
        ("Count : 2 RED circles", count_claim("circle", 2, "red")),
        ("count: exactly two circles", count_claim("circle", 2)),
        ("count: no dogs", count_claim("dog", 0)),
        ("count: a dog", count_claim("dog", 1)),
        ("count: two big dogs", count_claim("big dog", 2)),
        ("count: 100 dogs", count_claim("dog", 100)),
        ("object: at least two dogs", object_claim("dog", 2)),
        ("object: dogs", object_claim("dog", 2)),
        ("object: a dog", object_claim("dog", 1)),
        ("color: the square is blue", color_claim("square", 1, "blue", 1)),
        ("color: one circle is red", color_claim("circle", 1, "red", 2)),
        ("color: two circles are dark red", color_claim("circle", 2, "red", 2)),
        ("colour: the cat is grey", color_claim("cat", 1, "gray", 1)),
        ("color: no circles are red", color_claim("circle", 0, "red", 1)),
        ("position: red circle left of blue square", position_claim("circle", "left of", "square", 1, "red", "blue")),
        ("position: two cats are to the right of the dog", position_claim("cat", "right of", "dog", 2)),
        ("position: cat under a red table", position_claim("cat", "below", "table", 1, None, "red")),
        ("attribute: the cat is fluffy", Claim("attribute", "the cat is fluffy", "cat")),
        ("attribute: it rains", Claim("attribute", "it rains")),
        ("relation: man riding horse", Claim("relation", "man riding horse", "man", other="horse")),
        ("relation: they dance", Claim("relation", "they dance")),
        ('text: "OPEN" is on the sign', Claim("text", '"OPEN" is on the sign')),
        ("the hat casts a shadow", custom_claim("the hat casts a shadow")),
        ("note: two dogs", custom_claim("note: two dogs")),
        ("- note: two dogs", custom_claim("- note: two dogs")),
        ("a cat - fluffy", custom_claim("a cat - fluffy")),
        ("the board shows 4 x 5", custom_claim("the board shows 4 x 5")),
        ("the bus has the number 7", custom_claim("the bus has the number 7")),
        ("color: one of the circles is red", color_claim("circle", 1, "red", 2)),
        ("color: two of the three circles are red", color_claim("circle", 2, "red", 2)),
        ("color: none of the circles are red", color_claim("circle", 0, "red", 2)),
        ("color: all three circles are red", color_claim("circle", 3, "red", 2)),
        ("color: the scissors are red", color_claim("scissors", 1, "red", 1)),
        ("color: the sheep is white", color_claim("sheep", 1, "white", 1)),
        ("count\uff1atwo dogs", count_claim("dog", 2)),
        ("custom: counts: two", custom_claim("counts: two")),
        ("custom: it shows -1", custom_claim("it shows -1")),
    ],
)
def test_what_a_line_claims(line: str, expected: Claim) -> None:
    assert parse_lines(line) == [expected]


def test_disabled_and_empty_lines_claim_nothing() -> None:
    assert parse_lines("\n# count: two dogs\n   \n#\n  #custom: x (0)\n") == []


def test_a_weight_stands_in_brackets_behind() -> None:
    (claim,) = parse_lines("count: two red circles (1.5)")
    assert claim == replace(count_claim("circle", 2, "red"), weight=1.5)
    assert parse_lines("the hat (2) (.5)") == [replace(custom_claim("the hat (2)"), weight=0.5)]
    assert parse_lines("the hat (small)") == [custom_claim("the hat (small)")]


@pytest.mark.parametrize(
    ("written", "weight"), [("(1,5)", 1.5), ("(x2)", 2), ("(2x)", 2), ("(*3)", 3), ("(\u00d7 2)", 2), ("(.5)", 0.5)]
)
def test_weights_are_read_as_people_write_them(written: str, weight: float) -> None:
    assert parse_lines(f"count: two dogs {written}") == [replace(count_claim("dog", 2), weight=weight)]


def test_what_became_no_claim_is_none() -> None:
    assert parse_lines("Not understood: k; f/1.8\ncount: two dogs\nnot checked: fantasy") == [count_claim("dog", 2)]


@pytest.mark.parametrize("number", ["fifteen", "twenty-one", "forty"])
@pytest.mark.parametrize("line", ["count: {} balloons", "object: at least {} balloons", "color: {} balloons are red"])
def test_a_large_number_in_words_is_read_or_asked_about(line: str, number: str) -> None:
    try:
        (claim,) = parse_lines(line.format(number))
    except ValueError as error:
        assert number.split("-")[0] in str(error) and "digits" in str(error)
    else:
        assert claim.noun == "balloon" and claim.number == {"fifteen": 15, "twenty-one": 21, "forty": 40}[number]


def test_dots_stand_for_the_claims_of_the_prompt() -> None:
    from_prompt = claims_from_prompt("two red circles")
    assert parse_lines("...\ncustom: it rains", from_prompt) == [*from_prompt, custom_claim("it rains")]
    assert parse_lines("it rains\n \u2026 ", from_prompt) == [custom_claim("it rains"), *from_prompt]
    assert parse_lines("# ...\nit rains", from_prompt) == [custom_claim("it rains")]


@pytest.mark.parametrize(
    ("text", "includes_prompt"),
    [("", True), (" \n", True), ("...", True), ("it rains\n...", True), ("it rains", False), ("# ...", False)],
)
def test_whether_the_claims_of_the_prompt_are_included(text: str, includes_prompt: bool) -> None:
    assert wants_prompt(text) == includes_prompt


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("position: cat dog", EXAMPLES["position"]),
        ("position: cat left of dog above bird", EXAMPLES["position"]),
        ("position: cat next to dog", EXAMPLES["position"]),
        ("count: dogs", EXAMPLES["count"]),
        ("count:", EXAMPLES["count"]),
        ("count: two dogs and a cat", EXAMPLES["count"]),
        ("count: at least two dogs", EXAMPLES["count"]),
        ("count: two black and white cats", EXAMPLES["count"]),
        ("object: a dog left of a cat", EXAMPLES["object"]),
        ("color: the cat is fluffy", EXAMPLES["color"]),
        ("color: red", EXAMPLES["color"]),
        ("custom: (2)", EXAMPLES["custom"]),
        ("count: two dogs (0)", "# before the line"),
        ("it rains (0.0)", "# before the line"),
        ("it rains (-2)", "above 0"),
        ("it rains (1e999)", "finite"),
        ("it rains (inf)", "finite"),
        ("it rains (nan)", "finite"),
        ("count: two dogs (-1)", "above 0"),
        ("count: two dogs -1", "in brackets"),
        ("two dogs x2", "in brackets"),
        ("count: two dogs (50%)", "above 0"),
        ("count: two dogs (1,500)", "thousand"),
        ("count: two dogs 7", "belongs to nothing"),
        ("counts: two dogs", "Did you mean 'count:'?"),
        ("objekt: a dog", "Did you mean 'object:'?"),
        ("colours: the cat is red", "Did you mean 'color:'?"),
        ("pos: cat left of dog", "Did you mean 'position:'?"),
        ("- count: two dogs", "without '-' before them: 'count:'"),
        ("2. count: two dogs", "without '2.' before them: 'count:'"),
        ("count - two dogs", "begins with its type and a colon: 'count:'"),
        ("Position = cat left of dog", "begins with its type and a colon: 'position:'"),
        ("color: all circles are red", "how many"),
        ("color: every circle is red", "how many"),
        ("color: circles are red", "how many"),
        ("color: the sheep are white", "how many"),
        ("color: the cat is fluffy", "for 'fluffy' write 'attribute: the cat is fluffy'"),
        ("count: -1 cats", "There are never -1 of anything"),
        ("object: \u22123 cats", "write a number from 0 on"),
        ("object: no cats", "true of every picture"),
        ("object: at least no cats", "true of every picture"),
        ("count: no more than two cats", "cannot be claimed"),
        ("count: at least two dogs", "for a smallest number write 'object:'"),
        ("count: some dogs", "for some or many write 'object:'"),
        ("position: cat behind dog", "for 'behind' write 'relation: cat behind dog'"),
        ("position: cat behind dog", "position takes left of, right of, above, below"),
        ("position: cat left of dog above bird", "a line for each"),
    ],
)
def test_an_error_names_the_line_and_shows_a_right_one(line: str, shown: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_lines(f"count: two dogs\n\n{line}")
    assert "Line 3" in str(error.value) and line in str(error.value) and shown in str(error.value)


@pytest.mark.parametrize(
    "line", ["attribute: 200 cats are wet", "attribute: 200<B", "custom: 200 cats fight", "text: 200"]
)
def test_a_text_of_ones_own_may_name_any_number(line: str) -> None:
    (claim,) = parse_lines(line)
    assert claim.text == line.partition(": ")[2]
