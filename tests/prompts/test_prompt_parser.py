"""The prompt parser: the phrases, relations and claims that it reads from prompts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.prompts import COCO
from tests.support.properties import examples
from xlard.claims import Claim, count_claim, object_claim, text_claim
from xlard.english import NUMBER_WORDS, plural
from xlard.prompts import claims_from_prompt, parse_prompt
from xlard.prompts.noun_phrases import Phrase
from xlard.prompts.reading import Relation
from xlard.prompts.vocabulary import DIRECTION_SPELLINGS

shapes = st.sampled_from(["circle", "square", "triangle"])
colors = st.sampled_from(["red", "green", "blue", "yellow", "purple", "cyan"])
phrases = st.builds(Phrase, st.integers(1, 5), shapes, st.none() | colors)


def phrase_text(phrase: Phrase, one: str = "a") -> str:
    number = one if phrase.number == 1 else NUMBER_WORDS[phrase.number]
    return f"{number} {phrase.text}{'s' if phrase.number > 1 else ''}"


def texts(prompt: str, *types: str) -> list[str]:
    return [claim.text for claim in claims_from_prompt(prompt) if not types or claim.type in types]


@examples(100)
@given(st.lists(phrases, min_size=1, max_size=4), st.sampled_from(["a", "one", "the"]))
def test_joined_phrases_come_back(expected: list[Phrase], one: str) -> None:
    prompt = " and ".join(phrase_text(phrase, one) for phrase in expected)
    assert parse_prompt(prompt) == (expected, [])


@examples(200)
@given(
    phrases,
    st.sampled_from(sorted(DIRECTION_SPELLINGS)),
    phrases,
    st.sampled_from(["", "is ", "are ", "stands ", "sits ", "is standing ", "that is "]),
)
def test_a_direction_comes_back(a: Phrase, words: str, b: Phrase, verb: str) -> None:
    if verb in ("stands ", "sits ") and a.number > 1:
        verb = verb.replace("s ", " ")
    prompt = f"{phrase_text(a)} {verb}{words} {phrase_text(b)}"
    assert parse_prompt(prompt) == ([a, b], [Relation(0, DIRECTION_SPELLINGS[words], 1)])


@pytest.mark.parametrize(
    "lead",
    [
        "a photo of ",
        "An image of ",
        "the picture showing ",
        "  A  drawing of ",
        "a close-up portrait of ",
        "masterpiece, best quality, ",
        "a beautiful oil painting of ",
        "3d render of ",
        "8k, highly detailed photo of ",
        "create an image of ",
        "there are ",
    ],
)
def test_a_lead_in_is_no_object(lead: str) -> None:
    assert claims_from_prompt(f"{lead}two red circles") == claims_from_prompt("two red circles")


def test_a_relation_joins_only_its_neighbours() -> None:
    parsed, relations = parse_prompt("a red circle left of a blue square and a green triangle")
    assert [phrase.text for phrase in parsed] == ["red circle", "blue square", "green triangle"]
    assert relations == [Relation(0, "left of", 1)]


@pytest.mark.parametrize("noun", COCO)
def test_genevals_objects_are_read_whole(noun: str) -> None:
    article = "an" if noun[0] in "aeiou" else "a"
    assert claims_from_prompt(f"a photo of {article} {noun}") == [count_claim(noun, 1)]
    assert claims_from_prompt(f"a photo of three {plural(noun)}") == [count_claim(noun, 3)]
    assert texts(f"a photo of a purple {noun}", "color") == [f"the {noun} is purple"]
    assert texts(f"a photo of a {noun} below a pencil", "position") == [f"{noun} below pencil"]


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("a", 1),
        ("an", 1),
        ("one", 1),
        ("two", 2),
        ("ten", 10),
        ("eleven", 11),
        ("twelve", 12),
        ("a dozen", 12),
        ("half a dozen", 6),
        ("two dozen", 24),
        ("a pair of", 2),
        ("a couple of", 2),
        ("7", 7),
        ("a group of three", 3),
        ("both", 2),
        ("exactly four", 4),
    ],
)
def test_numbers(words: str, number: int) -> None:
    noun = "dog" if number == 1 else "dogs"
    assert claims_from_prompt(f"{words} {noun}") == [count_claim("dog", number)]


@pytest.mark.parametrize(
    "words", ["", "some", "several", "many", "multiple", "a few", "a group of", "lots of", "the", "at least two"]
)
def test_what_is_not_exact_is_so_many_or_more(words: str) -> None:
    assert claims_from_prompt(f"{words} dogs") == [object_claim("dog", 2)]
    parsed, _ = parse_prompt(f"{words} dogs")
    assert parsed == [Phrase(2, "dog", exact=False)]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("grass", [object_claim("grass", 1)]),
        ("some water", [object_claim("water", 1)]),
        ("sheep", [object_claim("sheep", 1)]),
        ("many sheep", [object_claim("sheep", 2)]),
        ("many red apples", [object_claim("apple", 2, "red")]),
        ("two dogs and some dogs", [object_claim("dog", 4)]),
        ("1girl, 2boys", [count_claim("girl", 1), count_claim("boy", 2)]),
        ("6+girls", [object_claim("girl", 6)]),
        ("a pair of scissors", [count_claim("scissors", 1)]),
        ("a pair of glasses", [count_claim("eyeglasses", 1)]),
        ("three glasses", [count_claim("glass", 3)]),
        ("two cups of tea", [count_claim("cup of tea", 2)]),
        ("an orange", [count_claim("orange", 1)]),
        ("1,000 dogs in 1985", [object_claim("dog", 2)]),
    ],
)
def test_counts_of_harder_wordings(prompt: str, expected: list[Claim]) -> None:
    assert claims_from_prompt(prompt) == expected


@examples(100)
@given(st.lists(phrases, min_size=1, max_size=4))
def test_counts_add_up_by_noun(parsed: list[Phrase]) -> None:
    # Between commas only, a phrase that is the same names the same thing again.
    prompt = " and ".join(map(phrase_text, parsed))
    counts = [claim for claim in claims_from_prompt(prompt) if claim.type == "count"]
    assert len({claim.noun for claim in counts}) == len(counts)
    assert sum(claim.number for claim in counts) == sum(phrase.number for phrase in parsed)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("no dogs", ["no dogs"]),
        ("a man without a hat", ["one man", "no hats"]),
        ("a park but no trees", ["one park", "no trees"]),
        ("there are no people in the street", ["one street", "no people"]),
        ("a dog, not a cat", ["one dog", "no cats"]),
        ("a dog without any red collar", ["one dog", "no red collars"]),
        ("there is no dog and a cat", ["one cat", "no dogs"]),
        ("a room without chairs or tables", ["one room", "no chairs", "no tables"]),
        # Nothing can be there and not be there.
        ("two dogs, no dogs", ["two dogs"]),
        ("a man not wearing a hat", ["one man", "no hats"]),
        ("a man without glasses", ["one man", "no eyeglasses"]),
        ("0 dogs", ["no dogs"]),
    ],
)
def test_what_must_not_be_there(prompt: str, expected: list[str]) -> None:
    assert texts(prompt) == expected
    assert all(phrase.number > 0 for phrase in parse_prompt(prompt)[0])


@pytest.mark.parametrize(
    "prompt", ["a cat left of no dog", "no cat left of a dog", "a cat without a dog above it", "no people on the left"]
)
def test_what_must_not_be_there_has_no_relations(prompt: str) -> None:
    assert texts(prompt, "position", "relation") == []


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a dark blue car", ["the car is blue"]),
        ("a light green bus", ["the bus is green"]),
        ("a grey cat", ["the cat is gray"]),
        ("the cat is black", ["the cat is black"]),
        ("two dogs that are brown", ["two dogs are brown"]),
        ("a black cat and a white cat", ["one cat is black", "one cat is white"]),
        ("the cat on the red table is black", ["the cat is black", "the table is red"]),
    ],
)
def test_colours(prompt: str, expected: list[str]) -> None:
    assert texts(prompt, "color") == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a fluffy cat", ["the cat is fluffy"]),
        ("two fluffy cats", ["two cats are fluffy"]),
        ("a big, fluffy white cat", ["the cat is big", "the cat is fluffy"]),
        ("the door is open", ["the door is open"]),
        ("a red and white striped shirt", ["the shirt is red and white", "the shirt is striped"]),
        ("a black and white cat", ["the cat is black and white"]),
        ("a glass", []),
        ("a glass bottle", ["the bottle is glass"]),
        ("a big black dog and a small white dog", ["the black dog is big", "the white dog is small"]),
        ("a house made of glass", ["the house is made of glass"]),
        ("a sleeping cat", ["the cat is sleeping"]),
        ("a cat sleeping", ["the cat is sleeping"]),
        ("a golden retriever", []),
        ("a running shoe", []),
        ("some wet dogs", ["at least two dogs are wet"]),
    ],
)
def test_attributes(prompt: str, expected: list[str]) -> None:
    assert texts(prompt, "attribute") == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a man riding a brown horse", ["man riding brown horse"]),
        ("a cat behind a dog", ["cat behind dog"]),
        ("dogs in a park", ["dog in park"]),
        ("a cat is sitting on a mat", ["cat sitting on mat"]),
        ("a cat sits on a mat", ["cat sitting on mat"]),
        ("a woman wearing a hat and holding an umbrella", ["woman wearing hat", "woman holding umbrella"]),
        ("a cat between a dog and a bird", ["cat between dog and bird"]),
        ("on the table is a cat", ["cat on table"]),
        ("Behind the house, a tree", ["tree behind house"]),
        ("a lamp next to a bed, a book on it", ["lamp next to bed", "book on lamp"]),
        ("a table with a lamp on it", ["lamp on table"]),
        ("two men chase a cat", ["man chasing cat"]),
        ("1girl, long hair, school uniform, holding sword", ["girl holding sword"]),
        ("a dog running through a forest", ["dog running through forest"]),
        ("A cat. It sits on a mat.", ["cat sitting on mat"]),
        ("a car parked by the river", ["car parked beside river"]),
        ("a cat on the left and a dog on the right", ["cat on the left", "dog on the right"]),
        ("in the background, a castle", ["castle in the background"]),
        ("a cat at the top of the image", ["cat at the top"]),
        ("a shoe on the left shoe", ["shoe on left shoe"]),
        ("a cat looking at the camera", ["cat looking at the camera"]),
    ],
)
def test_relations_that_boxes_cannot_decide(prompt: str, expected: list[str]) -> None:
    assert texts(prompt, "relation") == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red cube with a blue ball to its left", "blue ball left of red cube"),
        ("a dog with a bird above it", "bird above dog"),
        ("a cat sits on the left side of a dog", "cat left of dog"),
        ("a cat standing under a table", "cat below table"),
        ("a cup and a fork on the right of the cup", "fork right of cup"),
        ("a cat left of\na dog", "cat left of dog"),
    ],
)
def test_directions_of_harder_wordings(prompt: str, expected: str) -> None:
    assert texts(prompt, "position") == [expected]


def test_the_fields_of_a_relation() -> None:
    (claim,) = (claim for claim in claims_from_prompt("two men riding a brown horse") if claim.type == "relation")
    assert (claim.noun, claim.other, claim.direction) == ("man", "horse", None)


@pytest.mark.parametrize(
    "prompt",
    [
        "A cat and a dog. The cat is black.",
        "a cat and a dog, the cat is black",
        "A cat stands left of a dog. The cat is black.",
    ],
)
def test_what_is_named_again_is_not_counted_again(prompt: str) -> None:
    assert texts(prompt, "count", "color") == ["one cat", "one dog", "the cat is black"]


@pytest.mark.parametrize(
    ("prompt", "written"),
    [
        ('a sign that says "OPEN"', "OPEN"),
        ("a wall with the text 'SALE'", "SALE"),
        ("a sign reading \u201cHello two dogs\u201d", "Hello two dogs"),
        ('a sign "no cats" above a door', "no cats"),
        ("a sign saying HELLO WORLD above a door", "HELLO WORLD"),
        ("a sign with the words 'it's on'", "it's on"),
    ],
)
def test_written_text_is_kept_and_not_read(prompt: str, written: str) -> None:
    claims = claims_from_prompt(prompt)
    assert claims[-1] == text_claim(written)
    assert {claim.noun for claim in claims} <= {"sign", "wall", "door", ""}
    assert ("door" not in prompt) or "sign above door" in [claim.text for claim in claims]
