"""Fill models in Self-Correct on the real server: what they are told, and what becomes of their pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.custom_sampling import node
from tests.support.graphs import SIDE, error, loop_graph, pictures, shown, text
from tests.support.loop_graphs import history, ran
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer
from xlard.loop.registry import DEFAULT_STRATEGIES


@pytest.fixture(scope="module")
def comfy() -> Iterator[ComfyServer]:
    with ServerWithNodes("foreign_filler.py") as server:
        yield server


def filled(strategy: str = "region", fault: str = "", paints: bool = True, **settings) -> dict:
    """A circle and a square are drawn, and no square is asked for."""
    only = {name: name == strategy for name in DEFAULT_STRATEGIES}
    graph = loop_graph(1, **{"steps": 8, "seed": 4, "rounds": 1, "fill_model": ["filler", 0], **only, **settings})
    graph["positive"]["inputs"]["text"] = "a red circle and a blue square"
    graph["loop"]["inputs"]["prompt"] = "a red circle, no blue square"
    graph["filler"] = node("PaintingFillModel", fault=fault, paints=paints)
    graph["told"] = node("WhatWasTold", state=["loop", 3])
    return shown(graph, told=("told", 0), report=("loop", 6), passed=("loop", 5))


@pytest.mark.parametrize("strategy", ["region", "rearrange"])
def test_what_is_too_much_is_painted_over_and_all_other_pixels_stay(comfy, strategy):
    result = ran(comfy, filled(strategy))
    assert text(result, "passed") == "True"
    assert text(result, "told").splitlines()[-1] == "'' without 'blue square'"
    _, fill = history(comfy, filled(strategy))
    assert (fill["strategy"], fill["nfe"], fill["accepted"]) == (strategy, 123, True)
    assert fill["reason"] == "1 wrong, redrawn by the fill model"
    before, after = (pictures(comfy, filled(strategy), "loop", slot)[0] for slot in (2, 1))
    changed = (before != after).any(axis=-1)
    assert 0.01 < changed.mean() < 0.5 and before.shape == after.shape == (SIDE, SIDE, 3)
    # Outside of the hole the painter's picture is darker.
    assert np.abs(after.astype(int) - before)[~changed].max() == 0


def test_a_fault_in_the_fill_leaves_the_picture_before_it_and_says_so(comfy):
    graph = filled(fault="the service is down")
    assert "Round 1 could not be drawn. RuntimeError: the service is down" in text(ran(comfy, graph), "report")
    assert (pictures(comfy, graph, "loop", 1) == pictures(comfy, graph, "loop", 2)).all()


def test_with_the_usual_switches_it_fills_what_rearrange_empties(comfy):
    graph = filled(**dict.fromkeys(DEFAULT_STRATEGIES, True))
    _, fill = history(comfy, graph)
    assert (fill["strategy"], fill["nfe"], fill["accepted"]) == ("rearrange", 123, True)


def test_what_cannot_fill_is_refused(comfy):
    assert "fill_model input takes a fill model, from xLARD Fill Model; a str came" in error(
        comfy, filled(paints=False)
    )
    graph = filled()
    graph["filler"] = node(
        "XLARDFillModel",
        **{"fill_model": ["world", 0], "fill_clip": ["world", 1], "fill_vae": ["world", 2], "steps": 2, "cfg": 3.0},
        **{"sampler_name": "euler", "scheduler": "simple", "guidance": 30.0, "negative": "", "size": 0},
    )
    assert "which reads no mask among its channels" in error(comfy, graph)
