"""The word list, forms of verbs, the tagger, numbers and what is no English: the parts that the parser reads with."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import xlard.prompts
from tests.support.properties import examples
from xlard.prompts.cleaning import cleaned, is_json
from xlard.prompts.language import is_foreign
from xlard.prompts.numbers import UNCOUNTED, uncounted
from xlard.prompts.tagger import TAGS, load_tagger, packed, unpacked
from xlard.prompts.verbs import bases, participle
from xlard.prompts.words import is_compound, letters, noun_kind, verb_of

FOLDER = Path(xlard.prompts.__file__).parent


@pytest.mark.parametrize(
    ("noun", "kind"),
    [
        ("owl", "t"),
        ("lantern", "t"),
        ("wooden rocking chair", "t"),
        ("cup of tea", "t"),
        ("teddy bear", "t"),
        ("sailor", "p"),
        ("water", "m"),
        ("hay", "m"),
        ("sky", "s"),
        ("forest", "s"),
        ("hair", "b"),
        ("fantasy", "x"),
        ("technology", "x"),
        ("entrance", "x"),
        ("zorblax", ""),
    ],
)
def test_kinds_of_nouns(noun: str, kind: str) -> None:
    assert noun_kind(noun) == kind


@pytest.mark.parametrize(
    "compound", ["hot dog", "potted plant", "tank top", "teddy bear", "polar bear", "dining table"]
)
def test_compounds_are_one_noun(compound: str) -> None:
    assert is_compound(compound)


@pytest.mark.parametrize("words", ["red car", "old man", "big dog", "small house"])
def test_adjectives_make_no_compounds(words: str) -> None:
    assert not is_compound(words)


@pytest.mark.parametrize(
    ("verb", "form"),
    [
        ("bob", "bobbing"),
        ("illuminate", "illuminating"),
        ("lie", "lying"),
        ("play", "playing"),
        ("read", "reading"),
        ("see", "seeing"),
        ("open", "opening"),
        ("polish", "polishing"),
        ("quiz", "quizzing"),
        ("fix", "fixing"),
    ],
)
def test_participles(verb: str, form: str) -> None:
    assert participle(verb) == form


@pytest.mark.parametrize(
    ("word", "verb"),
    [
        ("polishing", ("polish", "ing")),
        ("running", ("run", "ing")),
        ("carried", ("carry", "ed")),
        ("hidden", ("hide", "ed")),
        ("repairs", ("repair", "third")),
        ("worn", ("wear", "ed")),
        ("wore", ("wear", "past")),
        ("share", ("share", "base")),
    ],
)
def test_verbs_are_found_by_their_forms(word: str, verb: tuple[str, str]) -> None:
    assert verb_of(word) == verb


def test_a_word_that_is_no_verb_has_none() -> None:
    assert verb_of("owl") is None


@examples(200)
@given(st.text("abcdefghijklmnopqrstuvwxyz-'", min_size=1, max_size=12))
def test_any_word_can_be_looked_up(word: str) -> None:
    assert isinstance(letters(word), str) and isinstance(noun_kind(word), str)
    assert all(base for base, _ in bases(word))


@pytest.mark.parametrize(
    ("sentence", "tags"),
    [
        ("a knight polishing a shield", "ONGON"),
        ("two toads share an umbrella", "ONVON"),
        ("an icy lake", "OAN"),
        ("a ship trapped in ice", "ONDON"),
    ],
)
def test_the_tagger_tells_verbs_from_nouns(sentence: str, tags: str) -> None:
    assert "".join(load_tagger().tags(sentence.split())) == tags


@examples(100)
@given(st.lists(st.text("abcdefgh,.", min_size=1, max_size=8), max_size=12))
def test_every_word_gets_one_tag(words: list[str]) -> None:
    tags = load_tagger().tags(words)
    assert len(tags) == len(words) and set(tags) <= set(TAGS)


@given(st.dictionaries(st.sampled_from(TAGS), st.integers(-90, 90).filter(bool).map(lambda number: number / 10)))
def test_packed_weights_come_back(weights: dict[str, float]) -> None:
    assert unpacked(packed(weights)) == pytest.approx(weights)


def test_lists_and_weights_are_small() -> None:
    assert (FOLDER / "words.txt.gz").stat().st_size < 500_000
    assert (FOLDER / "tagger.txt.gz").stat().st_size < 2_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8 k", "#8 k"),
        ("6 0 0 mm lens", "#600 mm|lens"),
        ("1 9 th century", "#19 th|century"),
        ("iso 200", "iso|#200"),
        ("two to three cats", "at|least|two|cats"),
        ("2-3 cats", "at|least|2|cats"),
        ("three cats", "three|cats"),
        ("1 2 cats", "12|cats"),
    ],
)
def test_which_numbers_count(text: str, expected: str) -> None:
    assert "|".join(uncounted(text.split(), {"two", "three"})) == expected.replace("#", UNCOUNTED)


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("a cat // a dog\na bird", "a cat \na bird"),
        ("a /* big */ cat", "a   cat"),
        ("a /* big cat", "a /* big cat"),
        ("http://x.y", "http://x.y"),
        ("{a|{b|c}} cat", "  cat"),
        ("[cat:dog:0.5] x", "  x"),
        ("[a:0.3]", " "),
        ("[red] cat", "[red] cat"),
        ("a cat --no dogs", "a cat , without dogs. "),
    ],
)
def test_what_is_no_english_is_left_out(prompt: str, text: str) -> None:
    assert cleaned(prompt).text == text


@examples(200)
@given(st.text("{}[]|:/*0.5 a", max_size=60))
def test_any_syntax_can_be_cleaned(prompt: str) -> None:
    assert isinstance(cleaned(prompt).text, str)


@pytest.mark.parametrize("prompt", ["{", "[cat]", "{a|b}", "a {cat}", "[" * 100_000, ""])
def test_what_is_no_json(prompt: str) -> None:
    assert not is_json(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "a red circle",
        "la la land",
        "1girl, solo, bokeh",
        "a cafe in paris",
        "masterpiece",
        "",
        "8k",
        "a pan on a stove",
    ],
)
def test_english_is_not_foreign(prompt: str) -> None:
    assert not is_foreign(prompt)
