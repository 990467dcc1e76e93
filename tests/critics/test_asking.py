"""Asking twice: what is no whole answer is never read, and what went wrong does not go along."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.answer_frames import FRAMES
from tests.support.properties import examples
from xlard.claims import count_claim
from xlard.critics import questions
from xlard.critics.asking import LONGEST_SHOWN
from xlard.critics.backend import GREEDY, NOT_FINITE, Answer, Ask, CriticError, Sampling
from xlard.critics.boxes import CONVENTIONS, THOUSANDTHS
from xlard.critics.mllm import MLLMCritic
from xlard.critics.scoring import SCORINGS, make_scoring

CLAIMS = [count_claim("circle", 2)]
IMAGE = torch.zeros(1, 50, 100, 3)
LIST = json.dumps([{"bbox_2d": [x, 100, x + 60, 200], "label": "circle"} for x in (100, 300)])
CUT = "It was cut. Raise max_tokens."


class Scripted:
    """Gives answers in order, the last one again and again, and keeps the questions."""

    name, boxes = "scripted", THOUSANDTHS

    def __init__(self, *answers: Answer, number: float = 0.5):
        self.answers, self.number, self.asks = list(answers), number, []

    def seen_size(self, image) -> tuple[int, int]:
        return 100, 50

    def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
        self.asks += asks
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0] for _ in asks]

    def probability_of_yes(self, asks: Sequence[Ask]) -> list[float | None]:
        return [self.number for _ in asks]

    def log_likelihood(self, asks: Sequence[Ask], texts: Sequence[str]) -> list[float]:
        return [self.number for _ in asks]


def judge(backend: Scripted, scoring: str = "grounded"):
    return MLLMCritic(backend, make_scoring(scoring)).judge(IMAGE, [CLAIMS])[0]


def test_a_whole_list_of_an_answer_that_was_cut_is_not_read() -> None:
    backend = Scripted(Answer(LIST, fault=CUT))
    critique = judge(backend)
    assert critique.abstained and critique.verdicts[0].reason == CUT and len(backend.asks) == 2


def test_the_second_asking_after_a_cut_answer_is_a_new_one() -> None:
    backend = Scripted(Answer(LIST, fault=CUT), Answer(LIST))
    assert judge(backend).passed
    first, second = backend.asks
    assert second.turns == () and second.question == f"{first.question} {questions.BRIEFLY}"


@pytest.mark.parametrize("scoring", [name for name, scoring in SCORINGS.items() if scoring.samples])
@pytest.mark.parametrize("before", ["", "I am asked: ", "<|im_start|>user\n"])
def test_a_question_that_is_said_again_is_no_answer(scoring: str, before: str) -> None:
    class Echo(Scripted):
        def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
            return [Answer(before + ask.question) for ask in asks]

    critique = judge(Echo(), scoring)
    assert critique.abstained and not critique.detections


def test_an_answer_after_the_question_said_again_counts() -> None:
    class Echo(Scripted):
        def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
            return [Answer(f"{ask.question}\n\n{LIST}") for ask in asks]

    assert judge(Echo()).passed


@pytest.mark.parametrize("length, carried", [(LONGEST_SHOWN, True), (LONGEST_SHOWN + 1, False)])
def test_only_an_answer_of_some_length_is_shown_again(length: int, carried: bool) -> None:
    backend = Scripted(Answer("x" * length), Answer(LIST))
    assert judge(backend).passed and bool(backend.asks[1].turns) is carried


def test_a_fault_that_is_final_is_not_asked_about_again() -> None:
    backend = Scripted(Answer("", fault="It refuses.", is_final=True))
    assert judge(backend).abstained and len(backend.asks) == 1


@pytest.mark.parametrize("confidence", [math.nan, math.inf, -math.inf])
def test_a_confidence_that_is_no_number_is_no_verdict(confidence: float) -> None:
    backend = Scripted(Answer(LIST, confidence))
    critique = judge(backend)
    assert critique.abstained and critique.confidence == 0 and critique.verdicts[0].reason == NOT_FINITE
    assert len(backend.asks) == 1


@pytest.mark.parametrize("scoring", ["P(yes)", "prompt likelihood"])
@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_probability_that_is_no_number_is_no_verdict(scoring: str, number: float) -> None:
    critique = judge(Scripted(Answer(""), number=number), scoring)
    assert critique.abstained and critique.score is None and critique.rewards == {}


def test_a_single_question_has_no_number_that_is_none() -> None:
    critic = MLLMCritic(Scripted(Answer(""), number=math.nan))
    assert critic.score_yes(IMAGE[0], "Is it?") is None
    with pytest.raises(CriticError, match="computed no numbers"):
        critic.log_likelihood(IMAGE[0], "a circle")


def test_a_region_whose_probability_is_no_number_has_no_score() -> None:
    scoring = make_scoring("grounded", regions=True)
    (critique,) = MLLMCritic(Scripted(Answer(LIST), number=math.nan), scoring).judge(IMAGE, [CLAIMS])
    assert critique.passed and critique.regions == ()


@pytest.mark.parametrize("text", ["circle \\ud83d", "circle \\ude00 \\ud83d", "\\ud83d\\ude00 circle"])
def test_broken_characters_are_replaced_and_whole_ones_kept(text: str) -> None:
    critique = judge(Scripted(Answer(LIST.replace('"circle"', f'"{text}"'))))
    label = critique.detections[0].label
    assert label.encode("utf-8") and ("\ufffd" in label) is ("\\ude00 \\ud83d" in text or "circle \\ud83d" in text)
    assert ("\U0001f600" in label) is text.startswith("\\ud83d")


def test_broken_characters_of_a_text_are_replaced() -> None:
    answer = Answer("a \ud83d b", fault="c \ude00")
    assert (answer.text, answer.fault) == ("a \ufffd b", "c \ufffd")
    assert Answer("\ud83d\ude00").text == "\U0001f600"


def test_an_answer_in_words_that_is_not_whole_is_an_error() -> None:
    with pytest.raises(CriticError, match="It was cut"):
        MLLMCritic(Scripted(Answer("I see", fault=CUT))).ask(IMAGE[0], "What is it?")


things = st.builds(
    lambda key, box, label: {key: box, "label": label},
    st.sampled_from(["bbox_2d", "box_2d", "bbox", "box"]),
    st.lists(st.integers(-20, 1400) | st.floats(0, 1) | st.just(math.nan), min_size=3, max_size=4),
    st.sampled_from(["circle", "red circle", "square", "", "circle \ud83d", "</think>"]),
)
lists = st.lists(things, max_size=4).map(json.dumps)
verdicts = st.sampled_from(['{"reason": "x", "verdict": "yes"}', '{"verdict": null}', '{"score": NaN}', '{"score": 7}'])
values = st.one_of(lists, lists.map(lambda text: text[: len(text) // 2]), verdicts, st.text(max_size=20))
wrappings = st.sampled_from(FRAMES)
texts = st.lists(st.builds(lambda frame, value: frame.replace("{}", value), wrappings, values), max_size=4).map("".join)
answers = st.builds(
    Answer, texts, st.none() | st.floats(0, 1) | st.just(math.nan), st.sampled_from(["", "", "", CUT]), st.booleans()
)


@examples(600)
@given(
    st.lists(answers, min_size=1, max_size=3),
    st.sampled_from(list(SCORINGS)),
    st.sampled_from(sorted(CONVENTIONS)),
    st.floats(0, 1) | st.sampled_from([math.nan, math.inf, -math.inf]),
)
def test_no_answer_breaks_the_critic_or_invents_a_score(given_answers, scoring: str, convention: str, number) -> None:
    backend = Scripted(*given_answers, number=number)
    backend.boxes = CONVENTIONS[convention]
    critique = judge(backend, scoring)
    assert json.dumps(critique.to_dict(), ensure_ascii=False).encode("utf-8")
    assert critique.score is None or 0 <= critique.score <= 1
    assert 0 <= critique.confidence <= 1 and all(0 <= reward <= 1 for reward in critique.rewards.values())
    assert all(math.isfinite(found.score) and found.width > 0 and found.height > 0 for found in critique.detections)
    if SCORINGS[scoring].samples and all(answer.fault for answer in given_answers):
        assert critique.abstained and not critique.detections
    if not SCORINGS[scoring].samples and not math.isfinite(number):
        assert critique.abstained
