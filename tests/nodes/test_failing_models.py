"""Models and VAEs that fail in a later round on a real server: the best picture comes out, and the next job runs."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from tests.support.graphs import demo_graph, error, loop_graph, pictures, shown, text
from tests.support.loop_graphs import looped
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer

HOPELESS = "nine red circles left of nine blue squares"
"""Asks for more than the demo world can draw."""

PLAIN = {"prompt": HOPELESS, "rounds": 2, "rearrange": False, "region": False, "correct": False}

SAYS = {
    "out of memory": "no memory left on the device",
    "foreign patch": "AttributeError: 'Patch' object has no attribute 'weight'",
    "nan": "NaN or infinite values",
    "infinite": "NaN or infinite values",
    "black": "black all over",
}


@pytest.fixture(scope="module")
def failing() -> Iterator[ComfyServer]:
    with ServerWithNodes("failing_models.py") as server:
        yield server


def with_failing(graph: dict, node: str, part: str, spared: int, kind: str) -> dict:
    """A graph whose ``node`` gets a MODEL or VAE that fails after ``spared`` times."""
    graph["failing"] = {
        "class_type": "XLARDTestFailingModel" if part == "model" else "XLARDTestFailingVae",
        "inputs": {part: ["world", 0 if part == "model" else 2], "spared": spared, "kind": kind, "run": 0},
    }
    graph[node]["inputs"][part] = ["failing", 0]
    return graph


def best_picture(comfy: ComfyServer, graph: dict) -> tuple[np.ndarray, str]:
    """The best picture of a loop that must succeed, and its report."""
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["loop", 1]}}
    graph["saved"] = {"class_type": "SaveLatent", "inputs": {"samples": ["loop", 0], "filename_prefix": "kept"}}
    result = comfy.run(shown(graph, report=("loop", 6)))
    assert result.status == "success", result.error
    (file,) = result.outputs["picture"]["images"]
    return np.asarray(Image.open(io.BytesIO(comfy.view(file)))), text(result, "report")


@pytest.mark.parametrize("part", ["model", "vae"])
@pytest.mark.parametrize("kind", SAYS)
def test_what_fails_in_a_later_round_leaves_the_best_picture(failing, part: str, kind: str) -> None:
    plain = pictures(failing, demo_graph(), "decoded")[0]
    # A model that gives black latents draws a picture all the same.
    graph = with_failing(loop_graph(**PLAIN), "loop", part, 1, kind)
    picture, report = best_picture(failing, graph)
    if (part, kind) != ("model", "black"):
        assert (picture == plain).all()
    raised = kind in ("out of memory", "foreign patch")
    if raised:
        assert SAYS[kind] in report and "The loop ended there." in report
    # The next job runs.
    assert (pictures(failing, demo_graph(), "decoded")[0] == plain).all()


@pytest.mark.parametrize(
    ("part", "kind"), [("vae", "nan"), ("vae", "black"), ("model", "nan"), ("vae", "foreign patch")]
)
def test_first_pictures_that_are_none_are_said_and_their_latents_saved(failing, part: str, kind: str) -> None:
    graph = shown(with_failing(loop_graph(**PLAIN), "loop", part, 0, kind), report=("loop", 6))
    message = error(failing, graph)
    assert SAYS[kind] in message and "saved as xLARD_unjudged_" in message
    assert kind == "foreign patch" or "--fp32-vae" in message


def test_a_model_that_fails_at_once_fails_as_comfyui_says_it(failing) -> None:
    graph = shown(with_failing(loop_graph(**PLAIN), "loop", "model", 0, "out of memory"), report=("loop", 6))
    assert "you ran out of memory" in error(failing, graph)


@pytest.mark.parametrize("part", ["model", "vae"])
def test_cancelling_in_a_later_round_ends_the_job_as_cancelled(failing, part: str) -> None:
    graph = shown(with_failing(loop_graph(**PLAIN), "loop", part, 1, "cancelled"), report=("loop", 6))
    assert failing.run(graph).status == "interrupted"
    assert pictures(failing, demo_graph(), "decoded").shape[0] == 1


@pytest.mark.parametrize("kind", ["nan", "black"])
def test_in_a_loop_as_a_graph_broken_pictures_leave_the_best_one(failing, kind: str) -> None:
    graph = with_failing(shown(looped(**PLAIN), report=("end", 6)), "decoded", "vae", 1, kind)
    result = failing.run(graph)
    assert result.status == "success", result.error
    assert SAYS[kind] in text(result, "report")
