"""Who reads a prompt into claims, and what a critic may make of it; with a scripted critic and made-up rules."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from xlard.claims import count_claim, custom_claim, object_claim
from xlard.critics import decompose as decompose_module
from xlard.critics import questions, splitting
from xlard.critics.backend import GREEDY, Answer, Ask, CriticError, Sampling
from xlard.critics.boxes import THOUSANDTHS
from xlard.critics.decompose import decompose
from xlard.critics.mllm import MLLMCritic
from xlard.critics.split_examples import EXAMPLES, example_turns
from xlard.critics.splitting import split
from xlard.prompts import PromptClaims

DOGS = PromptClaims((count_claim("dog", 2),), ("8 k", "waist up"), ("fantasy",))
CATS = '{"claims": [{"type": "count", "noun": "cat", "number": 2}]}'


class Scripted:
    """A backend that gives its answers in turn and records the questions."""

    name, boxes = "scripted model", THOUSANDTHS

    def __init__(self, *answers: str):
        self.answers, self.asks = list(answers), []

    def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
        self.asks += asks
        return [Answer(self.answers.pop(0)) for _ in asks]


class OnlyJudges:
    """A critic that cannot write."""

    def judge(self, images, claims):
        raise AssertionError("Nobody asks it to judge.")


@pytest.fixture
def rules(monkeypatch):
    """Have the rules read any prompt as told."""

    def read_as(read: PromptClaims) -> None:
        monkeypatch.setattr(splitting, "read_claims", lambda prompt: read)
        monkeypatch.setattr(decompose_module, "read_claims", lambda prompt: read)

    return read_as


def test_the_rules_read_what_they_mostly_understand(rules) -> None:
    rules(DOGS)
    backend = Scripted()
    claims = split("two dogs in the rain, fantasy, waist up, 8 k", MLLMCritic(backend))
    assert claims == list(DOGS.claims) and not backend.asks
    assert claims.notes == ("not understood: 8 k; waist up", "not checked: fantasy")


def test_the_critic_splits_what_they_mostly_do_not_understand(rules) -> None:
    rules(DOGS)
    claims = split("cats, waist up, 8 k", MLLMCritic(Scripted(CATS)))
    assert claims == [count_claim("cat", 2)] and claims.notes == ("scripted model split the prompt into claims.",)
    assert split("cats, waist up, 8 k", OnlyJudges()) == split("cats, waist up, 8 k") == list(DOGS.claims)


def test_a_critic_that_comes_first_splits_every_prompt_and_must_be_able_to(rules) -> None:
    rules(PromptClaims(DOGS.claims))
    assert split("two cats", MLLMCritic(Scripted(CATS)), critic_first=True) == [count_claim("cat", 2)]
    with pytest.raises(TypeError, match="OnlyJudges can judge pictures"):
        split("two cats", OnlyJudges(), critic_first=True)
    with pytest.raises(CriticError, match="scripted model cannot split the prompt"):
        split("two cats", MLLMCritic(Scripted("no", "no")), critic_first=True)


def test_where_the_critic_fails_the_rules_read_the_prompt_and_the_notes_say_so(rules) -> None:
    rules(DOGS)
    claims = split("cats, waist up, 8 k", MLLMCritic(Scripted("I cannot.", "I cannot.")))
    assert claims == list(DOGS.claims)
    assert claims.notes[:2] == ("not understood: 8 k; waist up", "not checked: fantasy")
    assert claims.notes[2].startswith("scripted model could not split the prompt into claims: It holds no JSON")
    assert "Disconnect" not in claims.notes[2]


def test_a_prompt_in_another_language_is_split_by_the_critic_or_one_claim_with_a_note(rules) -> None:
    whole = custom_claim("zwei Katzen")
    rules(PromptClaims((whole,), ("zwei", "Katzen")))
    assert split("zwei Katzen", MLLMCritic(Scripted(CATS))) == [count_claim("cat", 2)]
    for critic in (None, OnlyJudges()):
        claims = split("zwei Katzen", critic)
        assert claims == [whole]
        assert (
            "it is one claim as a whole" in claims.notes[-1] and "Connect a critic that can write" in claims.notes[-1]
        )
    failed = split("zwei Katzen", MLLMCritic(Scripted("?", "?")))
    assert failed == [whole] and "Connect" not in failed.notes[-1]


@pytest.mark.parametrize("critic_first", [False, True])
def test_only_the_first_claims_are_checked(rules, critic_first: bool) -> None:
    rules(PromptClaims(tuple(count_claim("dog", number) for number in range(1, 16))))
    dogs = json.dumps([{"type": "count", "noun": "dog", "number": number} for number in range(1, 16)])
    critic = MLLMCritic(Scripted(dogs, dogs))
    claims = split("dogs", critic, critic_first=critic_first)
    assert len(claims) == 12 and claims.notes[0] == "not checked: 13 dogs; 14 dogs; 15 dogs"
    assert len(split("dogs", critic, most=20, critic_first=critic_first)) == 15


def test_the_critic_is_shown_examples_before_its_question() -> None:
    backend = Scripted(CATS)
    decompose(MLLMCritic(backend), "two cats")
    (ask,) = backend.asks
    assert ask.question == questions.decompose("two cats") and len(ask.turns) == len(EXAMPLES) == 3
    asked, answered = ask.turns[1]
    assert asked == questions.decompose(
        "masterpiece, highres, 1girl, red hair, holding umbrella, no hat, waist up, dark fantasy"
    )
    assert "masterpiece" not in answered and '"girl"' in answered


@pytest.mark.parametrize("prompt", EXAMPLES)
def test_the_examples_are_right(prompt: str, rules) -> None:
    rules(PromptClaims((custom_claim(prompt),)) if "zwei" in prompt else PromptClaims(()))
    claims = decompose(MLLMCritic(Scripted(json.dumps(EXAMPLES[prompt]))), prompt)
    assert len(claims) == len(EXAMPLES[prompt])
    assert {claim.type for claim in claims} <= {"count", "color", "object", "position", "attribute", "relation"}


def test_a_model_of_few_words_gets_its_question_alone_or_none() -> None:
    backend = Scripted(CATS)
    backend.unknown_share = lambda text: 0.0 if text == "two cats" else 0.1
    decompose(MLLMCritic(backend), "two cats")
    assert backend.asks[0].turns == () and backend.asks[0].question == questions.decompose("two cats")
    backend.unknown_share = lambda text: 0.6
    with pytest.raises(CriticError, match="does not know most of the words"):
        decompose(MLLMCritic(backend), "two cats")
    assert len(backend.asks) == 1
    assert len(example_turns(lambda text: 0.0)) == 3


@pytest.mark.parametrize(
    "invented",
    [
        {"type": "count", "noun": "darkness", "number": 1},
        {"type": "object", "noun": "k"},
        {"type": "color", "noun": "hat", "color": "red"},
        {"type": "position", "noun": "cat", "direction": "above", "other": "moon"},
        {"type": "relation", "text": "the cat holds a hat", "noun": "cat", "other": "hat"},
        {"type": "count", "noun": "cat in a spaceship", "number": 1},
        {"type": "custom", "text": "it is night"},
    ],
)
def test_a_claim_about_what_the_prompt_does_not_name_is_dropped(invented: dict) -> None:
    claims = [{"type": "object", "noun": "Cats", "number": 2}, invented]
    assert decompose(MLLMCritic(Scripted(json.dumps(claims))), "8k, some cats, dark") == [object_claim("cat", 2)]


def test_in_a_prompt_that_the_rules_cannot_read_things_may_have_other_names(rules) -> None:
    rules(PromptClaims((custom_claim("any"),)))
    answer = json.dumps([{"type": "count", "noun": noun, "number": 1} for noun in ("cat", "tree", "moon")])

    def nouns(prompt: str) -> list[str]:
        return [claim.noun for claim in decompose(MLLMCritic(Scripted(answer)), prompt)]

    assert nouns("eine Katze unter einem Baum") == ["cat", "tree", "moon"]
    assert nouns('{"subject": "a cat", "place": "under a tree"}') == ["cat", "tree"]


@pytest.mark.parametrize(
    ("noun", "prompt"),
    [
        ("person", "people dancing"),
        ("girl", "1girl, solo"),
        ("teddy bear", "three Teddy Bears"),
        ("glasses", "a boy with glasses"),
        ("cup of tea", "cups of tea"),
        ("t-shirt", "a white T-Shirt"),
    ],
)
def test_a_noun_is_found_in_any_form(noun: str, prompt: str) -> None:
    assert decompose(MLLMCritic(Scripted(json.dumps([{"type": "object", "noun": noun}]))), prompt)


def test_nothing_but_inventions_is_asked_for_again_and_then_an_error() -> None:
    answer = json.dumps([{"type": "object", "noun": "moon"}])
    backend = Scripted(answer, answer)
    with pytest.raises(CriticError, match="does not name what the claims are about: moon"):
        decompose(MLLMCritic(backend), "two cats")
    assert "moon" in backend.asks[1].question


def test_only_nouns_that_boxes_decide_are_named_to_the_critic() -> None:
    claims = decompose(
        MLLMCritic(
            Scripted(
                json.dumps(
                    [
                        {"type": "count", "noun": "cat", "number": 1},
                        {"type": "relation", "text": "a cat in darkness", "noun": "cat", "other": "darkness"},
                    ]
                )
            )
        ),
        "a cat in darkness",
    )
    assert "any cat. Answer" in questions.list_objects(claims)
