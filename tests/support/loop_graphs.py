"""The loop as a graph for the node tests, and ways to look at its rounds."""

from __future__ import annotations

import io
import json
import re
from typing import NamedTuple

import numpy as np
from PIL import Image
from safetensors.torch import load
from torch import Tensor

from tests.support.graphs import demo_graph, pixels, shown, text

NEVER, ALWAYS = "nine purple triangles", "no purple triangles"
"""Claims that no picture of these tests fulfils, and that each does."""


def add_loop(graph: dict, prompt: str = NEVER, rounds: int = 2, seed: int = 5, mark: str = "", **start) -> dict:
    """Put the nodes drawn, decoded and critique between a start and an end; ``mark`` is appended to all their names."""
    drawn = graph["drawn" + mark]["inputs"]
    graph["start" + mark] = {
        "class_type": "XLARDLoopStart",
        "inputs": {
            "latent_image": drawn["latent_image"],
            "prompt": prompt,
            "seed": seed,
            "model": drawn["model"],
            **start,
        },
    }
    drawn.update(
        latent_image=["start" + mark, 1],
        denoise=["start" + mark, 2],
        seed=["start" + mark, 3],
        model=["start" + mark, 8],
    )
    graph["critique" + mark] = {
        "class_type": "XLARDCritique",
        "inputs": {
            "images": ["decoded" + mark, 0],
            "critic": ["world", 3],
            "prompt": "",
            "claims": ["start" + mark, 7],
        },
    }
    graph["end" + mark] = {
        "class_type": "XLARDLoopEnd",
        "inputs": {
            "flow": ["start" + mark, 0],
            "latent": ["drawn" + mark, 0],
            "image": ["decoded" + mark, 0],
            "critique": ["critique" + mark, 0],
            "rounds": rounds,
        },
    }
    return graph


def looped(batch: int = 1, steps: int = 4, **loop) -> dict:
    """The demo world drawing in a loop: start, drawn, decoded, critique, end, and passed_shown."""
    return shown(add_loop(demo_graph(batch, steps), **loop), passed=("end", 5))


def only(*names: str) -> dict[str, bool]:
    """Inputs of a start that leave these strategies on."""
    return {name: name in names for name in ("rearrange", "region", "correct", "resample")}


def ran(comfy, graph: dict):
    result = comfy.run(graph)
    assert result.status == "success", result.error
    return result


def drawn_from(comfy, prompt: str, seed: int, conditioning: dict | None = None) -> np.ndarray:
    """KSampler's picture of a text, with other nodes behind CLIP Text Encode if ``conditioning`` holds some."""
    graph = {**demo_graph(), **(conditioning or {})}
    graph["positive"]["inputs"]["text"] = prompt
    graph["drawn"]["inputs"].update(seed=seed, **({"positive": ["combined", 0]} if conditioning else {}))
    return pixels(comfy, graph, "decoded")


def saved_latents(comfy, graph: dict) -> Tensor:
    """Run a loop graph and return its latents as they were saved, bit for bit."""
    graph["saved"] = {"class_type": "SaveLatent", "inputs": {"samples": ["loop", 0], "filename_prefix": "exact"}}
    result = comfy.run(graph)
    assert result.status == "success", result.error
    (file,) = result.outputs["saved"]["latents"]
    return load(comfy.view(file))["latent_tensor"]


def history(comfy, graph: dict) -> list[dict]:
    """The rounds of the first picture, as xLARD Report saves them."""
    graph["files"] = {"class_type": "XLARDReport", "inputs": {"state": ["loop", 3], "filename_prefix": "rewrite/run"}}
    result = comfy.run(shown(graph, history=("files", 1), report=("loop", 6)))
    assert result.status == "success", result.error
    with open(text(result, "history"), encoding="utf-8") as file:
        return json.load(file)[0]["rounds"]


def by_round(result, node: str) -> list[dict]:
    """What an output node showed, round by round."""
    copies = [name for name, meta in result.history["meta"].items() if meta["display_node"] == node]
    # A copy's id holds the ids of what it is copied from, before dots.
    return [result.outputs[name] for name in sorted(copies, key=lambda name: name.count("."))]


def pictures_by_round(comfy, result, node: str, row: int = 0) -> list[np.ndarray]:
    """The picture that a preview showed in each round, (H, W, 3) as integers; ``row`` of the batch."""
    return [
        np.asarray(Image.open(io.BytesIO(comfy.view(shown_images["images"][row])))).astype(int)
        for shown_images in by_round(result, node)
    ]


class Recorded(NamedTuple):
    """What a state says of a round."""

    strategy: str
    noise_level: float
    seed: int
    nfe: int
    seconds: float
    critic_calls: int


def recorded(comfy, graph: dict, end: str = "end") -> list[list[Recorded]]:
    """Run a graph; the rounds of each picture in the state that a loop ended with."""
    return rounds_of(ran(comfy, shown(graph, state=(end, 3))))


def rounds_of(result) -> list[list[Recorded]]:
    """The rounds of each picture in the state that is shown as text."""
    pattern = re.compile(
        r"Round\(strategy='(\w+)', noise_level=([^,]+), seed=(\d+), nfe=(\d+), seconds=([^,]+), critic_calls=(\d+)"
    )
    _, *pictures = text(result, "state").split("LoopState(")
    return [
        [
            Recorded(name, float(noise_level), int(seed), int(nfe), float(seconds), int(calls))
            for name, noise_level, seed, nfe, seconds, calls in pattern.findall(picture)
        ]
        for picture in pictures
    ]
