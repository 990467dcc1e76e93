"""The loop in one node with a critic that rewords the prompt, and with those that do not."""

from __future__ import annotations

import json

import pytest
import torch

from tests.support.chat_behaviours import OTHER_WORDS
from tests.support.chat_server import ChatServer
from tests.support.graphs import PROMPT, loop_graph, pictures, pixels, shown, text
from tests.support.loop_graphs import drawn_from, history, saved_latents
from xlard.loop.engine import derived_seed
from xlard.loop.registry import DEFAULT_STRATEGIES

SEED = 5
ONLY_REWRITE = {name: name == "rewrite" for name in DEFAULT_STRATEGIES}


def with_prompt(server: ChatServer, model: str = "rewords", **settings) -> dict:
    """A loop that may only reword, judged by a critic on the stand-in."""
    graph = loop_graph(clip=["world", 1], critic=["server", 0], **{"rounds": 1, **ONLY_REWRITE, **settings})
    del graph["loop"]["inputs"]["head"], graph["loop"]["inputs"]["corrector"]
    graph["server"] = {"class_type": "XLARDCriticServer", "inputs": {"url": server.url, "model": model}}
    return graph


def test_the_second_picture_is_drawn_from_the_new_wording(comfy, server):
    picture = pixels(comfy, with_prompt(server), "loop", 1)
    questions = [seen["body"]["messages"][-1]["content"] for seen in server.requests()]
    assert len(questions) == 3 and json.dumps(PROMPT) in questions[1] and '"one square"' in questions[1]
    seed = derived_seed(SEED, 1, 0)
    assert (picture == drawn_from(comfy, OTHER_WORDS, seed)).all() and (
        picture != drawn_from(comfy, PROMPT, seed)
    ).any()


def test_the_wording_of_each_round_is_in_the_history(comfy, server):
    first, second = history(comfy, with_prompt(server))
    assert (first["prompt"], second["prompt"], second["strategy"]) == ("", OTHER_WORDS, "rewrite")
    assert not first["critique"]["passed"] and second["critique"]["passed"] and second["accepted"]
    assert [claim["text"] for claim in second["critique"]["claims"]] == [
        claim["text"] for claim in first["critique"]["claims"]
    ]


def test_what_else_is_in_the_conditioning_stays(comfy, server):
    combined = {
        "other": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["world", 1], "text": "a green triangle"}},
        "ranged": {
            "class_type": "ConditioningSetTimestepRange",
            "inputs": {"conditioning": ["positive", 0], "start": 0.0, "end": 0.6},
        },
        "area": {
            "class_type": "ConditioningSetAreaPercentage",
            "inputs": {"conditioning": ["other", 0], "width": 0.5, "height": 1.0, "x": 0.5, "y": 0.0, "strength": 0.7},
        },
        "combined": {
            "class_type": "ConditioningCombine",
            "inputs": {"conditioning_1": ["area", 0], "conditioning_2": ["ranged", 0]},
        },
    }
    graph = {**with_prompt(server, positive=["combined", 0]), **combined}
    seed = derived_seed(SEED, 1, 0)
    picture = pixels(comfy, graph, "loop", 1)
    assert (picture == drawn_from(comfy, OTHER_WORDS, seed, combined)).all() and (
        picture != drawn_from(comfy, OTHER_WORDS, seed)
    ).any()


def test_a_prompt_that_is_not_in_the_conditioning_is_left_alone(comfy, server):
    graph = with_prompt(server, rounds=3)
    graph["positive"]["inputs"]["text"] = "a green triangle"
    warning = "cannot be reworded: no part of the positive conditioning"
    before = comfy.log().count(warning)
    assert len(history(comfy, graph)) == 1 and len(server.requests()) == 1
    result = comfy.run(graph)
    assert "no part of the positive conditioning is what the connected CLIP makes of it" in text(result, "report")
    assert comfy.log().count(warning) == before + 1


def test_a_critic_without_a_new_wording_does_not_stop_the_loop(comfy, server):
    rounds = history(
        comfy,
        with_prompt(server, "shapes", prompt="a green circle", correct=True, positive=["own", 0])
        | {"own": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["world", 1], "text": "a green circle"}}},
    )
    assert [round_["strategy"] for round_ in rounds] == ["sample", "correct"]
    rounds = history(
        comfy,
        with_prompt(server, "shapes", prompt="a green circle", rounds=3, positive=["own", 0])
        | {"own": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["world", 1], "text": "a green circle"}}},
    )
    assert (
        len(rounds) == 1 and "gave no usable other wording of the prompt: It holds no JSON object: 'No'" in comfy.log()
    )


@pytest.mark.parametrize("settings", [{"rewrite": True}, {"rewrite": False}])
def test_with_the_demo_critic_a_clip_changes_nothing(comfy, settings):
    loop = {"batch": 4, "rounds": 4, "rearrange": False}
    with_it = loop_graph(**loop, clip=["world", 1], **settings)
    assert torch.equal(saved_latents(comfy, loop_graph(**loop)), saved_latents(comfy, with_it))


def test_a_critic_that_cannot_write_is_named_in_the_report(comfy):
    graph = shown(loop_graph(batch=4, rounds=2, clip=["world", 1], rearrange=False, correct=False), report=("loop", 6))
    assert pictures(comfy, graph, "loop", 1).shape[0] == 4
    report = text(comfy.run(graph), "report")
    assert report.count("The critic cannot reword the prompt") == 1 and "Picture 4" in report
