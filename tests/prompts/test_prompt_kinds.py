"""How people write prompts: verbs, adjectives, style, numbers, subjects, what is named again, and ComfyUI's syntax."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.properties import examples
from xlard.english import NUMBER_WORDS, plural
from xlard.prompts import read_claims
from xlard.prompts.claim_lines import format_lines
from xlard.prompts.verbs import participle


def lines(prompt: str) -> list[str]:
    """The claims of a prompt as lines, in alphabetical order."""
    text = format_lines(read_claims(prompt).claims)
    return sorted(text.split("\n")) if text else []


def check(prompt: str, *expected: str) -> None:
    assert lines(prompt) == sorted(expected)


@pytest.mark.parametrize(
    ("prompt", "relation"),
    [
        ("a monk sweeping a floor", "monk sweeping floor"),
        ("a wolf sniffs a boot", "wolf sniffing boot"),
        ("a child peels an orange", "child peeling orange"),
        ("two bears share a canoe", "bear sharing canoe"),
        ("an astronaut repairing a satellite", "astronaut repairing satellite"),
        ("a boat stranded on a beach", "boat stranded on beach"),
        ("a lantern hidden behind a crate", "lantern hidden behind crate"),
        ("plates arranged on a table", "plate arranged on table"),
        ("a frog trapped in a jar", "frog trapped in jar"),
        ("a person wear hat", "person wearing hat"),
        ("a robot climbing a ladder", "robot climbing ladder"),
        ("a horse jumping over a fence", "horse jumping over fence"),
    ],
)
def test_a_verb_joins_two_things_and_belongs_to_no_noun(prompt: str, relation: str) -> None:
    assert f"relation: {relation}" in lines(prompt)
    nouns = {claim.noun for claim in read_claims(prompt).claims}
    assert all(" " not in noun for noun in nouns)


@pytest.mark.parametrize(
    ("prompt", "attribute"),
    [
        ("a frosty window", "the window is frosty"),
        ("a glittering crown", "the crown is glittering"),
        ("two dented cans", "two cans are dented"),
        ("an ornate, narrow mirror", "the mirror is narrow"),
        ("a scarlet cloak", "the cloak is scarlet"),
        ("a 'haunted' house", "the house is haunted"),
        ("a red, white and green flag", "the flag is red, white and green"),
        ("a black-and-white dog", "the dog is black and white"),
        ("a man dressed in black", "the man is dressed in black"),
    ],
)
def test_an_adjective_describes_its_noun(prompt: str, attribute: str) -> None:
    assert f"attribute: {attribute}" in lines(prompt)
    assert len([claim for claim in read_claims(prompt).claims if claim.type == "count"]) == 1


@pytest.mark.parametrize(
    "prompt",
    [
        "masterpiece, absurdres, very aesthetic, a fox",
        "candid, dslr, moody lighting, a fox",
        "a fox, pastel palette, gloomy atmosphere, negative space",
        "a fox by jane roe and john doe",
        "jane roe, a fox",
        "in this picture there is a fox",
        "we can see a fox",
        "a fox, 4 k, hdr",
        "35 mm lens, 8 5 mm, f/1.8, iso 100, a fox",
        "a fox in the 1 9 th century",
        "a fox, nostalgia, futuristic, technology",
        "a fox // three dogs",
        "a /* red */ fox",
        "a fox, {cat|dog}",
        "a fox, [cat|dog], [cat:dog:0.4]",
        "a fox, <lora:dogs:1>, embedding:dogs",
        "the camera pans over a fox",
        "a fox at dusk",
    ],
)
def test_style_names_syntax_and_sizes_claim_nothing(prompt: str) -> None:
    check(prompt, "count: one fox")


@pytest.mark.parametrize(
    ("prompt", "line"),
    [
        ("nineteen lamps", "count: 19 lamps"),
        ("thirty-two tiles", "count: 32 tiles"),
        ("two to four cups", "object: at least two cups"),
        ("3-5 cups", "object: at least three cups"),
        ("almost eight cups", "count: eight cups"),
        ("four hundred cups", "object: at least two cups"),
        ("a thousand cups", "object: at least two cups"),
        ("three and a half cups", "object: at least three cups"),
        ("over six cups", "object: at least six cups"),
        ("around thirty cups", "object: at least two cups"),
        ("about a dozen cups", "object: at least two cups"),
        ("between 3 and 8 cups", "object: at least three cups"),
        ("a \u20ac50 cup", "count: one cup"),
        ("::.25 cup", "count: one cup"),
        ("a trio of cups", "count: three cups"),
        ("two pairs of shoes", "count: four shoes"),
        ("three pairs of scissors", "count: three scissors"),
        ("two rows of five cups", "count: ten cups"),
        ("a set of spoons", "object: at least two spoons"),
        ("1 2 cups", "count: 12 cups"),
        ("0 cups", "count: no cups"),
        ("six pupae", "count: six pupae"),
    ],
)
def test_numbers_as_people_write_them(prompt: str, line: str) -> None:
    check(prompt, line)


@pytest.mark.parametrize("prompt", ["zero gravity", "a 0 k room", "0 5 mm", "zero visibility"])
def test_zero_of_nothing_negates_nothing(prompt: str) -> None:
    assert not [claim for claim in read_claims(prompt).claims if claim.number == 0]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("nobody in a garden", []),
        ("a tent, no one beside a fire", ["count: one tent"]),
        ("neither of the two owls holds a lamp", []),
        ("a kettle, avoid cups, spoons", ["count: one kettle"]),
        ("don't draw the fox", []),
        ("at most six kites", []),
        ("up to four drums on a carpet", ["count: one carpet"]),
        ("not three but five cups", ["count: five cups"]),
        ("not all foxes", []),
        ("a no parking sign on a fence", ["count: one fence"]),
    ],
)
def test_what_is_negated_is_not_asked_for(prompt: str, expected: list[str]) -> None:
    check(prompt, *expected)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Two of the five kites are yellow", ["count: five kites", "color: two kites are yellow"]),
        ("one of the four owls sits on a chest", ["count: four owls"]),
        ("most of the six lamps are broken", ["count: six lamps"]),
        ("the tallest of the three towers is white", ["count: three towers"]),
        ("Four cups. The small cup is blue", ["count: four cups"]),
        ("Four cups. The blue cup is broken", ["count: four cups", "color: one cup is blue"]),
        ("Two foxes. The first fox barks, the second fox holds a bone", ["count: two foxes"]),
        ("Three kites. The kite at the top is green", ["count: three kites"]),
    ],
)
def test_what_is_said_of_a_part_is_not_said_of_all(prompt: str, expected: list[str]) -> None:
    check(prompt, *expected)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("four cups: one blue, two red", ["count: four cups", "color: one cup is blue", "color: two cups are red"]),
        ("three cows. two cows are brown", ["count: three cows", "color: two cows are brown"]),
        ("two kites, both yellow", ["count: two kites", "color: two kites are yellow"]),
        (
            "both the pen and the box are green",
            ["count: one pen", "count: one box", "color: the pen is green", "color: the box is green"],
        ),
        (
            "each of the two chests holds a crown",
            ["count: two chests", "count: two crowns", "relation: chest holding crown"],
        ),
        ("lamp and chair; lamp is left of chair",
         ["count: one lamp", "count: one chair", "position: lamp left of chair"]),
        ("a sailor's red hat", ["count: one sailor", "count: one hat", "color: the hat is red"]),
        ("a man's watch", ["count: one watch"]),
        ("a bust of a king", ["count: one bust of a king"]),
        ("a room devoid of chairs", ["count: one room", "count: no chairs"]),
        ("a fox --no wolves", ["count: one fox", "count: no wolves"]),
        ("three girls, one of them without shoes", ["count: three girls"]),
        ("a tent in a forest", ["count: one tent", "object: at least one forest", "relation: tent in forest"]),
        ("a young man with a red beard", ["attribute: the man is young", "color: the beard is red", "count: one man"]
         + ["count: one beard"]),
        ("a lake (swan:1.2) ducks reeds",
         ["count: one lake", "count: one swan", "object: at least two ducks", "object: at least two reeds"]),
        ("a pumpkin that says happy halloween",
         ["count: one pumpkin", 'text: the text "happy halloween" can be read']),
        ("the word HELLO on a door", ["count: one door", 'text: the text "HELLO" can be read']),
        ("a mug (left) and a jug (right)",
         ["count: one mug", "count: one jug", "relation: mug on the left", "relation: jug on the right"]),
    ],
)  # fmt: skip
def test_parts_owners_and_what_is_named_again(prompt: str, expected: list[str]) -> None:
    check(prompt, *expected)


@pytest.mark.parametrize(
    ("prompt", "relation"),
    [
        ("A bear sits on a rock. It wears a hat.", "bear wearing hat"),
        ("A bear sits on a rock. Behind it stands a deer.", "deer behind bear"),
        ("a shelf with two cups and a jug on it", "jug on shelf"),
        ("a cat wearing a bow and a bell, sitting on a chair", "cat sitting on chair"),
        ("a cat wearing a bow and a bell", "cat wearing bell"),
        ("a ball lies under the bed next to a shoe", "ball next to shoe"),
        ("a pot of soup on a stove, a spoon behind the pot", "spoon behind pot of soup"),
        ("Smoke drifts through the door, surrounding a chair.", "smoke surrounding chair"),
        ("The wizard paints six barrels", "wizard painting barrel"),
        ("a monk in a cave eating a melon", "monk eating melon"),
        ("a knight on a bridge polishing a sword", "knight polishing sword"),
        ("women in a hall playing violins", "woman playing violin"),
        ("a boy next to a barrel and an owl beside him", "owl beside boy"),
        ("a kite over a tent that is near a lake", "tent near lake"),
        ("a fox on a sled, the fox wearing a scarf", "fox wearing scarf"),
    ],
)
def test_who_does_what(prompt: str, relation: str) -> None:
    assert f"relation: {relation}" in lines(prompt)


@pytest.mark.parametrize(
    ("prompt", "positions"),
    [
        ("a cup with a spoon on its left and a fork on its right", ["spoon left of cup", "fork right of cup"]),
        ("a sun above the hills and the sea", ["sun above hill", "sun above sea"]),
        ("A bird above a roof. There is a star above it.", ["bird above roof", "star above bird"]),
    ],
)
def test_where_things_are(prompt: str, positions: list[str]) -> None:
    assert [claim.text for claim in read_claims(prompt).claims if claim.type == "position"] == positions


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("1boy, shining armor", ["count: one boy", "object: armor", "attribute: the armor is shining"]),
        ("1boy, nose piercing", ["count: one boy"]),
        ("bridge, (frowning:1.1)", ["count: one bridge"]),
        ("a knight whose cape is green", ["count: one knight", "count: one cape", "color: the cape is green"]),
        ("a house whose windows are broken",
         ["count: one house", "object: at least two windows", "attribute: at least two windows are broken"]),
        ("a girl with a white or pink scarf", ["count: one girl"]),
        ("a fox or a wolf on a rock", ["count: one rock"]),
        ("a boy in a cape or cloak", ["count: one boy"]),
    ],
)  # fmt: skip
def test_what_describes_a_part_or_may_be_another_is_not_said_of_the_whole(prompt: str, expected: list[str]) -> None:
    check(prompt, *expected)


@pytest.mark.parametrize("prompt", ["She paints the barrel", "He sands a barrel", "They plant the barrel"])
def test_after_a_pronoun_stands_a_verb(prompt: str) -> None:
    check(prompt, "count: one barrel")


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("1boy, pretty boy", ["count: one boy"]),
        ("three owls, a fox, three owls", ["count: three owls", "count: one fox"]),
        ("lovely wings, white wings", ["object: at least two white wings"]),
        ("an owl, another owl", ["count: two owls"]),
        ("an owl and an owl", ["count: two owls"]),
    ],
)
def test_a_tag_that_is_repeated_names_the_same(prompt: str, expected: list[str]) -> None:
    check(prompt, *expected)


@pytest.mark.parametrize("prompt", ["mascara", "underwear", "a fox on horseback", "cash, baroque architecture"])
def test_what_is_not_counted_is_not_one(prompt: str) -> None:
    claims = read_claims(prompt).claims
    assert [claim.noun for claim in claims if claim.type == "count"] == (["fox"] if "fox" in prompt else [])


def test_words_nobody_knows_become_no_objects() -> None:
    read = read_claims("a fox, zorblax, qwertyish flumph")
    assert [claim.text for claim in read.claims] == ["one fox"]
    assert any("zorblax" in words for words in read.not_understood)


def test_style_is_listed_as_not_checked() -> None:
    read = read_claims("a fox, gloomy atmosphere, art by jane roe")
    assert "gloomy atmosphere" in read.not_checked
    assert any("jane roe" in words for words in read.not_checked)
    assert not read.not_understood


def test_alternatives_are_listed_as_not_checked() -> None:
    assert "{cat|dog}" in read_claims("a fox, {cat|dog}").not_checked


@pytest.mark.parametrize(
    "prompt",
    [
        "ein alter Mann mit einem Hund auf der Strasse",
        "une pomme rouge sur la table",
        "dos gatos y un perro en el jardin",
        "\u4e00\u53ea\u5728\u684c\u5b50\u4e0a\u7684\u732b",
        "\u043a\u0440\u0430\u0441\u043d\u044b\u0439 \u043a\u0440\u0443\u0433",
        '{"subject": "a cat", "style": "photo"}',
        '["a cat", "a dog"]',
    ],
)
def test_other_languages_and_json_are_one_claim(prompt: str) -> None:
    read = read_claims(prompt)
    assert [(claim.type, claim.text) for claim in read.claims] == [("custom", prompt)]
    assert read.not_understood == (prompt,)


def test_the_surest_claims_stand_first_of_their_kind() -> None:
    types = [claim.type for claim in read_claims('a red cup on a table, a tall lamp, the text "OPEN"').claims]
    order = ["count", "object", "color", "attribute", "position", "relation", "text"]
    assert types == sorted(types, key=order.index)


things = st.sampled_from("owl robot knight wizard lantern barrel bicycle umbrella penguin teapot ladder violin".split())
verbs = st.sampled_from("polish juggle paint repair inspect admire drag sketch rescue weigh measure decorate".split())
adjectives = st.sampled_from("icy dented crumpled sleek frosty enchanted crooked gleaming fragile wobbly".split())


def article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


@examples(100)
@given(things, verbs, things)
def test_any_verb_between_two_things_joins_them(a: str, verb: str, b: str) -> None:
    if a == b:
        return
    relation = f"relation: {a} {participle(verb)} {b}"
    expected = sorted([f"count: one {a}", f"count: one {b}", relation])
    assert lines(f"{article(a)} {participle(verb)} {article(b)}") == expected
    assert lines(f"{article(a)} {plural(verb)} {article(b)}") == expected


@examples(100)
@given(adjectives, things, st.integers(2, 9))
def test_any_adjective_describes_any_thing(adjective: str, thing: str, number: int) -> None:
    assert lines(f"{article(adjective)} {thing}") == sorted(
        [f"attribute: the {thing} is {adjective}", f"count: one {thing}"]
    )
    many = f"{NUMBER_WORDS[number]} {plural(thing)}"
    described = f"attribute: {many} are {adjective}"
    assert lines(f"{NUMBER_WORDS[number]} {adjective} {plural(thing)}") == sorted([described, f"count: {many}"])


@examples(100)
@given(things, st.integers(2, 99))
def test_any_number_counts(thing: str, number: int) -> None:
    assert lines(f"{number} {plural(thing)}") == [f"count: {NUMBER_WORDS.get(number, number)} {plural(thing)}"]


@examples(200)
@given(things, st.text("{}[]|:;,.()/*-_ 0123456789k", max_size=20))
def test_syntax_around_a_thing_invents_no_other(thing: str, noise: str) -> None:
    assert {claim.noun for claim in read_claims(f"{noise}, {article(thing)}").claims} <= {thing, ""}
