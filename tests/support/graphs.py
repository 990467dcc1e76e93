"""Graphs of the demo world for the node tests, and ways to look at what they produce."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from xlard.loop.registry import DEFAULT_STRATEGIES
from xlard.worlds.shapes.architecture import LATENT_SIDE

SIDE = 8 * LATENT_SIDE
PROMPT = "two red circles and a blue square"


def demo_graph(batch: int = 1, steps: int = 4) -> dict:
    """The demo world drawing with KSampler: nodes world, positive, negative, empty, drawn, decoded."""
    return {
        "world": {"class_type": "XLARDDemo", "inputs": {}},
        "positive": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["world", 1], "text": PROMPT}},
        "negative": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["world", 1], "text": ""}},
        "empty": {"class_type": "EmptyLatentImage", "inputs": {"width": SIDE, "height": SIDE, "batch_size": batch}},
        "drawn": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["world", 0],
                "positive": ["positive", 0],
                "negative": ["negative", 0],
                "latent_image": ["empty", 0],
                "seed": 5,
                "steps": steps,
                "cfg": 4.0,
                "sampler_name": "euler",
                "scheduler": "simple",
                "denoise": 1.0,
            },
        },
        "decoded": {"class_type": "VAEDecode", "inputs": {"samples": ["drawn", 0], "vae": ["world", 2]}},
    }


def loop_graph(batch: int = 1, steps: int = 4, **settings) -> dict:
    """The demo world drawing with xLARD Self-Correct, as node loop."""
    graph = demo_graph(batch, steps)
    drawn = graph.pop("drawn")["inputs"]
    del graph["decoded"], drawn["denoise"]
    graph["loop"] = {
        "class_type": "XLARDSelfCorrect",
        "inputs": {
            **drawn,
            "vae": ["world", 2],
            "critic": ["world", 3],
            "prompt": PROMPT,
            "head": ["world", 4],
            "corrector": ["world", 5],
            "rounds": 1,
            "sigma": 0.0,
            "candidates": 2,
            "strength": 1.0,
            **settings,
        },
    }
    return graph


def only(name: str) -> dict[str, bool]:
    """Switches of xLARD Self-Correct that leave one strategy on."""
    return {strategy: strategy == name for strategy in DEFAULT_STRATEGIES}


def shown(graph: dict, **outputs: tuple[str, int]) -> dict:
    """Add a text preview of each output, under the keyword's name; returns the graph."""
    for name, (node, slot) in outputs.items():
        graph[name + "_shown"] = {"class_type": "PreviewAny", "inputs": {"source": [node, slot]}}
    return graph


def text(result, name: str) -> str:
    """What a text preview that ``shown`` added says."""
    return result.outputs[name + "_shown"]["text"][0]


def pictures(comfy, graph: dict, node: str, slot: int = 0) -> np.ndarray:
    """Run a graph and return an IMAGE output as (B, H, W, 3) bytes."""
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": [node, slot]}}
    return seen(comfy, comfy.run(graph), "picture")


def seen(comfy, result, preview: str) -> np.ndarray:
    """What a PreviewImage node of a run shows, as (B, H, W, 3) bytes."""
    assert result.status == "success", result.error
    return np.stack(
        [np.asarray(Image.open(io.BytesIO(comfy.view(file)))) for file in result.outputs[preview]["images"]]
    )


def pixels(comfy, graph: dict, node: str, slot: int = 0) -> np.ndarray:
    """The first picture of ``pictures``, (H, W, 3)."""
    return pictures(comfy, graph, node, slot)[0]


def error(comfy, graph: dict) -> str:
    """Run a graph that must fail and return the error's message."""
    result = comfy.run(graph)
    assert result.status == "error", f"{result.status}: nothing failed"
    return result.error["exception_message"]


def load_latent(comfy, graph: dict, name: str, samples: torch.Tensor) -> None:
    """Put samples into the server's input folder and a node that loads them, ``name``, into the graph."""
    save_file(
        {"latent_tensor": samples, "latent_format_version_0": torch.tensor([])}, comfy.base / "input" / f"{name}.latent"
    )
    graph[name] = {"class_type": "LoadLatent", "inputs": {"latent": f"{name}.latent"}}


BAD_LATENTS = [
    ("empty_side", torch.zeros(1, 4, 0, 16), "no empty side"),
    ("not_finite", torch.full((1, 4, 16, 16), torch.nan), "NaN or infinite"),
    ("video", torch.ones(1, 4, 3, 16, 16), "video of 3 latent frames"),
]
"""Name, samples and a part of the message, for every node that takes a LATENT."""
