"""A text encoder of ComfyUI's that reads prompts and judges pictures: Qwen3-VL with random weights, loaded by Load
CLIP.
"""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.support.graphs import shown, text
from tests.support.zoo.encoder import encoder_file
from xlard.quickstart.comfyui import find_comfyui

TYPES = {
    "stable_diffusion": "qwen3vl",
    "boogu": "boogu",
    "joyimage": "joyimage",
    "ideogram4": "ideogram4",
    "qwen_image": "qwen_image21",
}
"""What Load CLIP is told that an encoder of Qwen3-VL 8B is for, and ComfyUI's module that such a release has."""


@pytest.mark.parametrize("kind", TYPES)
def test_one_load_clip_reads_the_prompt_and_judges_the_picture(zoo, kind):
    if not (find_comfyui() / "comfy" / "text_encoders" / f"{TYPES[kind]}.py").is_file():
        pytest.skip(f"This ComfyUI has no {TYPES[kind]}: 0.26 and newer have Qwen3-VL, 0.37 and newer Qwen-Image 2.1.")
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    for name, pixels in (("noise", noise), ("black", noise * 0)):
        Image.fromarray(pixels).save(zoo.base / "input" / f"{name}.png")
    graph = {
        "clip": {"class_type": "CLIPLoader", "inputs": {"clip_name": encoder_file(), "type": kind}},
        "critic": {"class_type": "XLARDCriticFromCLIP", "inputs": {"clip": ["clip", 0], "max_tokens": 16}},
        "read": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["clip", 0], "text": "a red circle"}},
        "width": {"class_type": "ZooWidth", "inputs": {"conditioning": ["read", 0]}},
    }
    for name in ("noise", "black"):
        graph[name] = {"class_type": "LoadImage", "inputs": {"image": f"{name}.png"}}
        graph[f"{name}_judged"] = {
            "class_type": "XLARDCritique",
            "inputs": {"images": [name, 0], "critic": ["critic", 0], "prompt": "a red circle"},
        }
    result = zoo.run(shown(graph, width=("width", 0), noise=("noise_judged", 6), black=("black_judged", 6)))
    assert (result.status, result.node_errors) == ("success", {}), result.error
    reports = [text(result, name) for name in ("noise", "black")]
    # It writes something that is no answer, and another thing of another picture.
    assert all("abstained" in report for report in reports) and reports[0] != reports[1]
    # Ideogram's takes several layers of the encoder, which is 64 wide here.
    assert int(text(result, "width")) % 64 == 0
