"""The demo world's models in ComfyUI's own nodes."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from tests.support.graphs import PROMPT, SIDE, demo_graph, error, pixels, shown, text
from xlard.comfy_server.errors import JobError
from xlard.worlds.shapes.architecture import build_unet


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "ddim"])
def test_ksampler_draws_with_the_demo_model(comfy, sampler):
    graph = demo_graph()
    graph["drawn"]["inputs"]["sampler_name"] = sampler
    picture = pixels(comfy, graph, "decoded")
    assert picture.shape == (SIDE, SIDE, 3) and picture.std() > 0


def test_a_lora_changes_the_picture_and_at_strength_zero_does_not(comfy):
    torch.manual_seed(0)
    # kohya's names, which every trainer can write.
    module = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1"
    width = build_unet().config.block_out_channels[-1]
    tensors = {}
    for name in (f"{module}_to_v", f"{module}_to_out_0"):
        tensors[f"{name}.lora_down.weight"] = torch.randn(4, width)
        tensors[f"{name}.lora_up.weight"] = torch.randn(width, 4)
    folder = comfy.base / "models" / "loras"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "shapes.safetensors")

    def drawn(strength: float):
        graph = demo_graph()
        graph["lora"] = {
            "class_type": "LoraLoader",
            "inputs": {
                "model": ["world", 0],
                "clip": ["world", 1],
                "lora_name": "shapes.safetensors",
                "strength_model": strength,
                "strength_clip": 0.0,
            },
        }
        graph["drawn"]["inputs"]["model"] = ["lora", 0]
        return pixels(comfy, graph, "decoded")

    plain = pixels(comfy, demo_graph(), "decoded")
    assert (drawn(0.0) == plain).all()
    assert (drawn(1.0) != plain).any()


def things_graph(prompt: str = "a red apple in snow", batch: int = 1) -> dict:
    """Pictures of the world of things, and what its critic says of them."""
    graph = demo_graph(batch, steps=8)
    graph["world"]["inputs"]["world"] = "things"
    graph["positive"]["inputs"]["text"] = prompt
    graph["empty"]["inputs"].update(width=128, height=128)
    graph["drawn"]["inputs"]["cfg"] = 2.0
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": prompt},
    }
    return shown(graph, report=("critique", 6))


def rewards_node() -> dict:
    """What the world's head says of what was drawn."""
    inputs = {"latent": ["drawn", 0], "positive": ["positive", 0], "head": ["world", 4], "sigma": 0.0}
    return {"class_type": "XLARDPredictReward", "inputs": inputs}


def correct_node(sigma: float) -> dict:
    """What the world's corrector makes of it."""
    inputs = {"latent": ["drawn", 0], "positive": ["positive", 0], "corrector": ["world", 5]}
    return {"class_type": "XLARDCorrectLatent", "inputs": {**inputs, "strength": 1.0, "sigma": sigma}}


def test_the_world_of_things_draws_and_judges(comfy):
    graph = things_graph()
    picture = pixels(comfy, graph, "decoded")
    assert picture.shape == (128, 128, 3) and picture.std() > 10
    assert "apple" in text(comfy.run(graph), "report")


def test_the_critic_of_things_looks_again_at_what_passes(comfy):
    graph = things_graph("a chair and a suitcase", batch=16)
    several = text(comfy.run(graph), "report").split("Picture ")[1:]
    scoring = {"scoring": "grounded", "judgements": 1, "temperature": 0.7, "regions": False}
    graph["once"] = {"class_type": "XLARDScoring", "inputs": {"critic": ["world", 3], **scoring}}
    graph["critique"]["inputs"]["critic"] = ["once", 0]
    once = text(comfy.run(graph), "report").split("Picture ")[1:]
    assert len(once) == len(several) == 16
    turned_down = [(before, after) for before, after in zip(once, several) if before != after]
    assert turned_down and all("\u2717" not in before and " look)" in after for before, after in turned_down)


def test_the_head_of_things_reads_rewards(comfy):
    graph = things_graph("a cat left of a dog")
    graph["rewards"] = rewards_node()
    rewards = text(comfy.run(shown(graph, rewards=("rewards", 0))), "rewards")
    assert "count" in rewards and "position" in rewards


def test_what_a_world_lacks_is_said_where_it_is_used_and_nowhere_else(comfy):
    graph = things_graph()
    graph["corrected"] = correct_node(0.0)
    graph["decoded_again"] = {"class_type": "VAEDecode", "inputs": {"samples": ["corrected", 0], "vae": ["world", 2]}}
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded_again", 0]}}
    assert "The world things has no corrector yet. Leave that output free" in error(comfy, graph)
    assert comfy.run(things_graph()).status == "success"


def test_a_world_that_is_not_there_is_refused(comfy):
    graph = demo_graph()
    graph["world"]["inputs"]["world"] = "clouds"
    graph["seen"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    try:
        said = error(comfy, graph)
    except JobError as refusal:  # Newer releases of ComfyUI look at optional lists, too.
        said = str(refusal)
    assert "clouds" in said


def test_the_demo_critic_head_and_corrector_are_read(comfy):
    graph = demo_graph()
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": PROMPT},
    }
    graph["rewards"] = rewards_node()
    graph["corrected"] = correct_node(0.5)
    shown(graph, rewards=("rewards", 0), change=("corrected", 2))
    assert comfy.run(graph).status == "success"
