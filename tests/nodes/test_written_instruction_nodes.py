"""Instructions for edit models in the words of a critic on a server: used where they fit, else the rules', and why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torchvision

from tests.support.chat_behaviours import INSTRUCTION
from tests.support.custom_sampling import node
from tests.support.graphs import demo_graph, error, loop_graph, shown, text
from tests.support.loop_graphs import history, ran
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer
from xlard.loop.registry import DEFAULT_STRATEGIES
from xlard.loop.written_instruction import CRITIC_FIRST
from xlard.worlds.shapes.render import render
from xlard.worlds.shapes.scenes import Thing

ONLY = {name: name == "edit" for name in DEFAULT_STRATEGIES}
PROMPT = "a red circle and a blue square"
"""The critic sees two red circles and a blue square in every picture."""

RULES = "remove one of the two red circles; keep the blue square and everything else as they are"
NO_USE = {
    "instructs-wrongly": 'It changes "square", which has to stay as it is.',
    "instructs-endlessly": "The answer",
    "instructs-not": "refuses to answer",
}
"""Models whose words are no use, and what is said of them."""


@pytest.fixture(scope="module")
def comfy() -> Iterator[ComfyServer]:
    with ServerWithNodes("foreign_editor.py") as server:
        (image,) = render([[Thing("circle", "red", 0.5, 0.5, 0.15, (215, 45, 45))]])
        torchvision.utils.save_image(image, server.base / "input" / "red.png")
        yield server


def in_a_loop(url: str, model: str, **settings) -> dict:
    """A loop whose edit model paints, and whose critic runs this model."""
    inputs = {"steps": 2, "rounds": 1, "prompt": PROMPT, "edit_model": ["editor", 0], **ONLY, **settings}
    graph = loop_graph(1, **inputs)
    graph["critic"] = node("XLARDCriticServer", url=url, model=model)
    graph["loop"]["inputs"]["critic"] = ["critic", 0]
    graph["asked"] = node("LoadImage", image="red.png")
    graph["editor"] = node("PaintingEditModel", picture=["asked", 0], fault="")
    graph["told"] = node("WhatWasTold", state=["loop", 3])
    return shown(graph, told=("told", 0))


def on_its_own(url: str, model: str, writes: bool = True) -> dict:
    """A critique by this model, and the instruction that follows from it."""
    graph = demo_graph(steps=2)
    graph["critic"] = node("XLARDCriticServer", url=url, model=model)
    graph["judged"] = node("XLARDCritique", images=["decoded", 0], critic=["critic", 0], prompt=PROMPT)
    graph["written"] = node("XLARDEditInstruction", critique=["judged", 0], image=["decoded", 0])
    if writes:
        graph["written"]["inputs"]["critic"] = ["critic", 0]
    return shown(graph, instruction=("written", 0), keep=("written", 1), note=("written", 4))


def told_last(result) -> str:
    """What the edit model was told last; it stays in memory from test to test."""
    return text(result, "told").splitlines()[-1]


def asked_to_write(server) -> int:
    """How often a critic was asked to write an instruction."""
    return sum("repaired by a model" in str(seen["body"]["messages"]) for seen in server.requests())


def test_by_default_the_rules_write_and_the_critic_is_not_asked(comfy, server):
    assert told_last(ran(comfy, in_a_loop(server.url, "instructs"))) == RULES
    result = ran(comfy, on_its_own(server.url, "instructs", writes=False))
    assert (text(result, "instruction"), text(result, "note")) == (RULES, "")
    assert asked_to_write(server) == 0


def test_the_critic_s_words_reach_the_edit_model_and_the_report(comfy, server):
    graph = in_a_loop(server.url, "instructs", instruct_by=CRITIC_FIRST)
    assert told_last(ran(comfy, graph)) == INSTRUCTION and asked_to_write(server) == 1
    _, edit = history(comfy, graph)
    assert edit["reason"] == "take the two red circles and remove one of them"
    result = ran(comfy, on_its_own(server.url, "instructs"))
    assert (text(result, "instruction"), text(result, "note")) == (INSTRUCTION, "")
    assert text(result, "keep") == "keep the blue square and everything else as they are"


@pytest.mark.parametrize("model, fault", NO_USE.items())
def test_words_that_are_no_use_leave_the_rules_and_it_is_said_why(comfy, server, model, fault):
    graph = in_a_loop(server.url, model, instruct_by=CRITIC_FIRST)
    assert told_last(ran(comfy, graph)) == RULES and asked_to_write(server) in (1, 2)
    _, edit = history(comfy, graph)
    changes, _, note = edit["reason"].partition(" (in the rules' words, because those of ")
    assert changes == "remove one of the two red circles" and fault in note
    result = ran(comfy, on_its_own(server.url, model))
    assert text(result, "instruction") == RULES and fault in text(result, "note")


def test_a_critic_that_cannot_write_is_refused_before_anything_is_drawn(comfy, server):
    graph = in_a_loop(server.url, "instructs", instruct_by=CRITIC_FIRST)
    graph["loop"]["inputs"]["critic"] = ["only_judges", 0]
    graph["only_judges"] = node("OnlyJudges")
    assert "can judge pictures, but not be asked in words" in error(comfy, graph)
