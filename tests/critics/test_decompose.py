"""Claims of a prompt by a critic's model, with a backend of scripted answers."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.properties import examples
from xlard.claims import (
    MOST_CLAIMS_IN_ALL,
    Claim,
    attribute_claim,
    color_claim,
    count_claim,
    custom_claim,
    object_claim,
    position_claim,
)
from xlard.critics import questions
from xlard.critics.backend import GREEDY, Answer, Ask, CriticError, Sampling
from xlard.critics.boxes import THOUSANDTHS
from xlard.critics.decompose import decompose
from xlard.critics.mllm import MLLMCritic
from xlard.prompts.claim_lines import format_lines, parse_lines

PROMPT = "two black cats left of a dog"
CATS = [
    {"type": "count", "noun": "cat", "number": 2},
    {"type": "color", "noun": "cat", "number": 2, "color": "black"},
    {"type": "position", "noun": "cat", "color": "black", "direction": "left of", "other": "dog", "other_color": None},
    {"type": "relation", "text": "the dog looks\n at the cats", "noun": "dog", "other": "cat"},
]
READ = [
    count_claim("cat", 2),
    color_claim("cat", 2, "black", 2),
    position_claim("cat", "left of", "dog", 1, "black"),
    Claim("relation", "the dog looks at the cats", "dog", other="cat"),
]


class Scripted:
    """A backend that gives its answers in turn and records the questions."""

    name, boxes = "scripted model", THOUSANDTHS

    def __init__(self, *answers: str):
        self.answers, self.asks = list(answers), []

    def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
        self.asks += asks
        return [Answer(self.answers.pop(0)) for _ in asks]


def answered(claims: list[dict]) -> str:
    return json.dumps({"claims": claims})


def decomposed(*claims: dict, prompt: str = PROMPT) -> list[Claim]:
    return decompose(MLLMCritic(Scripted(answered(list(claims)))), prompt)


@pytest.mark.parametrize(
    "answer",
    [
        answered(CATS),
        f"```json\n{answered(CATS)}\n```",
        f"<think>Two {{cats}}.</think>\n{answered(CATS)}",
        f"Here are the claims: {answered(CATS)}",
        answered(CATS)[:-2],
        answered(CATS).replace('"', "'"),
        json.dumps(CATS),
    ],
)
def test_what_models_wrap_around_the_claims_is_removed(answer: str) -> None:
    backend = Scripted(answer)
    assert decompose(MLLMCritic(backend), PROMPT) == READ
    (ask,) = backend.asks
    assert ask.question == questions.decompose(PROMPT) and ask.image is None
    assert ask.schema["properties"]["claims"]["type"] == "array"


def test_what_a_claim_lacks_is_asked_for_a_second_time() -> None:
    backend = Scripted(answered([*CATS, {"type": "count", "number": 2}]), answered(CATS))
    assert decompose(MLLMCritic(backend), PROMPT) == READ
    assert "Claim 5 of type count needs noun." in backend.asks[1].question
    assert backend.asks[1].turns[-1][0] == questions.decompose(PROMPT)


@pytest.mark.parametrize(
    ("claims", "cause"),
    [
        ([], "no claim"),
        ([{"type": "count", "noun": "cat"}], "needs number"),
        ([{"type": "count", "noun": "the", "number": 1}], "needs noun"),
        ([{"type": "color", "noun": "cat"}], "needs color"),
        ([{"type": "position", "noun": "cat", "direction": "above"}], "needs other"),
        ([{"type": "position", "other": "cat"}], "needs noun and direction"),
        ([{"type": "object", "text": "a cat"}], "needs noun"),
        ([{"type": "custom", "text": " "}], "needs text"),
        ([{"type": "relation", "noun": "cat"}], "needs text"),
        ([{"type": "object", "noun": "cat", "number": 0}], "count"),
        ([{"type": "mood", "text": "sad"}], "claims.0.type"),
        ([{"type": "count", "noun": "cat", "number": -1}], "claims.0.number"),
    ],
)
def test_an_answer_that_stays_unreadable_is_an_error_that_says_what_to_do(claims: list[dict], cause: str) -> None:
    backend = Scripted(answered(claims), answered(claims))
    with pytest.raises(CriticError, match="scripted model cannot split the prompt") as error:
        decompose(MLLMCritic(backend), PROMPT)
    assert cause in str(error.value) and "Disconnect the critic" in str(error.value)
    assert len(backend.asks) == 2


def test_prose_twice_is_an_error() -> None:
    with pytest.raises(CriticError, match="holds no JSON object: 'I cannot"):
        decompose(MLLMCritic(Scripted("I cannot help with that.", "I cannot help with that.")), PROMPT)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ({"type": "count", "noun": "Red Circles", "number": 2}, count_claim("circle", 2, "red")),
        ({"type": "count", "noun": "the dogs", "number": "0", "color": "Grey"}, count_claim("dog", 0, "gray")),
        ({"type": "object", "noun": "dog"}, object_claim("dog")),
        ({"type": "color", "noun": "cats", "color": "dark blue"}, color_claim("cat", 1, "blue", 1)),
        ({"type": "color", "noun": "cat", "color": "Black and White"}, attribute_claim("cat", 1, "black and white", 1)),
        ({"type": "color", "noun": "shirt", "color": "multicolored"}, attribute_claim("shirt", 1, "multicolored", 1)),
        (
            {
                "type": "position",
                "noun": "red cups",
                "direction": "above",
                "other": "plate",
                "other_color": "light blue",
                "number": 2,
            },
            position_claim("cup", "above", "plate", 2, "red", "blue"),
        ),
        (
            {"type": "attribute", "text": "the cat is wet", "noun": "Cats", "number": 1},
            Claim("attribute", "the cat is wet", "cat"),
        ),
        ({"type": "text", "text": 'the sign says "OPEN"'}, Claim("text", 'the sign says "OPEN"')),
        # No line of this type would give the noun back, and no box is labelled so.
        ({"type": "count", "noun": "man in a hat", "number": 1}, custom_claim("one man in a hat")),
    ],
)
def test_what_becomes_of_a_claim(claim: dict, expected: Claim) -> None:
    things = "red circles, the dogs, cats, a shirt, red cups above a plate, a sign, a man in a hat"
    assert decomposed(claim, prompt=things) == [expected]


def test_the_number_of_a_colour_is_that_of_so_many() -> None:
    claims = decomposed(
        {"type": "color", "noun": "cats", "color": "black"}, {"type": "count", "noun": "cat", "number": 3}
    )
    assert [claim.text for claim in claims] == ["one cat is black", "three cats"]


def test_nothing_is_claimed_twice_or_without_end() -> None:
    assert decomposed(*CATS, *CATS) == READ
    facts = ({"type": "custom", "text": f"the cats are {number}"} for number in range(500))
    assert len(decomposed(*facts)) == MOST_CLAIMS_IN_ALL


_words = (
    st.none()
    | st.text(max_size=12)
    | st.sampled_from(
        [
            "cat",
            "red cats",
            "dark blue",
            "grey",
            "men in hats",
            "the",
            "orange",
            "two dogs",
            "a\nb",
            "glasses",
            "black and red",
        ]
    )
)
NAMING = "red cats, men in hats, an orange, two dogs, glasses, a b"
_types = st.sampled_from(["object", "count", "color", "position", "attribute", "relation", "text", "custom"])
_claims = st.fixed_dictionaries(
    {"type": _types},
    optional={
        "text": _words,
        "noun": _words,
        "number": st.none() | st.integers(0, 1000),
        "color": _words,
        "direction": st.sampled_from([None, "left of", "above"]),
        "other": _words,
        "other_color": _words,
    },
)


@examples(600)
@given(st.lists(_claims, max_size=3) | st.text(max_size=30))
def test_any_answer_gives_sound_claims_or_a_critic_error(claims: list[dict] | str) -> None:
    answer = claims if isinstance(claims, str) else answered(claims)
    try:
        split = decompose(MLLMCritic(Scripted(answer, answer)), NAMING)
    except CriticError:
        return
    assert 0 < len(split) == len(set(split)) <= MOST_CLAIMS_IN_ALL
    for claim, read in zip(split, parse_lines(format_lines(split))):
        assert claim.number >= 0 and claim.text and claim.text == " ".join(claim.text.split())
        # The editor gives back a claim that boxes decide, and at least the text of any other.
        assert read == claim if claim.type in ("object", "count", "color", "position") else read.text == claim.text
