"""A text encoder of ComfyUI's that reads prompts and judges pictures: Qwen3-VL with random weights, loaded by Load
CLIP.
"""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.support.graphs import shown, text
from tests.support.zoo.encoder import encoder_file
from xlard.comfy_server.server import ComfyServer
from xlard.quickstart.comfyui import find_comfyui

TYPES = {
    "stable_diffusion": "qwen3vl",
    "boogu": "boogu",
    "joyimage": "joyimage",
    "ideogram4": "ideogram4",
    "qwen_image": "qwen_image21",
}
"""What Load CLIP is told that an encoder of Qwen3-VL 8B is for, and ComfyUI's module that such a release has."""


def encoder_graph(kind: str) -> dict:
    """Qwen3-VL as critic. Skips where ComfyUI lacks it."""
    if not (find_comfyui() / "comfy" / "text_encoders" / f"{TYPES[kind]}.py").is_file():
        pytest.skip(f"This ComfyUI has no {TYPES[kind]}: 0.26 and newer have Qwen3-VL, 0.37 and newer Qwen-Image 2.1.")
    return {
        "clip": {"class_type": "CLIPLoader", "inputs": {"clip_name": encoder_file(), "type": kind}},
        "critic": {"class_type": "XLARDCriticFromCLIP", "inputs": {"clip": ["clip", 0], "max_tokens": 16}},
    }


def reports_of_pictures(zoo: ComfyServer, graph: dict, critic: str) -> list[str]:
    """What a critic of the graph says of noise and of black."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    for name, pixels in (("noise", noise), ("black", noise * 0)):
        Image.fromarray(pixels).save(zoo.base / "input" / f"{name}.png")
        graph[name] = {"class_type": "LoadImage", "inputs": {"image": f"{name}.png"}}
        graph[f"{name}_judged"] = {
            "class_type": "XLARDCritique",
            "inputs": {"images": [name, 0], "critic": [critic, 0], "prompt": "a red circle"},
        }
    result = zoo.run(shown(graph, noise=("noise_judged", 6), black=("black_judged", 6)))
    assert (result.status, result.node_errors) == ("success", {}), result.error
    return [text(result, name) for name in ("noise", "black")]


@pytest.mark.parametrize("kind", TYPES)
def test_one_load_clip_reads_the_prompt_and_judges_the_picture(zoo, kind):
    graph = {
        **encoder_graph(kind),
        "read": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["clip", 0], "text": "a red circle"}},
        "width": {"class_type": "ZooWidth", "inputs": {"conditioning": ["read", 0]}},
    }
    result = zoo.run(shown(graph, width=("width", 0)))
    # Ideogram's takes several layers of the encoder, which is 64 wide here.
    assert result.status == "success" and int(text(result, "width")) % 64 == 0, result.error
    # Random words are no answer.
    assert all("abstained" in report for report in reports_of_pictures(zoo, encoder_graph(kind), "critic"))


def test_the_encoders_probabilities_are_of_the_picture(zoo):
    settings = {"scoring": "prompt likelihood", "judgements": 1, "temperature": 0.7, "regions": False}
    graph = encoder_graph("stable_diffusion")
    graph["scoring"] = {"class_type": "XLARDScoring", "inputs": {"critic": ["critic", 0], **settings}}
    noise, black = reports_of_pictures(zoo, graph, "scoring")
    assert "nats per token" in noise and "nats per token" in black and noise != black
    graph["scoring"]["inputs"]["scoring"] = "P(yes)"
    # Of random words, yes and no are rarely likely enough to be compared.
    assert all("yes with" in report or "neither" in report for report in reports_of_pictures(zoo, graph, "scoring"))
