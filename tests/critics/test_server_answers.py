"""Answers of every kind from a server: what they say is read, or there is no verdict, but never a wrong one."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.answer_frames import FRAMES
from tests.support.chat_behaviours import completion
from tests.support.chat_server import REPLIES
from tests.support.properties import examples
from tests.support.server_critics import backend
from xlard.critics.mllm import MLLMCritic
from xlard.critics.scoring import make_scoring
from xlard.prompts import claims_from_prompt


def thing(x: int, label: str = "circle", key: str = "bbox_2d") -> dict:
    box = [x, 100, x + 60, 200] if key != "box_2d" else [100, x, 200, x + 60]
    return {key: box, "label": label}


TWO, ONE, SQUARE = (json.dumps(things) for things in ([thing(100), thing(300)], [thing(100)], [thing(700, "square")]))


def judged(server, prompt: str, reply: dict, size: tuple[int, int] = (90, 60), scoring: str = "grounded"):
    """The critique of a black picture by a model that gives the same reply to all questions."""
    critic = backend(server, REPLIES + json.dumps(reply))
    image = torch.zeros(1, size[1], size[0], 3)
    return MLLMCritic(critic, make_scoring(scoring)).judge(image, [claims_from_prompt(prompt)])[0]


@pytest.mark.parametrize(
    "prompt, content",
    [
        ("two circles", TWO),
        ("two circles", f"Thinking Process:\n1. Draft: {ONE}\nOne more on the right.\n\n{TWO}"),
        ("two circles", f"<notes>{ONE}</notes>{TWO}"),
        ("two circles", f"I see {ONE}. Wait, there is one more. {TWO}"),
        ("two circles", f"{ONE}\n{TWO}"),
        ("two circles", f"```json\n{TWO}\n```"),
        ("two circles and a square", f"Circles:\n```json\n{TWO}\n```\nSquares:\n```json\n{SQUARE}\n```"),
        ("a circle left of a square", json.dumps([thing(100, key="box_2d"), thing(700, "square", "box_2d")])),
        ("a circle left of a square", json.dumps([thing(100), thing(700, "square", "box_2d")])),
    ],
)
def test_what_an_answer_says_is_read(server, prompt, content):
    assert judged(server, prompt, completion(content)).passed


def test_pixels_in_the_place_of_thousandths_are_read_as_pixels(server):
    boxes = [[100, 300, 250, 450], [600, 300, 750, 450], [1100, 300, 1250, 450]]
    reply = completion(json.dumps([{"bbox_2d": box, "label": "circle"} for box in boxes]))
    critique = judged(server, "three circles", reply, (1344, 768))
    assert critique.passed and [round(found.x) for found in critique.detections] == [100, 600, 1100]
    # In a smaller picture there are no such pixels.
    assert judged(server, "three circles", reply).abstained and judged(server, "two circles", reply).abstained


@pytest.mark.parametrize(
    "content",
    [
        f"Thinking Process:\n1. Draft: {TWO}",
        f"<notes>{TWO}</notes>",
        f"{TWO}\n{ONE}",
        f"{TWO}\nWait, there is one more.",
        TWO[:-1] + ",",
        json.dumps([*json.loads(TWO), {"bbox_2d": [1500, 100, 1600, 200], "label": "circle"}]),
    ],
)
def test_an_answer_that_may_mean_something_else_is_asked_again_and_then_no_verdict(server, content):
    critique = judged(server, "two circles", completion(content))
    assert critique.abstained and critique.score is None and len(server.requests()) == 2


contents = st.lists(
    st.builds(
        lambda frame, text: frame.replace("{}", text), st.sampled_from(FRAMES), st.sampled_from([TWO, ONE, SQUARE])
    )
    | st.text(max_size=20)
    | st.sampled_from(['{"verdict": "yes"}', '{"score": 11}', TWO[:50], "\ud83d", '"\\ud83d"']),
    max_size=3,
).map("".join)
reasons = st.sampled_from(
    ["stop", "length", "content_filter", "tool_calls", "timeout", None, "eos", 7, "something else"]
)
thoughts = st.sampled_from([{}, {"reasoning": TWO}, {"reasoning_content": TWO}, {"thinking": TWO}, {"refusal": "No."}])


@settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.none()
    | contents
    | contents.map(lambda text: [{"type": "reasoning", "text": TWO}, {"type": "text", "text": text}]),
    reasons,
    thoughts,
    st.sampled_from(["grounded", "per claim", "rubric"]),
)
def test_no_reply_breaks_the_critic_or_invents_a_score(server, content, reason, thought, scoring):
    critique = judged(server, "two circles", completion(content, finish=reason, **thought), scoring=scoring)
    assert json.dumps(critique.to_dict(), ensure_ascii=False).encode("utf-8")
    assert critique.score is None or 0 <= critique.score <= 1
    if (
        content is None
        or "refusal" in thought
        or reason in ("length", "content_filter", "timeout", 7, "something else")
    ):
        assert critique.abstained and not critique.detections
