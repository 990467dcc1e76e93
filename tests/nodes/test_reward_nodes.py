"""Loading a reward head and reading rewards."""

from __future__ import annotations

import pytest
import torch

from tests.support.graphs import BAD_LATENTS, PROMPT, SIDE, demo_graph, error, load_latent, pictures, shown, text
from xlard.models.head import HeadConfig, RewardHead
from xlard.worlds.shapes.architecture import CONTEXT_WIDTH


def head_graph(comfy, name: str = "right", channels: int = 4, batch: int = 1, prompt: str = "") -> dict:
    torch.manual_seed(0)
    head = RewardHead(HeadConfig(channels, CONTEXT_WIDTH, "a test", width=32, layers=1))
    head.save(comfy.base / "models" / "xlard" / "heads" / f"{name}.safetensors")
    graph = demo_graph(batch)
    graph["head"] = {"class_type": "XLARDLoadHead", "inputs": {"head_name": f"{name}.safetensors"}}
    graph["rewards"] = {
        "class_type": "XLARDPredictReward",
        "inputs": {
            "latent": ["drawn", 0],
            "positive": ["positive", 0],
            "head": ["head", 0],
            "sigma": 0.0,
            "prompt": prompt,
        },
    }
    return shown(graph, rewards=("rewards", 0), overall=("rewards", 1), uncertainty=("rewards", 2))


def test_a_head_from_a_file_rates_each_picture(comfy):
    graph = head_graph(comfy, batch=4)
    result = comfy.run(graph)
    assert text(result, "rewards").count("Picture") == 4
    assert 0 < float(text(result, "overall")) < 1 and float(text(result, "uncertainty")) > 0
    assert pictures(comfy, graph, "rewards", 3).shape == (4, SIDE, SIDE, 3)


def test_only_the_aspects_that_the_prompt_asks_for_count(comfy):
    rewards = text(comfy.run(head_graph(comfy, prompt=PROMPT)), "rewards")
    assert "count" in rewards and "color" in rewards and "position" not in rewards
    assert "position" in text(comfy.run(head_graph(comfy)), "rewards")


def test_a_head_for_other_latents_is_refused_with_the_fix(comfy):
    message = error(comfy, head_graph(comfy, "wrong", channels=16))
    assert "trained for 16-channel latents" in message and "Load or train" in message


@pytest.mark.parametrize("name, samples, message", BAD_LATENTS)
def test_bad_latents_name_the_cause(comfy, name, samples, message):
    graph = head_graph(comfy)
    load_latent(comfy, graph, name, samples)
    graph["rewards"]["inputs"]["latent"] = [name, 0]
    assert message in error(comfy, graph)


def test_a_truncated_file_is_named_and_replacing_it_helps(comfy):
    graph = head_graph(comfy, "mended")
    path = comfy.base / "models" / "xlard" / "heads" / "mended.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:2000])
    assert "mended.safetensors is damaged or cut short" in error(comfy, graph)
    path.write_bytes(whole)
    assert comfy.run(graph).status == "success"
