"""Edit models in Self-Correct, and instructions for edit workflows in a loop that is a graph, on the real server."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import ANY

import pytest
import torchvision

from tests.support.custom_sampling import node
from tests.support.graphs import SIDE, error, loop_graph, pictures, shown, text
from tests.support.loop_graphs import by_round, history, ran, recorded
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer
from xlard.loop.registry import DEFAULT_STRATEGIES
from xlard.worlds.shapes.render import render
from xlard.worlds.shapes.scenes import Thing

ONLY = {name: name == "edit" for name in DEFAULT_STRATEGIES}
TOLD = "make the circle blue; keep everything else as it is"


@pytest.fixture(scope="module")
def comfy() -> Iterator[ComfyServer]:
    with ServerWithNodes("foreign_editor.py") as server:
        for name, rgb in (("blue", (45, 85, 215)), ("green", (45, 165, 70))):
            (image,) = render([[Thing("circle", name, 0.5, 0.5, 0.15, rgb)]])
            torchvision.utils.save_image(image, server.base / "input" / f"{name}.png")
        yield server


def painted(picture: str | None = "blue", fault: str = "", **settings) -> dict:
    """A red circle is drawn and a blue one asked for; an edit model of another pack paints ``picture``."""
    graph = loop_graph(1, **{"steps": 8, "seed": 4, "rounds": 1, "edit_model": ["editor", 0], **ONLY, **settings})
    graph["positive"]["inputs"]["text"] = "a red circle"
    graph["loop"]["inputs"]["prompt"] = "a blue circle"
    graph["editor"] = node("PaintingEditModel", fault=fault)
    if picture is not None:
        graph["painted"] = node("LoadImage", image=f"{picture}.png")
        graph["editor"]["inputs"]["picture"] = ["painted", 0]
    graph["told"] = node("WhatWasTold", state=["loop", 3])
    return shown(graph, told=("told", 0), report=("loop", 6), passed=("loop", 5))


def test_an_edit_after_which_fewer_claims_fail_is_the_picture_that_comes_back(comfy):
    graph = painted()
    result = ran(comfy, graph)
    assert text(result, "told") == TOLD and text(result, "passed") == "True"
    _, edit = history(comfy, painted())
    assert (edit["strategy"], edit["nfe"], edit["accepted"]) == ("edit", 123, True)
    assert edit["reason"] == "make the circle blue" and edit["preservation"] == {"right": 0, "kept": 0, "outside": ANY}
    graph["asked"] = node("LoadImage", image="blue.png")
    assert (pictures(comfy, painted(), "loop", 1) == pictures(comfy, graph, "asked")).all()


def test_an_edit_that_is_no_better_is_not(comfy):
    graph = painted("green", rounds=2)
    assert text(ran(comfy, graph), "passed") == "False"
    assert [entry["accepted"] for entry in history(comfy, painted("green", rounds=2))] == [True, False, False]
    assert (pictures(comfy, painted("green"), "loop", 1) == pictures(comfy, painted("green"), "loop", 2)).all()


def test_a_fault_in_the_edit_leaves_the_picture_before_it_and_says_so(comfy):
    graph = painted(fault="the service is down")
    assert "Round 1 could not be drawn. RuntimeError: the service is down" in text(ran(comfy, graph), "report")
    assert (pictures(comfy, graph, "loop", 1) == pictures(comfy, graph, "loop", 2)).all()


def test_switched_off_it_is_not_asked_and_what_cannot_edit_is_refused(comfy):
    graph = painted(edit=False, recolour=True)
    assert text(ran(comfy, graph), "told") == ""
    assert "edit_model input takes an edit model, from xLARD Edit Model; a str came" in error(comfy, painted(None))


def instructed(prompt: str = "a blue circle", batch: int = 1) -> dict:
    """A critique of red circles, and the instruction that follows from it."""
    graph = loop_graph(batch, steps=8, seed=4)
    graph["positive"]["inputs"]["text"] = "a red circle"
    graph["loop"]["inputs"].update(prompt="a red circle", rounds=0)
    graph["judged"] = node("XLARDCritique", images=["loop", 1], critic=["world", 3], prompt=prompt)
    graph["written"] = node("XLARDEditInstruction", critique=["judged", 0], image=["loop", 1])
    graph["seen"] = node("MaskToImage", mask=["written", 2])
    names = ("instruction", "keep", "mask", "failed")
    return shown(graph, **{name: ("written", slot) for slot, name in enumerate(names) if name != "mask"})


def test_the_instruction_says_what_to_change_what_to_keep_where_and_how_much(comfy):
    graph = instructed()
    result = ran(comfy, graph)
    assert text(result, "instruction") == TOLD and text(result, "failed") == "1"
    assert text(result, "keep") == "keep everything else as it is"
    mask = pictures(comfy, graph, "seen")[0, ..., 0]
    assert mask.shape == (SIDE, SIDE) and 0 < (mask == 255).mean() < 0.6 and set(mask.flatten()) == {0, 255}
    nothing = instructed("a red circle")
    result = ran(comfy, nothing)
    assert text(result, "instruction") == text(result, "keep") and text(result, "failed") == "0"
    assert not pictures(comfy, nothing, "seen").any()


def test_each_picture_of_a_batch_has_an_instruction_of_its_own(comfy):
    graph = instructed(batch=2)
    result = ran(comfy, graph)
    assert len(result.outputs["instruction_shown"]["text"]) == 2
    assert pictures(comfy, graph, "seen").shape[0] == 2
    graph["one"] = node("ImageFromBatch", image=["loop", 1], batch_index=0, length=1)
    graph["written"]["inputs"]["image"] = ["one", 0]
    assert "There are 2 critiques and 1 pictures" in error(comfy, graph)


def edited_in_a_graph(right: str, rounds: int = 2) -> dict:
    """A loop of which each round is an edit by a remote service; the first picture is drawn before."""
    graph = loop_graph(1, steps=8, seed=4)
    graph["positive"]["inputs"]["text"] = "a red circle"
    graph["loop"]["inputs"].update(prompt="a blue circle", rounds=0)
    graph["right"] = node("LoadImage", image=f"{right}.png")
    graph["start"] = node(
        "XLARDLoopStart", latent_image=["loop", 0], prompt="a blue circle", seed=3, state=["loop", 3], edit=True
    )
    graph["written"] = node("XLARDEditInstruction", critique=["start", 11], image=["start", 12])
    graph["edited"] = node(
        "RemoteEdit", image=["start", 12], prompt=["written", 0], right=["right", 0], word="blue", seed=["start", 3]
    )
    graph["latent"] = node("VAEEncode", pixels=["edited", 0], vae=["world", 2])
    graph["judged"] = node("XLARDCritique", images=["edited", 0], critic=["world", 3], prompt="", claims=["start", 7])
    graph["end"] = node(
        "XLARDLoopEnd",
        flow=["start", 0],
        latent=["latent", 0],
        image=["edited", 0],
        critique=["judged", 0],
        rounds=rounds,
    )
    return shown(graph, passed=("end", 5), instruction=("written", 0))


def test_any_edit_workflow_can_stand_in_the_rounds_of_a_graph(comfy):
    graph = edited_in_a_graph("blue")
    result = ran(comfy, graph)
    assert text(result, "passed") == "True"
    assert [output["text"] for output in by_round(result, "instruction_shown")] == [[TOLD]]
    (rounds,) = recorded(comfy, edited_in_a_graph("blue"))
    assert [round_.strategy for round_ in rounds] == ["sample", "edit"]
    graph["asked"] = node("LoadImage", image="blue.png")
    assert (pictures(comfy, graph, "end", 1) == pictures(comfy, graph, "asked")).all()


def test_a_round_of_a_graph_that_is_no_better_leaves_the_picture_before_it(comfy):
    (rounds,) = recorded(comfy, edited_in_a_graph("green", rounds=1))
    assert [round_.strategy for round_ in rounds] == ["sample", "edit", "edit"]
    graph = edited_in_a_graph("green")
    assert (pictures(comfy, graph, "end", 1) == pictures(comfy, graph, "loop", 1)).all()


def test_before_a_first_picture_the_start_has_nothing_to_edit_and_says_so(comfy):
    graph = edited_in_a_graph("blue")
    del graph["start"]["inputs"]["state"]
    assert "Draw the first picture before the loop" in error(comfy, graph)
