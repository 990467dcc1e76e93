"""The prompt parser on noise: tags, weights, style words, any text and long texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.prompts import messy_prompts
from tests.support.properties import examples
from xlard.prompts.parser import claims_from_prompt, parse_prompt
from xlard.prompts.vocabulary import DIRECTION_SPELLINGS


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        " \n\t",
        "...",
        ",.,",
        "masterpiece, best quality, highly detailed, 8k, 4k uhd",
        "<lora:two_dogs:0.8>",
        "in the style of van gogh and monet",
        "by greg rutkowski",
        "cinematic lighting, depth of field, sharp focus",
        "score_9, score_8_up, rating_safe",
        "a photo of",
        "red",
        "1.5",
        "16:9",
        "(masterpiece:1.3), [best quality]",
        "embedding:two_dogs",
        "trending on artstation",
        "BREAK",
        "'90s",
        "at night",
        "looking at viewer",
        'in the style of "two dogs"',
        "a t-shirt that says",
        "of of of",
        "the the",
        "no",
        "left of",
        "two",
        "fluffy",
    ],
)
def test_noise_claims_nothing(prompt: str) -> None:
    assert [claim for claim in claims_from_prompt(prompt) if claim.noun != "t-shirt"] == []


def test_noise_changes_nothing_around_it() -> None:
    messy = (
        "masterpiece, best quality, (two:1.2) ((dogs)) [left of] a (red hat:1.3), <lora:x:0.8>, 8k, in the style of "
        "monet BREAK a cat at night, trending on artstation, by greg rutkowski"
    )
    assert claims_from_prompt(messy) == claims_from_prompt("two dogs left of a red hat, a cat")


@examples(300)
@given(messy_prompts)
def test_any_mix_of_known_words_gives_sound_claims(prompt: str) -> None:
    for claim in claims_from_prompt(prompt):
        assert claim.number >= 0 and claim.weight > 0
        assert claim.text and claim.text == " ".join(claim.text.split())
        assert claim.type == "text" or claim.noun
    parsed, relations = parse_prompt(prompt)
    assert all(phrase.number > 0 and phrase.noun for phrase in parsed)
    assert all(relation.direction in DIRECTION_SPELLINGS.values() for relation in relations)


@examples(300)
@given(st.text(max_size=200))
def test_any_text_is_read_without_error(text: str) -> None:
    parsed, relations = parse_prompt(text)
    assert all(phrase.number > 0 and phrase.noun for phrase in parsed)
    assert all(0 <= index < len(parsed) for relation in relations for index in (relation.a, relation.b))
    assert all(claim.text == " ".join(claim.text.split()) for claim in claims_from_prompt(text))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [
        '"',
        "<",
        "'a ",
        "\u201c",
        "\u2018a\u2019b",
        "a:1",
        ":",
        ": ",
        "1,",
        "1",
        "-",
        "a-",
        "says A",
        "A ",
        "\n ",
        "(",
        "_",
        "__a",
        "--a ",
        " ",
        "9+",
        "s",
        "embedding:",
        "the ",
        "no ",
        "of ",
        "a of b ",
        "left of ",
        "on the left ",
        "red ",
        "dog ",
        "the x. ",
        "a cat between a dog and ",
        "dozen ",
        "red and ",
        "fluffy and ",
        "two cats each with ",
        "one of the two ",
        "a\\",
    ],
)
def test_long_texts_take_no_longer_than_their_length(piece: str) -> None:
    # Quadratic time would take minutes here.
    claims_from_prompt((piece * 20000)[:20000])
    claims_from_prompt("".join(f"{piece}{number}" for number in range(20000 // (len(piece) + 4))))
