"""Every picture of a batch keeps its own part of what is stacked, also where it alone is sampled again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.graphs import loop_graph, pictures, shown, text
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer

RIGHT, WRONG = "a blue square", "a red circle"


@pytest.fixture(scope="module")
def server() -> Iterator[ComfyServer]:
    with ServerWithNodes("stacked.py") as server:
        yield server


def encoded(prompt: str) -> dict:
    return {"class_type": "CLIPTextEncode", "inputs": {"clip": ["world", 1], "text": prompt}}


def stacked_graph(**settings) -> dict:
    """A loop over two pictures of which the second has another prompt than its claims."""
    graph = loop_graph(batch=2, steps=12, prompt=RIGHT, seed=3, rounds=3, **settings)
    graph |= {"right": encoded(RIGHT), "wrong": encoded(WRONG)}
    graph["positive"] = {"class_type": "StackedPrompts", "inputs": {"first": ["right", 0], "second": ["wrong", 0]}}
    return graph


@pytest.mark.parametrize("first", ["plain", "doubted"])
def test_later_rounds_of_a_picture_have_its_own_prompt(server, first):
    graph = shown(stacked_graph(first_picture=first), passed=("loop", 5), report=("loop", 6))
    result = server.run(graph)
    assert result.status == "success", result.error
    report = text(result, "report")
    assert "\u2713" in report.split("Picture 2")[0]
    # A red circle never becomes the blue square that is asked for.
    assert "red" in report.split("Picture 2")[1] or "none there" in report.split("Picture 2")[1]
    best = pictures(server, graph, "loop", 1)
    assert blueness(best[0]) > 0.02 > blueness(best[1])


def test_they_have_it_from_a_guider_too(server):
    graph = stacked_graph(first_picture="doubted")
    by_settings = pictures(server, graph, "loop", 1)
    given = graph["loop"]["inputs"]
    conditioned = {name: given.pop(name) for name in ("positive", "negative")}
    graph["guider"] = {
        "class_type": "CFGGuider",
        "inputs": {**conditioned, "model": given["model"], "cfg": given["cfg"]},
    }
    given.update(guider=["guider", 0], cfg=1.0)
    assert (pictures(server, graph, "loop", 1) == by_settings).all()


def blueness(picture: np.ndarray) -> float:
    """The share of a picture (H, W, 3) that is clearly blue."""
    red, _, blue = (picture[..., channel].astype(int) for channel in range(3))
    return float((blue - red > 80).mean())


def hinted_graph(brightness: list[float], seed: int, **settings) -> dict:
    """A loop of a picture for each brightness, each with its own hint from two ControlNets in a row."""
    graph = loop_graph(batch=len(brightness), steps=6, seed=seed, rounds=0, **settings)
    graph["control"] = {"class_type": "BrightnessControl", "inputs": {}}
    for index, value in enumerate(brightness):
        color = int(255 * value) * 0x010101
        graph[f"hint{index}"] = {
            "class_type": "EmptyImage",
            "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": color},
        }
    hints = "hint0"
    for index in range(1, len(brightness)):
        graph[f"hints{index}"] = {
            "class_type": "ImageBatch",
            "inputs": {"image1": [hints, 0], "image2": [f"hint{index}", 0]},
        }
        hints = f"hints{index}"
    applied = ["positive", 0], ["negative", 0]
    for name in ("one", "two"):
        graph[name] = {
            "class_type": "ControlNetApplyAdvanced",
            "inputs": {
                "positive": applied[0],
                "negative": applied[1],
                "control_net": ["control", 0],
                "image": [hints, 0],
                "strength": 1.0,
                "start_percent": 0.0,
                "end_percent": 1.0,
            },
        }
        applied = [name, 0], [name, 1]
    graph["loop"]["inputs"] |= {"positive": applied[0], "negative": applied[1]}
    return graph


def test_later_rounds_of_a_picture_have_its_own_hint(server):
    both = hinted_graph([0.0, 1.0], 3, first_picture="plain")
    alone = hinted_graph([1.0], 4, first_picture="plain")
    drawn = pictures(server, both, "loop", 1)
    assert np.abs(drawn[1].astype(int) - pictures(server, alone, "loop", 1)[0]).max() <= 1
    # A round of the second picture only: the first is right as it is asked for.
    both["loop"]["inputs"] |= {"rounds": 2}
    alone["loop"]["inputs"] |= {"rounds": 2}
    again = pictures(server, both, "loop", 1), pictures(server, alone, "loop", 1)
    assert np.abs(again[0][1].astype(int) - again[1][0]).max() <= 1


def test_a_picture_taken_out_of_a_batch_starts_from_ksamplers_noise(server):
    graph = loop_graph(steps=6, seed=3, rounds=0, first_picture="plain")
    graph["three"] = {"class_type": "EmptyLatentImage", "inputs": {"width": 96, "height": 96, "batch_size": 3}}
    graph["third"] = {
        "class_type": "LatentFromBatch",
        "inputs": {"samples": ["three", 0], "batch_index": 2, "length": 1},
    }
    graph["loop"]["inputs"]["latent_image"] = ["third", 0]
    names = ("model", "positive", "negative", "latent_image", "seed", "steps", "cfg", "sampler_name", "scheduler")
    graph["drawn"] = {
        "class_type": "KSampler",
        "inputs": {**{name: graph["loop"]["inputs"][name] for name in names}, "denoise": 1.0},
    }
    graph["decoded"] = {"class_type": "VAEDecode", "inputs": {"samples": ["drawn", 0], "vae": ["world", 2]}}
    assert (pictures(server, graph, "loop", 1) == pictures(server, graph, "decoded")).all()
