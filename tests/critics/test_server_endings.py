"""How answers of a server end: cut, refused, thought instead of said; and servers that do not take all requests."""

from __future__ import annotations

import json

import pytest
import torch

from tests.support.server_critics import IMAGE, RIGHT, backend, failure, judge
from xlard.claims import count_claim
from xlard.critics import questions
from xlard.critics.backend import Ask, CriticError
from xlard.critics.mllm import MLLMCritic
from xlard.critics.scoring import make_scoring

TWO = [count_claim("circle", 2)]
THREE_PICTURES = torch.stack([torch.zeros(60, 90, 3), torch.ones(60, 90, 3), torch.full((60, 90, 3), 0.5)])
"""The stand-in's models that fail at one picture fail at the white one."""


@pytest.mark.parametrize(
    "model, cause, mend, requests",
    [
        ("cut-list", "was cut (finish_reason length, max_tokens 2048)", "Raise max_tokens", 2),
        ("cut-but-closed", "was cut (finish_reason length", "Raise max_tokens", 2),
        ("cut-by-time", "was cut (finish_reason timeout", "Raise max_tokens", 2),
        ("aborted", "was cut (finish_reason abort", "Raise max_tokens", 2),
        ("thought-too-long", "used up all 2048 tokens before it answered, probably by thinking", "Raise max_tokens", 1),
        ("thinks-apart", "gave no answer, only thinking", "Turn its thinking off", 1),
        ("thinks-in-reasoning", "gave no answer, only thinking", "Turn its thinking off", 1),
        ("thinks-in-parts", "gave no answer, only thinking", "Turn its thinking off", 1),
        ("thinks-in-text-parts", "gave no answer, only thinking", "Turn its thinking off", 1),
        ("filtered", "refuses to answer about this picture (finish_reason content_filter)", "choose another", 1),
        ("filtered-midway", "refuses to answer about this picture", "choose another", 1),
        ("refuses", "refuses to answer about this picture", "choose another", 1),
        ("null-content", "gave no text (finish_reason tool_calls)", "Turn thinking and tools off", 1),
        ("empty-null", "gave no text (finish_reason stop)", "Turn thinking and tools off", 1),
    ],
)
def test_what_is_not_a_whole_answer_is_no_verdict_that_says_why(server, model, cause, mend, requests):
    critique = judge(backend(server, model), TWO)
    (verdict,) = critique.verdicts
    assert critique.abstained and critique.score is None and not critique.passed and not critique.detections
    assert cause in verdict.reason and mend in verdict.reason and len(verdict.reason.splitlines()) == 1
    assert len(server.requests()) == requests


def test_a_cut_answer_is_asked_again_and_the_whole_one_counts(server):
    assert judge(backend(server, "cut-once")).passed
    first, second = (seen["body"]["messages"] for seen in server.requests())
    assert [message["role"] for message in second] == ["system", "user"]
    assert second[1]["content"][1]["text"] == f"{first[1]['content'][1]['text']} {questions.BRIEFLY}"


@pytest.mark.parametrize(
    "model, requests",
    [("filters-white", 3), ("filters-white-400", 3), ("null-for-white", 3), ("runs-away-at-white", 4)],
)
@pytest.mark.parametrize("parallel", [1, 3])
def test_one_picture_without_an_answer_leaves_the_others_their_verdicts(server, model, requests, parallel):
    critiques = MLLMCritic(backend(server, model, parallel=parallel)).judge(THREE_PICTURES, [TWO] * 3)
    assert [critique.passed for critique in critiques] == [True, False, True]
    assert [critique.abstained for critique in critiques] == [False, True, False]
    assert len(server.requests()) == requests
    # A runaway answer fills all that a model reads at once.
    assert max(len(json.dumps(seen["body"]["messages"][-1])) for seen in server.requests()) < 20_000


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize(
    "model, cause",
    [
        ("slow-at-white", "did not answer within 0.6 s. Raise timeout, lower max_tokens"),
        ("chatter-then-busy", "holds no JSON list: 'What a lovely picture"),
        ("chatter-then-busy", "Asked again: The question does not fit what the model"),
    ],
)
def test_one_answer_without_end_leaves_the_others_their_verdicts(server, model, cause, parallel):
    critic = MLLMCritic(backend(server, model, timeout=0.6, parallel=parallel))
    critiques = critic.judge(THREE_PICTURES, [TWO] * 3)
    assert [critique.passed for critique in critiques] == [True, False, True] and critiques[1].abstained
    assert cause in critiques[1].verdicts[0].reason


def test_a_server_that_hangs_is_not_waited_for_at_each_picture(server):
    critic = MLLMCritic(backend(server, "hang", timeout=0.3))
    with pytest.raises(CriticError, match="did not answer within 0.3 s"):
        critic.judge(THREE_PICTURES, [TWO] * 3)
    assert len(server.requests()) == 2


@pytest.mark.parametrize("model", ["filters-white", "filters-white-400", "null-for-white"])
def test_one_refusal_leaves_the_other_claims_and_pictures_theirs_claim_by_claim(server, model):
    critic = MLLMCritic(backend(server, model), make_scoring("per claim"))
    critiques = critic.judge(THREE_PICTURES, [TWO] * 3)
    assert [critique.score for critique in critiques] == [1.0, None, 1.0]


@pytest.mark.parametrize("model", ["filters-white", "filters-white-400", "thinks-at-white"])
def test_one_picture_without_yes_or_no_leaves_the_others_their_probability(server, model):
    critic = MLLMCritic(backend(server, model), make_scoring("P(yes)"))
    critiques = critic.judge(THREE_PICTURES, [TWO] * 3)
    assert [critique.abstained for critique in critiques] == [False, True, False]


@pytest.mark.parametrize("model", ["not-a-number", "half-a-number"])
def test_probabilities_that_are_no_numbers_are_no_verdict(server, model):
    critique = judge(backend(server, model), TWO, "P(yes)")
    assert critique.abstained and critique.score is None


def test_a_question_in_words_has_an_answer_or_an_error(server):
    with pytest.raises(CriticError, match="was cut"):
        MLLMCritic(backend(server, "cut-but-closed")).ask(IMAGE[0], "What is it?")


def first_question(body: dict) -> str:
    content = body["messages"][0]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


@pytest.mark.parametrize(
    "model, tries", [("no-system", 2), ("no-system-500", 2), ("other-limit", 2), ("takes-little", 4)]
)
def test_a_server_that_wants_another_form_gets_it_and_is_asked_so_from_then_on(server, model, tries):
    critic = backend(server, model, max_tokens=77)
    assert judge(critic).passed and judge(critic).passed
    bodies = [seen["body"] for seen in server.requests()]
    assert len(bodies) == tries + 1
    for body in bodies[tries - 1 :]:
        if model != "other-limit":
            assert body["messages"][0]["role"] == "user" and questions.SYSTEM in first_question(body)
        if model in ("other-limit", "takes-little"):
            assert body["max_completion_tokens"] == 77 and "max_tokens" not in body


def test_the_system_sentence_goes_with_a_question_without_a_picture_too(server):
    backend(server, "no-system").answer([Ask("Who are you?")])
    body = server.requests()[-1]["body"]
    assert body["messages"] == [{"role": "user", "content": f"{questions.SYSTEM}\n\nWho are you?"}]


@pytest.mark.parametrize(
    "model, cause",
    [
        ("blind-404", "The model blind-404 at http"),
        (
            "blind-404",
            "cannot see pictures (404: No endpoints found that support image input). Choose a model that can",
        ),
        ("no-model-loaded", "has no model loaded (404: No models loaded."),
        ("no-model-loaded", "Load no-model-loaded there"),
        ("no-model-loaded-400", "has no model loaded (400: No models loaded.). Load no-model-loaded-400 there"),
        ("nobody", "has no model nobody (404: model 'nobody' not found); it has text-embedding-nomic, shapes"),
    ],
)
def test_a_404_says_what_is_not_there(server, model, cause):
    message = failure(backend(server, model))
    assert cause in message and "Correct url" not in message


def test_half_a_surrogate_pair_is_replaced_in_labels_and_answers(server):
    critique = judge(backend(server, "half-a-character"), [count_claim("circle", 1)])
    told = json.dumps(critique.to_dict(), ensure_ascii=False)
    assert told.encode("utf-8") and "\ufffd" in critique.detections[0].label
    spoken = backend(server, "half-a-character-in-the-reply").answer([Ask("What is it?")])[0].text
    assert spoken == "What a lovely picture! \ufffd"


def kept(server) -> list[dict]:
    return [seen["body"] for seen in server.requests("/ollama/api/generate")]


def test_ollama_gives_its_memory_back_once_after_each_judgement(server):
    critic = MLLMCritic(backend(server, "chatter", url=f"{server.root}/ollama/v1"))
    critic.judge(IMAGE, [RIGHT])
    assert kept(server) == [{"model": "chatter", "keep_alive": 0}]
    assert len(server.requests("/ollama/v1/chat/completions")) == 2
    critic.ask(None, "Who are you?")
    assert len(kept(server)) == 2


def test_ollama_keeps_the_model_that_it_chose_as_long_as_is_set(server):
    judge(backend(server, "", url=f"{server.root}/ollama/v1", keep_alive=60))
    assert kept(server) == [{"model": "shapes", "keep_alive": 60}]


def test_another_server_is_asked_for_no_memory(server):
    judge(backend(server, "shapes"))
    assert kept(server) == []
