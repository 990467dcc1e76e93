"""Emojis and numbers of prompts that become no claim are noted."""

from __future__ import annotations

import pytest

from xlard.prompts import read_claims
from xlard.prompts.unclaimed import understood_share


@pytest.mark.parametrize(
    ("prompt", "claim", "noted"),
    [
        ("a fox \U0001f98a on a mat", "fox on mat", ["\U0001f98a"]),
        ("a \u2764\ufe0f red heart", "the heart is red", ["\u2764\ufe0f"]),
        (
            "two cats \U0001f468\u200d\U0001f469\u200d\U0001f467",
            "two cats",
            ["\U0001f468\u200d\U0001f469\u200d\U0001f467"],
        ),
        ("a dog \u2192 a cat", "one dog", ["\u2192"]),
        ("a fox, 42", "one fox", ["42"]),
        ("a fox, three, four", "one fox", ["three", "four"]),
        ("a fox and two", "one fox", ["two"]),
        ("a fox 2024", "one fox", ["2024"]),
        ("a fox #5, 16:9", "one fox", ["#5", "16:9"]),
    ],
)
def test_emojis_and_numbers_that_count_nothing_are_noted(prompt: str, claim: str, noted: list[str]) -> None:
    read = read_claims(prompt)
    assert claim in [made.text for made in read.claims]
    assert list(read.not_understood) == noted
    assert understood_share(prompt, read) < 1


@pytest.mark.parametrize(
    "prompt",
    [
        "5 (red:1.1) cats",
        "two masterpiece cats",
        "2 \n cats",
        "(two cats:1.3)",
        "two to three cats",
        "one of the three cats",
        "a red ball and a blue one",
        'a sign that says "I \u2764 NY 42"',
        "a cat --ar 16:9 <lora:cats:0.8>",
    ],
)
def test_numbers_that_count_and_signs_that_are_to_be_written_are_not(prompt: str) -> None:
    read = read_claims(prompt)
    assert read.claims and not read.not_understood


def test_a_prompt_of_emojis_or_numbers_alone_is_not_understood() -> None:
    for prompt in ("\U0001f98a", "two \U0001f98a\U0001f98a", "42"):
        read = read_claims(prompt)
        assert not read.claims and understood_share(prompt, read) == 0
