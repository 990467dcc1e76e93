"""The loop as a graph whose rounds may be drawn from another wording, which a critic writes."""

from __future__ import annotations

import numpy as np

from tests.support.chat_behaviours import OTHER_WORDS
from tests.support.chat_server import ChatServer
from tests.support.graphs import PROMPT, error, pictures, shown, text
from tests.support.loop_graphs import by_round, drawn_from, looped, only, pictures_by_round, ran, recorded
from xlard.loop.engine import derived_seed


def with_prompt(server: ChatServer, seed: int, model: str = "rewords", **start) -> dict:
    """A loop whose CLIP Text Encode takes the round's prompt, judged by a critic on the stand-in, which may write,
    too.
    """
    graph = looped(prompt=PROMPT, seed=seed, critic=["server", 0], **{"rounds": 1, **only(), **start})
    graph["server"] = {"class_type": "XLARDCriticServer", "inputs": {"url": server.url, "model": model}}
    graph["critique"]["inputs"]["critic"] = ["server", 0]
    graph["positive"]["inputs"]["text"] = ["start", 9]
    graph["seen"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    return shown(graph, words=("start", 9))


def test_the_second_round_is_drawn_from_the_wording_that_the_critic_writes_once(comfy, server):
    result = ran(comfy, with_prompt(server, 31))
    assert [output["text"][0] for output in by_round(result, "words_shown")] == [PROMPT, OTHER_WORDS]
    assert text(result, "passed") == "True"
    questions = [seen["body"]["messages"][-1]["content"] for seen in server.requests()]
    assert ["Reword the prompt" in question for question in questions if isinstance(question, str)] == [True] and len(
        questions
    ) == 3
    first, second = pictures_by_round(comfy, result, "seen")
    assert np.abs(first - drawn_from(comfy, PROMPT, 31)).max() <= 1
    assert np.abs(second - drawn_from(comfy, OTHER_WORDS, derived_seed(31, 1, 0))).max() <= 1


def test_the_state_says_what_each_round_was_drawn_from(comfy, server):
    graph = with_prompt(server, 32)
    assert [round_.strategy for round_ in recorded(comfy, graph)[0]] == ["sample", "rewrite"]
    result = ran(comfy, shown(graph, state=("end", 3)))
    assert text(result, "state").count(f"prompt='{OTHER_WORDS}'") == 1


def test_running_again_asks_nothing_and_a_new_wording_needs_no_new_first_round(comfy, server):
    graph = with_prompt(server, 33, rounds=0)
    ran(comfy, graph)
    graph["end"]["inputs"]["rounds"] = 1
    result = ran(comfy, graph)
    assert "drawn" not in result.executed and len(server.requests()) == 3
    assert not {"start", "drawn", "end"} & set(ran(comfy, graph).executed) and len(server.requests()) == 3


def test_a_critic_that_cannot_write_is_named_in_the_report_and_the_loop_goes_on(comfy):
    graph = looped(prompt="nine purple triangles", seed=34, rounds=3, critic=["world", 3], **{**only("resample")})
    graph["positive"]["inputs"]["text"] = ["start", 9]
    assert [round_.strategy for round_ in recorded(comfy, graph)[0]] == ["sample", *["resample"] * 3]
    assert text(ran(comfy, shown(graph, report=("end", 6))), "report").count("The critic cannot reword the prompt") == 1


def test_a_wording_that_nothing_takes_is_an_error_and_without_a_critic_nothing_is_asked(comfy, server):
    graph = with_prompt(server, 35)
    del graph["words_shown"]
    graph["positive"]["inputs"]["text"] = PROMPT
    assert "no node in the loop's body takes the new wording" in error(comfy, graph)
    graph["start"]["inputs"]["rewrite"] = False
    assert "All strategies are switched off" in error(comfy, graph)
    graph["start"]["inputs"]["resample"] = True
    assert pictures(comfy, graph, "end", 1).shape[0] == 1
    assert not [seen for seen in server.requests() if "Reword the prompt" in str(seen["body"])]
