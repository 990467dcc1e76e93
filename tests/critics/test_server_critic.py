"""A critic on a server, against a stand-in that also misbehaves in every way that servers do."""

from __future__ import annotations

import base64
import io
import time

import pytest
from PIL import Image

from tests.support.server_critics import IMAGE, RIGHT, WRONG, backend, failure, judge
from xlard.critics import questions
from xlard.critics.backend import Ask, CannotDo, Sampling
from xlard.critics.boxes import PIXELS, THOUSANDTHS, Y_FIRST
from xlard.critics.mllm import MLLMCritic

MISBEHAVIOURS = [
    ("drip", "did not answer within 0.6 s. Raise timeout", 1),
    ("hang", "did not answer within 0.6 s. Raise timeout", 1),
    ("endless", "sends more than 16 MB", 1),
    ("half", "did not finish its answer: the connection broke", 2),
    ("reset", "did not finish its answer: the connection broke", 2),
    ("garbage", "does not speak HTTP", 1),
    ("long-header", "does not speak HTTP", 1),
    ("bad-encoding", "did not finish its answer: the connection broke", 2),
    ("not-json", "is no JSON: 'I am well, thank you.'", 1),
    ("empty-body", "is no JSON", 1),
    ("cut-json", "is no JSON", 1),
    ("deep-json", "is no JSON", 1),
    ("binary", "is no JSON", 1),
    ("page", "is a web page, not a server of models. Correct url", 1),
    ("other-shape", "does not have OpenAI's form", 1),
    ("only-a-list", "does not have OpenAI's form", 1),
    ("error-with-200", "Unexpected endpoint or method", 1),
    ("no-choices", "sent no answer (its choices are empty)", 1),
    ("null-choice", "does not have OpenAI's form", 1),
    ("number-content", "does not have OpenAI's form", 1),
    (
        "redirect",
        "sends the request on to http://example.com/v1/chat/completions (307), which is not followed. Set url",
        1,
    ),
    (
        "needs-key",
        "API key provided: Bearer *** Try again.). Correct the key in the environment variable XLARD_API_KEY",
        1,
    ),
    ("forbidden", "(403: no: Bearer ***). Correct the key", 1),
    ("echo-key", "refuses the question (400: bad header Authorization: Bearer ***). Check url, model", 2),
    ("echo-key-escaped", 'refuses the question (400: {"error": "Bearer ***Bearer+***). Check url, model', 2),
    ("blind", "cannot see pictures (400: Model does not support images", 2),
    ("blind-500", "cannot see pictures (500: image input is not supported", 1),
    ("short-context", "Lower max_tokens, or start the server with a longer context", 2),
    (
        "nobody",
        "has no model nobody (404: model 'nobody' not found); it has text-embedding-nomic, shapes, qwen2.5-vl.",
        1,
    ),
    ("unknown-model-400", "has no model unknown-model-400 (400: model 'unknown-model-400' not found); it has", 2),
    ("too-large", "The picture is too large", 1),
    ("not-processable", "refuses the question (422: seed: extra fields not permitted)", 2),
    ("busy", "has too much to do (429: Too many requests, asked 2 times). Lower parallel", 2),
    ("fail-500", "failed (500: CUDA error: out of memory in slot 3, asked 2 times)", 2),
    ("bad-gateway", "failed (502, asked 2 times)", 2),
    ("fail-503", "failed (503: overloaded, asked 2 times)", 2),
    ("loading", "is still loading its model (503: Loading model", None),
]


@pytest.mark.parametrize("model, cause, requests", MISBEHAVIOURS, ids=[model for model, _, _ in MISBEHAVIOURS])
def test_a_fault_is_one_line_that_names_cause_and_fix(server, model, cause, requests):
    start = time.monotonic()
    message = failure(backend(server, model, timeout=0.6 if model in ("drip", "hang", "loading") else 5))
    assert cause in message
    assert time.monotonic() - start < 4
    if requests:
        assert len(server.requests()) == requests


@pytest.mark.parametrize("model", ["chatter", "says-nothing", "obeys-the-picture", "echo-key-in-answer"])
@pytest.mark.parametrize("scoring", ["grounded", "per claim"])
def test_an_answer_that_cannot_be_read_is_an_abstention(server, model, scoring):
    critique = judge(backend(server, model), scoring=scoring)
    assert critique.abstained and critique.score is None and critique.rewards == {}
    assert "secret" not in str(critique.to_dict())


def test_an_unreadable_answer_is_asked_again_once_with_the_error_shown(server):
    judge(backend(server, "chatter"))
    first, second = (seen["body"]["messages"] for seen in server.requests())
    assert [message["role"] for message in second] == ["system", "user", "assistant", "user"]
    assert second[:2] == first and second[2]["content"] == "What a lovely picture, ten out of ten!"
    assert "holds no JSON list" in second[3]["content"] and "lovely picture" in second[3]["content"]
    assert judge(backend(server, "chatter-once")).passed


@pytest.mark.parametrize(
    "model",
    [
        "shapes",
        "flaky-500",
        "half-once",
        "no-schema",
        "no-grammar",
        "wrong-content-type",
        "parts",
        "thinker",
        "adds-keys",
        "loading-for-a-while",
    ],
)
def test_good_answers_are_judged_whatever_surrounds_them(server, model):
    critique = judge(backend(server, model, timeout=20))
    assert critique.passed and critique.score == 1.0
    assert [verdict.claim for verdict in critique.verdicts] == RIGHT
    assert [d.label for d in critique.detections] == ["red circle", "red circle", "blue square"]
    assert critique.detections[0].x == pytest.approx(9) and critique.detections[0].y == pytest.approx(6)


@pytest.mark.parametrize(
    "scoring, scores", [("grounded", (1, 0)), ("per claim", (1, 0)), ("P(yes)", (0.900, 0.052)), ("rubric", (0.8, 0.2))]
)
def test_every_scoring_that_a_server_can_do(server, scoring, scores):
    right, wrong = (judge(backend(server, "shapes", parallel=4), claims, scoring) for claims in (RIGHT, WRONG))
    assert right.passed and right.score == pytest.approx(scores[0], abs=1e-3)
    assert not wrong.passed and all(verdict.passed is False for verdict in wrong.verdicts)
    if scoring != "grounded":
        assert wrong.score == pytest.approx(scores[1], abs=1e-3)


@pytest.mark.parametrize(
    "model, cause",
    [
        ("no-probabilities", "use a server that reports logprobs: llama.cpp, vLLM, Ollama"),
        ("refuses-probabilities", "use a server that reports logprobs"),
    ],
)
def test_without_probabilities_the_message_names_servers_and_scorings(server, model, cause):
    message = failure(backend(server, model), "P(yes)", CannotDo)
    assert cause in message and "Score by grounded, per claim or rubric" in message


@pytest.mark.parametrize("model", ["neither", "thinks-first"])
def test_neither_yes_nor_no_shows_the_likeliest_word(server, model):
    message = failure(backend(server, model), "P(yes)")
    assert "answers neither yes nor no: its likeliest next word is '<think>'. Turn its thinking off" in message


def test_no_server_can_tell_a_likelihood(server):
    assert "Use xLARD Load Critic" in failure(backend(server, "shapes"), "prompt likelihood", CannotDo)
    assert server.requests() == []


def test_the_request_holds_picture_schema_and_sampling(server):
    ask = Ask("What is it?", IMAGE[0], (("Is it a cat?", "No."),), {"type": "object"})
    backend(server, "shapes", max_tokens=77).answer([ask], Sampling(0.7, 2**40 + 3))
    body = server.requests()[0]["body"]
    system, first, answer, last = body.pop("messages")
    assert system == {"role": "system", "content": questions.SYSTEM}
    picture_part, text_part = first["content"]
    assert picture_part["type"] == "image_url" and text_part == {"type": "text", "text": "Is it a cat?"}
    assert (answer["content"], last["content"]) == ("No.", "What is it?")
    assert body == {
        "model": "shapes",
        "max_tokens": 77,
        "stream": False,
        "temperature": 0.7,
        "seed": 3,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}},
        },
    }
    sent = picture_part["image_url"]["url"].removeprefix("data:image/png;base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(sent)))
    assert picture.format == "PNG" and picture.size == (90, 60)
    assert list(picture.getpixel((5, 7))) == (IMAGE[0, 7, 5] * 255).round().int().tolist()


def test_a_question_without_a_picture_is_plain_text(server):
    assert MLLMCritic(backend(server, "shapes")).ask(None, "Who are you?") == "No"
    assert server.requests()[0]["body"]["messages"][1] == {"role": "user", "content": "Who are you?"}


@pytest.mark.parametrize(
    "settings, boxes, size",
    [
        ({"model": "qwen2.5-vl"}, PIXELS, (84, 56)),
        ({"model": "gemma3:4b"}, Y_FIRST, (90, 60)),
        ({"model": "gemma3:4b", "boxes": "pixels"}, PIXELS, (84, 56)),
        ({"model": ""}, THOUSANDTHS, (90, 60)),
    ],
)
def test_boxes_go_by_the_model_unless_they_are_set(server, settings, boxes, size):
    critic = backend(server, **settings)
    assert critic.boxes is boxes and critic.seen_size(IMAGE[0]) == size


def test_pictures_are_sent_at_the_size_that_pixels_refer_to(server):
    judge(backend(server, "qwen2.5-vl"))
    content = server.requests()[0]["body"]["messages"][1]["content"]
    sent = content[0]["image_url"]["url"].partition(",")[2]
    assert (
        Image.open(io.BytesIO(base64.b64decode(sent))).size == (84, 56) and "84 wide and 56 high" in content[1]["text"]
    )


def test_the_first_model_is_asked_for_once_and_nothing_before_the_first_question(server):
    critic = backend(server, "")
    assert critic.name == server.url.removeprefix("http://").removesuffix("/v1")
    assert server.requests("/v1/models") == []
    for _ in range(2):
        assert judge(critic).passed
    assert critic.name == "shapes" and len(server.requests("/v1/models")) == 1
    assert {seen["model"] for seen in server.requests()} == {"shapes"}


@pytest.mark.parametrize(
    "base, cause",
    [
        ("/empty/v1", "lists no model"),
        ("/null/v1", "lists no model"),
        ("/odd/v1", "does not have OpenAI's form"),
        ("/nowhere", "does not list its models (404)"),
    ],
)
def test_a_list_without_models_asks_for_a_name(server, base, cause):
    assert cause in failure(backend(server, "", url=server.root + base))


@pytest.mark.parametrize("url, cause", [("/nowhere/v1", "There is no chat endpoint at"), ("/null/v1", "it lists none")])
def test_a_wrong_path_is_told_from_an_unknown_model(server, url, cause):
    assert cause in failure(backend(server, "nobody", url=server.root + url))


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_the_url_may_end_in_several_ways(server, ending):
    assert judge(backend(server, "shapes", url=server.root + ending)).passed


@pytest.mark.parametrize("model", ["no-schema", "no-grammar"])
def test_a_refused_schema_is_left_out_from_then_on(server, model):
    critic = backend(server, model)
    for _ in range(2):
        assert judge(critic).passed
    assert ["response_format" in seen["body"] for seen in server.requests()] == [True, False, False]


def test_a_fault_that_is_not_the_schemas_does_not_give_it_up(server):
    critic = backend(server, "blind")
    for _ in range(2):
        failure(critic)
    assert ["response_format" in seen["body"] for seen in server.requests()] == [True, False, True, False]
