"""What a model thinks before it answers is no answer, in whatever marks it stands."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.properties import examples
from xlard.critics.backend import UnreadableAnswer
from xlard.critics.parsing import read_json

DRAFT = [{"bbox_2d": [100, 100, 160, 200], "label": "circle"}]
FINAL = [*DRAFT, {"bbox_2d": [300, 100, 360, 200], "label": "circle"}]
THOUGHT, SAID = json.dumps(DRAFT), json.dumps(FINAL)

MARKS = {
    "think": "<think>{}</think>\n",
    "end alone": "{}</think>\n",
    "scratchpad": "<scratchpad>{}</scratchpad>\n",
    "any name": "<my_notes>{}</my_notes>\n",
    "with attributes": '<thought budget="512">{}</thought>\n',
    "namespace": "<seed:think>{}</seed:think>",
    "nested": "<think><think>{}</think> hm</think>",
    "speaks of its tags": "<think>I close with </think >. {}</think>",
    "brackets": "[THINK]{}[/THINK]",
    "triangles": "\u25c1think\u25b7{}\u25c1/think\u25b7",
    "begin and end": "<|begin_of_thought|>{}<|end_of_thought|>",
    "channels": "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>",
    "channels without marks": "analysisThe picture shows {}assistantfinal",
    "one channel": "<|channel>thought\n{}<channel|>",
    "thinking process": "Thinking Process:\n1. Draft: {}\nOne more on the right.\n\n",
    "bold heading": "**Reasoning:**\nI see {} here.\n\n**Answer:**\n",
    "heading of a page": "## Analysis\n\nFirst {}\n\n## Final Answer\n",
    "agent": "Thought: there is {}\nFinal Answer: ",
    "step by step": "My chain of thought:\n\nDraft:\n\n{}\n\nThat lacks one.\n\n",
    "no heading": "Let me think. I see {}. Wait, there is another: ",
    "block of code": "```text\nDraft:\n{}\n```\n\n",
}


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
def test_the_answer_after_a_thought_counts(mark: str) -> None:
    assert read_json(mark.replace("{}", THOUGHT) + SAID, "[") == FINAL
    # The draft may be the longer one.
    assert read_json(mark.replace("{}", SAID) + THOUGHT, "[") == DRAFT


@pytest.mark.parametrize("mark", [mark for mark in MARKS.values() if mark != MARKS["no heading"]])
def test_a_thought_without_an_answer_is_none(mark: str) -> None:
    with pytest.raises(UnreadableAnswer, match="no JSON list"):
        read_json(mark.replace("{}", SAID), "[")


@pytest.mark.parametrize(
    "answer",
    [
        f"<think>{SAID}",
        f"<reflection>{SAID}",
        f"<think>Hm. {THOUGHT}\n\n{SAID}",
        f"Thinking Process:\n\n{SAID}",
        f"Draft: {SAID}",
        f"My first attempt:\n{SAID}",
        f"{THOUGHT}\nWait, I missed one on the right.",
        f"I see {THOUGHT} on the left. There is another one on the right.",
        f"{THOUGHT}\nHmm.",
    ],
)
def test_a_thought_without_an_end_and_what_is_taken_back_is_no_answer(answer: str) -> None:
    with pytest.raises(UnreadableAnswer):
        read_json(answer, "[")


@pytest.mark.parametrize(
    "answer",
    [
        f"<answer>{SAID}</answer>",
        f"<think>{THOUGHT}</think><|begin_of_box|>{SAID}<|end_of_box|>",
        f"{SAID}</s>",
        f"{SAID}<|im_end|>",
        f"{SAID}\n\nReasoning: I looked twice, and first saw {THOUGHT}.",
        f"{SAID}\nI hope this helps! Let me know.",
        f"a < b, 2 > 1: {SAID}",
        f"Here is the list in JSON format:\n{SAID}",
        f"Here is my analysis:\n```json\n{SAID}\n```",
        f"I looked at it step by step. All objects, as an example of what there is:\n{SAID}",
    ],
)
def test_what_is_no_thought_is_read(answer: str) -> None:
    assert read_json(answer, "[") == FINAL


@pytest.mark.parametrize("words", ["sign </think> [] x", "<think>", "[/THINK]", "Thinking Process:\n", "] draft: ["])
def test_marks_that_are_written_in_the_picture_are_data(words: str) -> None:
    listed = [{"bbox_2d": [100, 100, 160, 200], "label": words}, *FINAL]
    assert read_json(json.dumps(listed), "[") == listed


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
def test_a_verdict_after_a_thought_counts(mark: str) -> None:
    assert read_json(mark.replace("{}", '{"verdict": "no"}') + '{"verdict": "yes"}', "{") == {"verdict": "yes"}


boxes = st.lists(st.integers(0, 9), max_size=4, unique=True)


def listed(places: list[int]) -> list[dict]:
    return [{"bbox_2d": [100 * x, 100, 100 * x + 60, 200], "label": "circle"} for x in places]


@examples(300)
@given(st.lists(st.tuples(st.sampled_from(list(MARKS.values())), boxes), max_size=3), boxes)
def test_of_any_thoughts_and_an_answer_the_answer_is_read_or_nothing(drafts, places: list[int]) -> None:
    thought = "".join(mark.replace("{}", json.dumps(listed(draft))) for mark, draft in drafts)
    try:
        assert read_json(thought + json.dumps(listed(places)), "[") == listed(places)
    except UnreadableAnswer:
        # Only thoughts one after the other, in marks that do not belong together, may hide the answer.
        assert len(drafts) > 1
