"""Chains of two models with random weights: the first picture is what ComfyUI's own two samplers draw in a row."""

from __future__ import annotations

import pytest
import torch

from tests.support.zoo.families import REFINER, SMALL, Family
from tests.support.zoo.files import file_name
from tests.support.zoo.graphs import WRONG, changed, latents, self_correct, with_critic, zoo_graph
from tests.support.zoo.server import ZooServer, make_ready

STEPS, SWITCH = 3, 1


@pytest.fixture(scope="module")
def comfy(zoo) -> ZooServer:
    """The server with the zoo."""
    return zoo


def node(kind: str, **inputs: object) -> dict:
    return {"class_type": kind, "inputs": inputs}


def with_refiner(family: Family) -> tuple[dict, dict]:
    """SDXL, and its refiner with prompts of its own CLIP."""
    make_ready([family, REFINER])
    graph, other = zoo_graph(family, steps=STEPS), zoo_graph(REFINER)
    for name in ("model", "clip", "positive", "negative"):
        graph[f"low_{name}"] = other[name]
    for name in ("positive", "negative"):
        graph[f"low_{name}"] = changed(other[name], clip=["low_clip", 0])
    return graph, {name: [f"low_{name}", 0] for name in ("model", "positive", "negative", "clip")}


def with_low_noise(family: Family) -> tuple[dict, dict]:
    """Wan for high noise and another one, of the same prompts, for low: the same weights with a LoRA, both shifted."""
    make_ready([family])
    graph = zoo_graph(family, steps=STEPS)
    lora = {"lora_name": file_name(family, "lora"), "strength_model": 2.0}
    graph["low"] = node("LoraLoaderModelOnly", model=["model", 0], **lora)
    for name, shift in (("model", 8.0), ("low", 5.0)):
        graph[f"{name}_shifted"] = node("ModelSamplingSD3", model=[name, 0], shift=shift)
    graph["drawn"] = changed(graph["drawn"], model=["model_shifted", 0])
    return graph, {"model": ["low_shifted", 0]}


@pytest.mark.parametrize(
    "family, made",
    [
        pytest.param(SMALL["wan"], with_low_noise, id="wan"),
        pytest.param(SMALL["sdxl"], with_refiner, id="sdxl", marks=pytest.mark.big),
    ],
)
def test_the_first_picture_of_a_chain_is_that_of_comfyui_s_own(comfy, server, family, made):
    graph, second = made(family)
    with_critic(graph, server.url)
    sampling = {name: value for name, value in graph["drawn"]["inputs"].items() if name not in ("seed", "denoise")}
    graph["second"] = node("XLARDSecondModel", **second, from_step=SWITCH, cfg=2.0)
    graph["begun"] = node(
        "KSamplerAdvanced",
        **{**sampling, "noise_seed": 5, "add_noise": "enable", "start_at_step": 0, "end_at_step": SWITCH},
        return_with_leftover_noise="enable",
    )
    own = {name: value for name, value in second.items() if name != "clip"}
    graph["chained"] = node(
        "KSamplerAdvanced",
        **{**sampling, **own, "cfg": 2.0, "noise_seed": 0, "add_noise": "disable", "latent_image": ["begun", 0]},
        **{"start_at_step": SWITCH, "end_at_step": 10000, "return_with_leftover_noise": "disable"},
    )
    graph["loop"] = self_correct(graph, family, WRONG, rounds=0, second_model=["second", 0])
    samples = latents(comfy, graph, "loop", "chained", "drawn")
    assert torch.equal(samples["loop"], samples["chained"])
    assert not torch.allclose(samples["loop"], samples["drawn"], atol=1e-2)
