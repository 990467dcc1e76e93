"""What a prompt does not say becomes no claim: names, styles, owners, parts of bodies, what is only compared."""

from __future__ import annotations

import pytest

from xlard.prompts import read_claims
from xlard.prompts.claim_lines import format_lines
from xlard.prompts.names import name_spans
from xlard.prompts.telegrams import is_telegram
from xlard.prompts.tokens import symbols


def lines(prompt: str) -> list[str]:
    """The claims of a prompt as lines, in alphabetical order."""
    text = format_lines(read_claims(prompt).claims)
    return sorted(text.split("\n")) if text else []


def nouns(prompt: str) -> set[str]:
    """What the claims of a prompt count or ask for."""
    return {claim.noun for claim in read_claims(prompt).claims if claim.type in ("count", "object")}


def says(prompt: str, *kinds: str) -> list[str]:
    """The texts of the claims of some kinds."""
    return [claim.text for claim in read_claims(prompt).claims if claim.type in kinds]


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("an owl next to Otto Brimble", {"owl"}),
        ("a wolf in the Silver Lantern", {"wolf"}),
        ("Captain Elda Stone repairs a boat", {"boat"}),
        ("a kite over New York", {"kite"}),
        ("a barn, art station, dungeons and dragons", {"barn"}),
        ("a robot in las vegas", {"robot"}),
        ("a goat, hearthstone, star wars", {"goat"}),
        ("a bear near the Brimble Tower", {"bear", "tower"}),
        ("Red Kite and Blue Boat", {"kite", "boat"}),
        ("a fox as batman", {"fox"}),
        ("a crow from the movie the lamp", {"crow"}),
    ],
)
def test_names_and_titles_are_no_things(prompt: str, named: set[str]) -> None:
    assert nouns(prompt) == named


@pytest.mark.parametrize(
    ("prompt", "names"),
    [
        ("a cat by Otto Brimble", ["Otto Brimble"]),
        ("the Lord of Brimble sits", ["Lord of Brimble"]),
        ("A Big Dog Runs", []),
        ("two Red Dogs", []),
        ("in the Quiet Lantern", ["Quiet Lantern"]),
        ("", []),
    ],
)
def test_which_words_with_capitals_are_a_name(prompt: str, names: list[str]) -> None:
    assert [prompt[start:end] for start, end in name_spans(prompt).items()] == names


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("a fox that looks like a wolf", {"fox"}),
        ("a box shaped like a boot", {"box"}),
        ("a lamp in the shape of a star", {"lamp"}),
        ("a cross between a goat and an owl", set()),
        ("half lion and half owl", set()),
        ("a knight disguised as a monk on a horse", {"knight", "horse"}),
        ("a goat with the face of a bear", {"goat", "face of a bear"}),
        ("a monk as the queen of the bees", {"monk"}),
        ("a logo for a bakery", {"logo"}),
        ("a spoon for stirring soup", {"spoon"}),
        ("a wolf signed by a monk", {"wolf"}),
    ],
)
def test_what_is_compared_or_meant_for_need_not_be_there(prompt: str, named: set[str]) -> None:
    assert nouns(prompt) == named


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("a matte painting by jane roe, a barn", {"barn"}),
        ("an owl, etching, modern, sticker, fluid", {"owl"}),
        ("an owl drawn with a pencil", {"owl"}),
        ("an owl, oil, camera, pen and ink", {"owl"}),
        ("a close-up monk, studio", {"monk"}),
        ("three owls vector image", {"owl"}),
        ("a woman talking on the phone at the camera", {"woman"}),
        ("a knight, god rays, bone structure", {"knight"}),
    ],
)
def test_style_and_means_are_no_things(prompt: str, named: set[str]) -> None:
    assert nouns(prompt) == named


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a man with his hand up", ["count: one man", "object: at least one hand"]),
        ("a red hair girl", ["count: one girl"]),
        ("a blue eyed, short haired man",
         ["attribute: the man is blue-eyed", "attribute: the man is short-haired", "count: one man"]),
        ("a man with a hat over his eyes", ["count: one hat", "count: one man", "object: at least two eyes"]),
        ("a goat with long horns leaning on a wall",
         ["attribute: at least two horns are long", "count: one goat", "count: one wall",
          "object: at least two horns", "relation: goat leaning on wall"]),
        ("dark waters", ["attribute: the water is dark", "object: water"]),
        ("a path in the woods", ["count: one path", "object: at least one woods", "relation: path in woods"]),
    ],
)  # fmt: skip
def test_parts_of_bodies_and_masses_are_not_counted_alone(prompt: str, expected: list[str]) -> None:
    assert lines(prompt) == sorted(expected)


@pytest.mark.parametrize(
    ("prompt", "relation"),
    [
        ("a boy under a tree reading a book", "boy reading book"),
        ("a monk behind a barrel holding a lamp", "monk holding lamp"),
        ("two girls flying kites", "girl flying kite"),
        ("women walking dogs", "woman walking dog"),
        ("a goddess, in shiny armor, wielding a spear", "goddess wielding spear"),
        ("a box with a ribbon on it", "ribbon on box"),
        ("a fox on a log with a ribbon on it", "ribbon on log"),
        ("a man with a red scarf is jumping on a sled", "man jumping on sled"),
        ("a woman with a basket walks to a barn, wearing a cape", "woman wearing cape"),
        ("a wolf wearing a shirt and tie on a train", "wolf on train"),
        ("a chef cutting melons at his table", "chef at table"),
        ("a bird scaring a goat", "bird scaring goat"),
        ("a lamp on a crate, on the crate there is a bell", "bell on crate"),
        ("a fox nestled between the jug and the lamp", "fox nestled between jug and lamp"),
        ("a teddy bear in a chair. There is a lamp behind the bear.", "lamp behind teddy bear"),
    ],
)
def test_who_does_what_where(prompt: str, relation: str) -> None:
    assert relation in says(prompt, "relation")


@pytest.mark.parametrize(
    ("prompt", "wrong"),
    [
        ("a boy under a tree reading a book", "tree"),
        ("a woman with an umbrella walking away", "umbrella"),
        ("people behind a fence watching them", "fence"),
        ("a lion with the word 'grrr' written in chalk on a wall", "lion in"),
        ("a girl, the night sky, sitting", "sky"),
        ("There are bushes behind the people. They are holding drums", "bush holding"),
        ("legs apart, arms up. They lean on a wall", "arm lean"),
    ],
)
def test_the_nearest_thing_does_not_act(prompt: str, wrong: str) -> None:
    texts = says(prompt, "relation", "attribute")
    assert not [text for text in texts if text.startswith((wrong, f"the {wrong} is"))]


@pytest.mark.parametrize(
    ("prompt", "attributes"),
    [
        ("a man looks sad", ["the man is sad"]),
        ("a fox looking straight ahead", []),
        ("a cute looking owl", []),
        ("a spaceship preparing to land", []),
        ("four goats snorted and ran", []),
        ("five different hats", []),
        ("three kites in red, green and blue", []),
        ("a carving of entangled snakes", []),
        ("a heart shaped box", ["the box is heart-shaped"]),
        ("snow capped hills", ["at least two hills are snow-capped"]),
        ("a sci - fi tower", ["the tower is sci-fi"]),
        ("a ball - jointed doll", ["the doll is ball-jointed"]),
        ("a boat made with straw", ["the boat is made of straw"]),
        ("a red colored boat", []),
        ("a knight, centered", []),
    ],
)
def test_what_is_said_of_things(prompt: str, attributes: list[str]) -> None:
    assert says(prompt, "attribute") == attributes


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("A man plays a drum. There is a white drum.",
         ["color: the drum is white", "count: one man", "object: at least one drum"]
         + ["relation: man playing white drum"]),
        ("Four cups. A red cup stands above a jug.", ["object: at least four cups"]),
        ("There are boats. There are two boats on the lake.",
         ["count: one lake", "object: at least two boats", "relation: boat on lake"]),
        ("a grey sky, a forest under the sky, the sky is dark",
         ["attribute: the sky is dark", "object: at least one forest", "object: gray sky"]),
        ("a two door barn", ["object: at least one door barn"]),
        ("a knight in a beekeeper's hat", ["count: one hat", "count: one knight", "relation: knight in hat"]),
        ("an elves tower", ["count: one elves tower"]),
    ],
)  # fmt: skip
def test_how_many_there_are_is_said_only_where_it_is_known(prompt: str, expected: list[str]) -> None:
    assert lines(prompt) == sorted(expected)


def test_a_list_of_facts_counts_nothing() -> None:
    prompt = "cup on desk. cup near cup. hand touch spoon. person sit on chair. cups on shelf"
    claims = lines(prompt)
    assert not [line for line in claims if line.startswith("count")]
    assert {"relation: hand touching spoon", "relation: cup near cup", "object: at least two cups"} <= set(claims)


@pytest.mark.parametrize(
    ("prompt", "telegram"),
    [("cup on desk. cup near jug. jug on shelf", True), ("a cup on a desk. A jug. A shelf.", False), ("cup", False)],
)
def test_what_is_a_list_of_facts(prompt: str, telegram: bool) -> None:
    assert is_telegram(symbols(prompt)) == telegram


@pytest.mark.parametrize("scene", ["the sea", "the water", "a stormy sky", "the rain"])
def test_nothing_stands_below_what_is_around_it(scene: str) -> None:
    assert not says(f"a crab under {scene}", "position")


@pytest.mark.parametrize(
    ("prompt", "written"),
    [
        ("the clock on a tower says 7:15", "7:15"),
        ("a wall with the word BIM-BAM", "BIM-BAM"),
        ("a cake that says: well done", "well done"),
    ],
)
def test_what_is_written_is_read_whole(prompt: str, written: str) -> None:
    assert says(prompt, "text") == [f'the text "{written}" can be read']


def test_a_prompt_in_quotation_marks_is_no_sign() -> None:
    assert not says('"a goat and an owl on a raft"', "text") and says('"open today"', "text")


def test_a_word_that_nobody_knows_is_left_out_of_a_phrase() -> None:
    read = read_claims("a zorblaxed fox in a qwertzal cave")
    assert {"fox", "cave"} <= {claim.noun for claim in read.claims if claim.type in ("count", "object")}


@pytest.mark.parametrize(
    ("prompt", "absent"),
    [
        ("a man without a hat and a woman with a hat", False),
        ("a chair without wheels beside a cart with four wheels", False),
        ("no cats except one black cat", False),
        ("a red cup and no red cups", False),
        ("a red cup and no blue cups", True),
        ("two dogs, no cats", True),
    ],
)
def test_nothing_is_asked_to_be_there_and_absent(prompt: str, absent: bool) -> None:
    read = read_claims(prompt)
    assert any(claim.type == "count" and claim.number == 0 for claim in read.claims) == absent
    assert any(note.startswith("no ") for note in read.not_checked) != absent
