"""What one family shows for all: ways of predicting, ControlNet, prompts in fp16, and which family a model or a module
is of.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from tests.support.graphs import error
from tests.support.paths import CHECKOUT
from tests.support.zoo.families import KLEIN, PUBLISHED, SMALL, Family
from tests.support.zoo.files import file_name, make, pinned_comfyui
from tests.support.zoo.graphs import (
    HEIGHT,
    MENDED,
    WIDTH,
    changed,
    check_levels,
    guided,
    latents,
    self_correct,
    vae_of,
    with_critic,
    with_modules,
    zoo_graph,
)
from tests.support.zoo.server import ZooServer, make_ready
from xlard.models.corrector import relative_norm


@pytest.fixture(scope="module")
def comfy(zoo) -> ZooServer:
    """The server with the zoo, SD 1.5 and SD 3.5 among it."""
    make_ready([SMALL["sd15"], SMALL["sd3"]])
    return zoo


VARIANTS = {
    "eps": ("ModelSamplingDiscrete", {"sampling": "eps", "zsnr": False}),
    "v": ("ModelSamplingDiscrete", {"sampling": "v_prediction", "zsnr": False}),
    "v zsnr": ("ModelSamplingDiscrete", {"sampling": "v_prediction", "zsnr": True}),
    "x0": ("ModelSamplingDiscrete", {"sampling": "x0", "zsnr": False}),
    "lcm": ("ModelSamplingDiscrete", {"sampling": "lcm", "zsnr": False}),
    "edm": ("ModelSamplingContinuousEDM", {"sampling": "edm", "sigma_max": 80.0, "sigma_min": 0.002}),
    "edm playground": (
        "ModelSamplingContinuousEDM",
        {"sampling": "edm_playground_v2.5", "sigma_max": 80.0, "sigma_min": 0.002},
    ),
    "v edm": ("ModelSamplingContinuousEDM", {"sampling": "v_prediction", "sigma_max": 500.0, "sigma_min": 0.03}),
    "continuous v": ("ModelSamplingContinuousV", {"sampling": "v_prediction", "sigma_max": 500.0, "sigma_min": 0.03}),
    "cosmos": ("ModelSamplingContinuousEDM", {"sampling": "cosmos_rflow", "sigma_max": 80.0, "sigma_min": 0.002}),
    "cascade": ("ModelSamplingStableCascade", {"shift": 2.0}),
    "flow": ("ModelSamplingSD3", {"shift": 3.0}),
    "aura": ("ModelSamplingAuraFlow", {"shift": 1.73}),
    "flux": ("ModelSamplingFlux", {"max_shift": 1.15, "base_shift": 0.5, "width": 1024, "height": 1024}),
}
"""Ways of predicting that a node can give a model."""


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_prediction_type_has_its_levels_and_is_guided(comfy, variant):
    family, (node, settings) = SMALL["sd15"], VARIANTS[variant]
    # Of no known family: one of the nodes gives the model other latents, which makes it another.
    graph = with_modules(comfy, zoo_graph(family), family, "", "any.safetensors")
    graph["other"] = {"class_type": node, "inputs": {"model": ["model", 0], **settings}}
    graph["levels"] = {"class_type": "ZooLevels", "inputs": {"model": ["other", 0], "scheduler": "simple"}}
    check_levels(json.loads(comfy.run(graph).outputs["levels"]["text"][0]))
    for name, strength in (("guided", 1.0), ("off", 0.0)):
        graph[name] = guided(graph, model=["other", 0], strength=strength)
        graph[f"with_{name}"] = changed(graph["drawn"], model=[name, 0])
    graph["plain"] = changed(graph["drawn"], model=["other", 0])
    samples = latents(comfy, graph, "plain", "with_guided", "with_off")
    assert (
        torch.equal(samples["plain"], samples["with_off"])
        and relative_norm(samples["with_guided"] - samples["plain"], samples["plain"]) > 0.01
    )


def test_a_model_s_family_is_its_own_whatever_was_drawn_before(comfy):
    family, (node, settings) = SMALL["sd15"], VARIANTS["edm playground"]
    graph = with_modules(comfy, zoo_graph(family), family)
    graph["other"] = {"class_type": node, "inputs": {"model": ["model", 0], **settings}}
    graph["with_other"] = changed(graph["drawn"], model=["other", 0])
    latents(comfy, graph, "with_other")
    graph["guided"] = guided(graph)
    graph["with_guide"] = changed(graph["drawn"], model=["guided", 0])
    latents(comfy, graph, "with_guide")
    graph["guided"]["inputs"]["model"] = ["other", 0]
    graph["kept"] = {"class_type": "SaveLatent", "inputs": {"samples": ["with_guide", 0], "filename_prefix": "zoo"}}
    assert "this one is SD15/SDXL_Playground_2_5" in error(comfy, graph)


def test_prompts_in_half_precision(comfy, server):
    family = SMALL["sd3"]
    graph = with_critic(with_modules(comfy, zoo_graph(family, MENDED), family), server.url)
    graph["half"] = {"class_type": "ZooHalfPrompt", "inputs": {"conditioning": ["positive", 0]}}
    for name, prompt in (("whole_loop", "positive"), ("half_loop", "half")):
        graph[name] = self_correct(
            graph,
            family,
            MENDED,
            positive=[prompt, 0],
            head=["head", 0],
            corrector=["corrector", 0],
            region=False,
            rearrange=False,
            resample=False,
        )
        graph[f"{name}_rounds"] = {"class_type": "ZooRounds", "inputs": {"state": [name, 3]}}
    samples = latents(comfy, graph, "whole_loop_rounds", "half_loop_rounds")
    whole, half = samples["whole_loop_rounds"], samples["half_loop_rounds"]
    assert len(half) == 2 and torch.allclose(whole, half, atol=0.05 * whole.abs().max().item())


def test_controlnet_is_kept_while_guiding_and_correcting(comfy, server):
    family = SMALL["sd15"]
    make([(family, "controlnet")])
    graph = with_critic(with_modules(comfy, zoo_graph(family, MENDED), family), server.url)
    graph["hint"] = {
        "class_type": "EmptyImage",
        "inputs": {"width": WIDTH, "height": HEIGHT, "batch_size": 1, "color": 0x30A0F0},
    }
    graph["control"] = {
        "class_type": "ControlNetLoader",
        "inputs": {"control_net_name": file_name(family, "controlnet")},
    }
    graph["held"] = {
        "class_type": "ControlNetApplyAdvanced",
        "inputs": {
            "positive": ["positive", 0],
            "negative": ["negative", 0],
            "control_net": ["control", 0],
            "image": ["hint", 0],
            "strength": 1.0,
            "start_percent": 0.0,
            "end_percent": 1.0,
            "vae": vae_of(family),
        },
    }
    conditioned = {"positive": ["held", 0], "negative": ["held", 1]}
    graph["guided"], graph["guided_held"] = guided(graph), guided(graph, positive=["held", 0])
    graph["controlled"] = changed(graph["drawn"], **conditioned)
    graph["both"] = changed(graph["controlled"], model=["guided_held", 0])
    graph["only_guided"] = changed(graph["drawn"], model=["guided", 0])
    graph["loop"] = self_correct({**graph, "drawn": graph["controlled"]}, family, MENDED, region=True, rearrange=False)
    graph["rounds"] = {"class_type": "ZooRounds", "inputs": {"state": ["loop", 3]}}
    samples = latents(comfy, graph, "drawn", "controlled", "both", "only_guided", "rounds")
    names = ("drawn", "controlled", "both", "only_guided")
    assert not any(
        torch.allclose(samples[one], samples[other], atol=1e-3) for one in names for other in names if one < other
    )
    assert torch.equal(samples["rounds"][0], samples["controlled"][0]) and not torch.equal(
        samples["rounds"][1], samples["rounds"][0]
    )


@pytest.mark.big
def test_self_correct_takes_an_empty_latent_of_another_ratio_as_ksampler_does(comfy, server):
    # Newer ComfyUI resizes an empty latent that was made for eight pixels to one.
    family = SMALL["flux2"]
    make_ready([family])
    graph = with_critic(zoo_graph(family), server.url)
    graph["empty"]["class_type"] = "EmptyLatentImage"
    graph["loop"] = self_correct(graph, family, rounds=0)
    samples = latents(comfy, graph, "drawn", "loop")
    assert torch.equal(samples["drawn"], samples["loop"])


FAMILIES = PUBLISHED | SMALL | KLEIN


@pytest.mark.model
def test_families_are_called_by_their_names(tmp_path):
    configs = tmp_path / "configs.json"
    configs.write_text(
        json.dumps({name: {"model": family.model, "narrow": family.narrow} for name, family in FAMILIES.items()})
    )
    script = CHECKOUT / "tests" / "support" / "comfy" / "family_names.py"
    ran = subprocess.run(
        [sys.executable, str(script), str(pinned_comfyui()), str(CHECKOUT), str(configs)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert json.loads(ran.stdout.splitlines()[-1]) == {name: family.family_name for name, family in FAMILIES.items()}
    assert len({family.family_name for family in FAMILIES.values()}) == len(SMALL | KLEIN) + 1, (
        "one for each family, and Z-Image's"
    )


SAME_LATENTS = [
    ("sd15", "sd2"),
    ("lumina2", "z_image_full"),
    pytest.param("sd2", "sd15", marks=pytest.mark.big),
    *(
        pytest.param(*pair, marks=pytest.mark.big)
        for pair in (("flux2", "flux2_klein_4b"), ("flux2_klein_4b", "flux2"))
    ),
]
"""Pairs of families that differ in their text encoder alone."""


@pytest.mark.parametrize("own, other", SAME_LATENTS)
def test_modules_for_the_same_latents_but_other_prompts_are_refused_with_both_names(comfy, own, other):
    family, other = FAMILIES[own], FAMILIES[other]
    make_ready([family])
    graph = with_modules(comfy, zoo_graph(family), other)
    graph["guided"] = guided(graph)
    graph["drawn"]["inputs"]["model"] = ["guided", 0]
    graph["kept"] = {"class_type": "SaveLatent", "inputs": {"samples": ["drawn", 0], "filename_prefix": "zoo"}}
    assert (
        f"trained for {other.family_name} models ({other.name} of a test); this one is {family.family_name}"
        in error(comfy, graph)
    )


def corrected_by_both(comfy, of_corrector: Family, of_head: Family) -> dict:
    """Correct Latent on an empty latent with the corrector of one family and the head of another."""
    graph = with_modules(comfy, {}, of_head)
    head = graph["head"]
    graph = with_modules(comfy, zoo_graph(of_corrector), of_corrector)
    return graph | {
        "head": head,
        "corrected": {
            "class_type": "XLARDCorrectLatent",
            "inputs": {
                "latent": ["empty", 0],
                "positive": ["positive", 0],
                "corrector": ["corrector", 0],
                "head": ["head", 0],
                "strength": 1.0,
                "sigma": 0.0,
            },
        },
        "kept": {"class_type": "SaveLatent", "inputs": {"samples": ["corrected", 0], "filename_prefix": "zoo"}},
    }


def test_a_head_and_a_corrector_of_two_text_encoders_are_refused_with_both_names(comfy):
    message = error(comfy, corrected_by_both(comfy, SMALL["sd15"], SMALL["sd2"]))
    assert "This head was trained for SD20/SD15 (sd2 of a test); here it is used with SD15/SD15" in message
