"""A text encoder as critic: the text that it gets, and the encoders that the node refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import torch
from PIL import Image

from tests.support.graphs import PROMPT, demo_graph, error, shown, text
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer
from xlard.critics import questions
from xlard.critics.backend import Ask
from xlard.critics.chat_text import GEMMA3, GEMMA4, GEMMA4_LARGE, QWEN, format_of

PICTURE = torch.zeros(8, 8, 3)
FORMATS = pytest.mark.parametrize(
    "chat_format", [QWEN, GEMMA3, GEMMA4, GEMMA4_LARGE], ids=["qwen", "gemma3", "gemma4", "gemma4_large"]
)


@pytest.mark.parametrize(
    "encoder, chat_format",
    [
        ("qwen3vl_8b", QWEN),
        ("qwen35_4b", QWEN),
        ("gemma3_12b", GEMMA3),
        ("gemma4", GEMMA4),
        ("gemma2_2b", None),
        ("t5xxl", None),
        ("", None),
    ],
)
def test_an_encoders_name_tells_its_chat_format(encoder, chat_format):
    assert format_of(encoder) is chat_format


@FORMATS
def test_the_system_sentence_and_the_question_stand_in_the_text_once(chat_format):
    written = chat_format.write(Ask("How many?", PICTURE))
    assert [written.count(phrase) for phrase in (questions.SYSTEM, chat_format.picture, "How many?")] == [1, 1, 1]
    assert written.index(questions.SYSTEM) < written.index("How many?")


@FORMATS
def test_a_question_about_no_picture_has_no_place_for_one(chat_format):
    assert chat_format.picture not in chat_format.write(Ask("How many?"))


@FORMATS
def test_earlier_turns_come_first_and_the_picture_goes_with_the_first_question(chat_format):
    written = chat_format.write(Ask("third", PICTURE, turns=(("first", "1st"), ("second", "2nd"))))
    in_order = [questions.SYSTEM, chat_format.picture, "first", "1st", "second", "2nd", "third"]
    assert sorted(in_order, key=written.index) == in_order
    assert written.count(chat_format.picture) == 1


def test_qwens_text_is_its_chat_template():
    assert (
        QWEN.write(Ask("{b}", PICTURE, turns=(("a", "1"),))) == f"<|im_start|>system\n{questions.SYSTEM}<|im_end|>\n"
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>a<|im_end|>\n<|im_start|>assistant\n1<|im_end|>\n"
        "<|im_start|>user\n{b}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )


def test_gemma_3_which_has_no_system_role_gets_the_system_sentence_with_the_first_question():
    assert (
        GEMMA3.write(Ask("b", turns=(("a", "1"),)))
        == f"<start_of_turn>user\n{questions.SYSTEM}\n\na<end_of_turn>\n<start_of_turn>model\n1<end_of_turn>\n"
        "<start_of_turn>user\nb<end_of_turn>\n<start_of_turn>model\n"
    )


def test_the_demo_worlds_encoder_is_refused_and_the_next_run_works(comfy):
    graph = demo_graph()
    graph["critic"] = {"class_type": "XLARDCriticFromCLIP", "inputs": {"clip": ["world", 1]}}
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["critic", 0], "prompt": PROMPT},
    }
    result = comfy.run(graph)
    assert result.error["node_type"] == "XLARDCriticFromCLIP"
    # Which of the two it is depends on ComfyUI's version.
    assert any(
        cause in result.error["exception_message"]
        for cause in ("0.15 and newer can, 0.26 and newer with Qwen3-VL", "cannot have the text encoder 'l' write")
    )
    graph["critique"]["inputs"]["critic"] = ["world", 3]
    assert comfy.run(graph).status == "success"


@pytest.fixture(scope="module")
def scripted() -> Iterator[ComfyServer]:
    """A ComfyUI that has the scripted encoder too, and in its input folder two.png, grey, 200 x 100, and white.png."""
    with ServerWithNodes("scripted_encoder.py") as server:
        Image.new("RGB", (200, 100), "gray").save(server.base / "input" / "two.png")
        Image.new("RGB", (64, 64), "white").save(server.base / "input" / "white.png")
        yield server


def critique_graph(encoder: str, answer: str = "[]", lacks: str = "", **settings) -> dict:
    """A scripted encoder judging two.png."""
    return shown(
        {
            "clip": {"class_type": "ScriptedEncoder", "inputs": {"encoder": encoder, "answer": answer, "lacks": lacks}},
            "critic": {"class_type": "XLARDCriticFromCLIP", "inputs": {"clip": ["clip", 0], **settings}},
            "image": {"class_type": "LoadImage", "inputs": {"image": "two.png"}},
            "critique": {
                "class_type": "XLARDCritique",
                "inputs": {
                    "images": ["image", 0],
                    "critic": ["critic", 0],
                    "prompt": "a red circle left of a blue square",
                },
            },
        },
        boxes=("critique", 2),
        report=("critique", 6),
    )


@pytest.mark.parametrize(
    "encoder, key, boxes",
    [
        ("qwen3vl_8b", "bbox_2d", ([100, 200, 300, 600], [600, 300, 850, 800])),
        # Gemma writes y before x, and sees a square.
        ("gemma3_12b", "box_2d", ([200, 100, 600, 300], [300, 600, 800, 850])),
        ("gemma4", "box_2d", ([200, 100, 600, 300], [300, 600, 800, 850])),
    ],
)
def test_boxes_lie_where_the_encoder_says(scripted, encoder, key, boxes):
    answer = json.dumps([{key: box, "label": label} for box, label in zip(boxes, ("red circle", "blue square"))])
    result = scripted.run(critique_graph(encoder, answer))
    assert result.status == "success", result.error
    (boxes_of_picture,) = json.loads(text(result, "boxes"))
    assert [[box[side] for side in ("x", "y", "width", "height")] for box in boxes_of_picture] == [
        [20, 20, 40, 40],
        [120, 30, 50, 50],
    ]
    assert "score 1.00" in text(result, "report")


@pytest.mark.parametrize(
    "encoder, seen, start",
    [
        ("qwen3vl_8b", (1, 96, 192, 3), "<|im_start|>system/"),
        # ComfyUI would drop the first token of a text for Gemma 3.
        ("gemma3_12b", (1, 896, 896, 3), "/<start_of_turn>user/"),
        ("gemma4", (1, 96, 192, 3), "<|turn>system/"),
    ],
)
def test_the_encoder_gets_the_whole_picture_and_turns_instead_of_its_template_for_drawing(
    scripted, encoder, seen, start
):
    report = text(scripted.run(critique_graph(encoder, "echo", max_tokens=8192)), "report")
    # An answer that cannot be read stands in the report.
    assert f"picture {seen}, template left out: {start}" in report


def test_an_answer_that_is_cut_off_at_max_tokens_is_no_verdict(scripted):
    answer = '[{"bbox_2d": [100, 200, 300, 600], "label": "red circle"}]'
    assert "abstained" in text(scripted.run(critique_graph("qwen3vl_8b", answer, max_tokens=16)), "report")


@pytest.mark.parametrize(
    "encoder, lacks, cause",
    [
        ("clip_l", "generation", "cannot have the text encoder 'clip_l' write"),
        ("qwen25_7b", "words", "cannot have the text encoder 'qwen25_7b' write"),
        ("gemma3_4b", "sight", "can write but not see pictures"),
        ("never_heard_of", "", "can write but not see pictures"),
    ],
)
def test_an_encoder_that_cannot_write_or_see_is_refused_with_those_that_can(scripted, encoder, lacks, cause):
    message = error(scripted, critique_graph(encoder, lacks=lacks))
    assert cause in message and "Qwen3-VL, Qwen3.5, Gemma 3 and Gemma 4" in message


def scored_graph(answer: str, scoring: str, lacks: str = "", **settings) -> dict:
    """A scripted encoder that judges two.png in the way of a scoring."""
    graph = critique_graph("qwen3vl_8b", answer, lacks)
    settings = {"judgements": 1, "temperature": 0.7, "regions": False, **settings}
    graph["scoring"] = {
        "class_type": "XLARDScoring",
        "inputs": {"critic": ["critic", 0], "scoring": scoring, **settings},
    }
    graph["critique"]["inputs"]["critic"] = ["scoring", 0]
    return graph


@pytest.mark.parametrize(
    "answer, said", [("yes", "yes with 100%"), ("no", "yes with 0%"), ("maybe", "neither yes nor no")]
)
@pytest.mark.parametrize("lacks", ["", "brevity"])
def test_the_probability_of_yes_is_that_of_the_encoders_next_word(scripted, answer, said, lacks):
    report = text(scripted.run(scored_graph(answer, "P(yes)", lacks)), "report")
    assert said in report


@pytest.mark.parametrize("lacks", ["", "brevity"])
def test_the_likelihood_of_a_claim_is_that_of_its_own_words_beside_an_empty_picture(scripted, lacks):
    # Every character is twice as probable beside the picture: one that is not the claim's would be much less so.
    graph = scored_graph("x", "prompt likelihood", lacks)
    graph["image"]["inputs"]["image"] = "white.png"
    report = text(scripted.run(graph), "report")
    assert report.count("+0.69 nats per token") == 5, report


def test_regions_are_scored_by_the_probability_of_yes(scripted):
    result = scripted.run(scored_graph("yes", "P(yes)", regions=True))
    assert result.status == "success", result.error


@pytest.mark.parametrize("scoring", ["P(yes)", "prompt likelihood"])
def test_probabilities_that_comfyui_keeps_to_itself_are_refused_and_words_are_not(scripted, scoring):
    answer = '{"reason": "It is there.", "verdict": "yes"}'
    message = error(scripted, scored_graph(answer, scoring, "logits"))
    assert "keeps the probabilities of a text encoder's words to itself" in message
    assert "It is there." in text(scripted.run(scored_graph(answer, "per claim", "logits", judgements=3)), "report")


@pytest.mark.parametrize(
    "scoring, judgements", [("grounded", 1), ("per claim", 3), ("P(yes)", 1), ("prompt likelihood", 1)]
)
def test_an_encoder_that_computes_no_numbers_gives_no_verdict(scripted, scoring, judgements):
    answer = '[{"bbox_2d": [100, 200, 300, 600], "label": "red circle"}]' if scoring == "grounded" else "yes"
    result = scripted.run(scored_graph(answer, scoring, "numbers", judgements=judgements))
    report = text(result, "report")
    assert "NaN" in report and "abstained" in report


@pytest.mark.parametrize("lacks, sure", [("", 0.8), ("logits", 1.0)])
def test_boxes_are_as_sure_as_the_words_of_the_answer(scripted, lacks, sure):
    answer = '[{"bbox_2d": [100, 200, 300, 600], "label": "red circle"}]'
    graph = critique_graph("qwen3vl_8b", answer, lacks)
    graph["image"]["inputs"]["image"] = "white.png"
    ((box,),) = json.loads(text(scripted.run(graph), "boxes"))
    assert box["score"] == pytest.approx(sure, abs=1e-4)
