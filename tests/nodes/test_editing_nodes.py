"""Editing by instruction through the nodes: on the source itself, with fresh draws, and as a graph."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load

from tests.support.graphs import SIDE, demo_graph, error, loop_graph, pictures, shown, text
from tests.support.paths import CHECKOUT
from xlard.comfy_server.workflow import workflow_to_api
from xlard.worlds.shapes.architecture import CRITIC

PICTURE_SEED = 2
"""With ten steps, two red circles and a blue square come out."""


def edit_graph(instruction: str, batch: int = 1, **settings) -> dict:
    """A picture of the demo world, edited by xLARD Self-Correct from its own latent: nodes drawn, decoded, edit,
    loop.
    """
    graph = demo_graph(steps=10)
    graph["drawn"]["inputs"]["seed"] = PICTURE_SEED
    graph["edit"] = {
        "class_type": "XLARDEditClaims",
        "inputs": {"instruction": instruction, "image": ["decoded", 0], "critic": ["world", 3]},
    }
    graph["afterwards"] = {"class_type": "CLIPTextEncode", "inputs": {"clip": ["world", 1], "text": ["edit", 1]}}
    loop = loop_graph(batch, steps=10, rounds=4)
    inputs = loop["loop"]["inputs"]
    inputs.update(
        positive=["afterwards", 0],
        prompt="",
        claims=["edit", 0],
        latent_image=["drawn", 0],
        source=["drawn", 0],
        **settings,
    )
    return {**graph, "loop": loop["loop"]}


def latents(comfy, graph: dict, **nodes: list) -> dict[str, torch.Tensor]:
    """Run a graph; the LATENT outputs as they are, bit for bit."""
    for name, link in nodes.items():
        graph[name] = {"class_type": "SaveLatent", "inputs": {"samples": link, "filename_prefix": name}}
    result = comfy.run(graph)
    assert result.status == "success", result.error
    return {name: load(comfy.view(result.outputs[name]["latents"][0]))["latent_tensor"] for name in nodes}


def test_an_instruction_becomes_claims_to_do_and_to_keep_and_a_prompt(comfy):
    graph = shown(edit_graph("make the blue square green"), lines=("edit", 3), prompt=("edit", 1))
    graph["area"] = {"class_type": "MaskToImage", "inputs": {"mask": ["edit", 2]}}
    area = pictures(comfy, graph, "area")[0]
    result = comfy.run(graph)
    assert text(result, "lines").splitlines() == [
        "no blue squares",
        "one green square",
        "keep: two red circles",
        "keep: all else is as it was",
    ]
    assert text(result, "prompt") == "two red circles and a green square"
    assert 0 < (area > 0).mean() < 0.5


def test_the_source_is_edited_and_stays_to_the_last_bit_outside_of_what_may_change(comfy):
    graph = shown(edit_graph("remove the blue square"), passed=("loop", 5), report=("loop", 6))
    before = pictures(comfy, graph, "decoded")
    assert (pictures(comfy, graph, "loop", 2) == before).all()
    result = comfy.run(graph)
    assert text(result, "passed") == "True" and "\u2713 keep: all else is as it was" in text(result, "report")
    samples = latents(comfy, graph, source=["drawn", 0], edited=["loop", 0])
    changed = (samples["source"] != samples["edited"]).any(dim=1)[0]
    assert changed.any() and not changed[:, :6].any()


def test_a_batch_tries_several_seeds_on_one_source(comfy):
    graph = edit_graph("make the blue square green", batch=2, rounds=1)
    graph["twice"] = {"class_type": "RepeatLatentBatch", "inputs": {"samples": ["drawn", 0], "amount": 2}}
    graph["loop"]["inputs"]["latent_image"] = ["twice", 0]
    edited = latents(comfy, graph, edited=["loop", 0])["edited"]
    source = latents(comfy, graph, source=["drawn", 0])["source"]
    assert edited.shape[0] == 2 and (edited[..., :6] == source[..., :6]).all()


def test_a_model_for_editing_draws_for_itself_and_is_judged_on_what_it_kept(comfy):
    graph = shown(edit_graph("make the blue square green", rounds=0), report=("loop", 6))
    del graph["loop"]["inputs"]["source"]
    graph["reference"] = {
        "class_type": "ReferenceLatent",
        "inputs": {"conditioning": ["afterwards", 0], "latent": ["drawn", 0]},
    }
    graph["loop"]["inputs"]["positive"] = ["reference", 0]
    result = comfy.run(graph)
    assert result.status == "success", result.error
    assert "\u2717 keep: all else is as it was" in text(result, "report") and "of its pixels stayed" in text(
        result, "report"
    )


def graph_form(instruction: str) -> dict:
    """The same edit as a loop of nodes: start, round, seen, judged, end."""
    graph = edit_graph(instruction)
    settings = graph.pop("loop")["inputs"]
    graph["start"] = {
        "class_type": "XLARDLoopStart",
        "inputs": {
            "latent_image": ["drawn", 0],
            "source": ["drawn", 0],
            "prompt": "",
            "claims": ["edit", 0],
            "seed": 3,
            "model": ["world", 0],
        },
    }
    graph["round"] = {
        "class_type": "KSampler",
        "inputs": {
            **{name: settings[name] for name in ("positive", "negative", "steps", "cfg", "sampler_name", "scheduler")},
            "model": ["start", 8],
            "latent_image": ["start", 1],
            "denoise": ["start", 2],
            "seed": ["start", 3],
        },
    }
    graph["seen"] = {"class_type": "VAEDecode", "inputs": {"samples": ["round", 0], "vae": ["world", 2]}}
    graph["judged"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["seen", 0], "critic": ["world", 3], "prompt": "", "claims": ["start", 7]},
    }
    graph["end"] = {
        "class_type": "XLARDLoopEnd",
        "inputs": {
            "flow": ["start", 0],
            "latent": ["round", 0],
            "image": ["seen", 0],
            "critique": ["judged", 0],
            "rounds": 4,
        },
    }
    return shown(graph, passed=("end", 5), state=("end", 3))


def test_as_a_graph_the_first_round_is_the_source_and_costs_nothing(comfy):
    graph = graph_form("remove the blue square")
    before = pictures(comfy, graph, "decoded")
    assert (pictures(comfy, graph, "end", 2) == before).all()
    result = comfy.run(graph)
    assert text(result, "passed") == "True"
    assert "Round(strategy='source', noise_level=0.0, seed=3, nfe=0" in text(result, "state") and "'rearrange'" in text(
        result, "state"
    )
    samples = latents(comfy, graph, source=["drawn", 0], edited=["end", 0])
    # KSampler scales what a noise mask keeps there and back.
    difference = (samples["source"] - samples["edited"]).abs()
    assert difference[..., :6].max() < 1e-5 and difference.max() > 0.1


def claims_only(instruction: str) -> dict:
    """A graph that ends at the claims."""
    graph = edit_graph(instruction)
    del graph["loop"], graph["afterwards"]
    return shown(graph, lines=("edit", 3))


@pytest.mark.parametrize(
    ("instruction", "cause"),
    [
        ("", "The instruction is empty"),
        (
            "remove the yellow triangle",
            "speaks of one yellow triangle; the critic sees two red circles, one blue square in the source",
        ),
        ("make it winter", "cannot be read: 'make it winter'"),
        ("make it winter", "does not know most of the words"),
    ],
)
def test_what_cannot_be_done_with_the_source_is_an_error(comfy, instruction, cause):
    assert cause in error(comfy, claims_only(instruction))


def test_a_batch_has_no_one_source(comfy):
    graph = claims_only("remove the blue square")
    graph["empty"]["inputs"]["batch_size"] = 2
    assert "this image is a batch of 2" in error(comfy, graph)


def test_a_source_without_an_instruction_of_several_pictures_or_of_another_size_is_an_error(comfy):
    graph = shown(edit_graph("remove the blue square"), passed=("loop", 5))
    del graph["loop"]["inputs"]["claims"]
    graph["loop"]["inputs"]["prompt"] = "a red circle"
    assert "Connect those of xLARD Edit Claims" in error(comfy, graph)
    graph = shown(edit_graph("remove the blue square"), passed=("loop", 5))
    graph["larger"] = {"class_type": "EmptyLatentImage", "inputs": {"width": 2 * SIDE, "height": SIDE, "batch_size": 1}}
    graph["loop"]["inputs"]["latent_image"] = ["larger", 0]
    assert "they must have the same shape" in error(comfy, graph)
    graph["other"] = {
        "class_type": "LatentFlip",
        "inputs": {"samples": ["drawn", 0], "flip_method": "x-axis: vertically"},
    }
    graph["both"] = {"class_type": "LatentBatch", "inputs": {"samples1": ["drawn", 0], "samples2": ["other", 0]}}
    graph["loop"]["inputs"].update(latent_image=["both", 0], source=["both", 0])
    assert "The source holds 2 pictures that differ" in error(comfy, graph)
    graph["loop"]["inputs"].update(latent_image=["drawn", 0], source=["drawn", 0])
    graph["scaled"] = {
        "class_type": "ImageScale",
        "inputs": {
            "image": ["decoded", 0],
            "upscale_method": "bilinear",
            "width": 2 * SIDE,
            "height": 2 * SIDE,
            "crop": "disabled",
        },
    }
    graph["edit"]["inputs"]["image"] = ["scaled", 0]
    assert f"The picture is {SIDE} x {SIDE} pixels, its source {2 * SIDE} x {2 * SIDE}" in error(comfy, graph)


def test_the_workflow_for_a_model_for_editing_runs_with_the_demo_world_in_its_place(comfy):
    workflow = json.loads((CHECKOUT / "workflows" / "edit_self_correct.json").read_text(encoding="utf-8"))
    shutil.copytree(CRITIC, comfy.base / "models" / "xlard" / "critics" / "Qwen3-VL-4B-Instruct", dirs_exist_ok=True)
    loaders = {"UNETLoader": 0, "DualCLIPLoader": 1, "VAELoader": 2}
    picture = edit_graph("")
    del picture["edit"], picture["loop"], picture["afterwards"]
    kinds = {str(node["id"]): node["type"] for node in workflow["nodes"]}
    for node in workflow["nodes"]:
        if node["type"] in loaders:
            # No weights are at hand; the demo world takes the place of each.
            node["widgets_values"], node["type"] = ["shapes"], "XLARDDemo"
        elif node["type"] == "PrimitiveStringMultiline":
            node["widgets_values"] = ["make the blue square green"]
    graph = {**workflow_to_api(workflow, comfy.object_info()), **picture}
    for node in graph.values():
        for name, value in node["inputs"].items():
            kind = kinds.get(value[0]) if isinstance(value, list) else None
            if kind in loaders:
                node["inputs"][name] = [value[0], loaders[kind]]
            elif kind in ("LoadImage", "FluxKontextImageScale"):
                node["inputs"][name] = ["decoded", 0]
        if node["class_type"] == "XLARDSelfCorrect":
            node["inputs"].update(steps=4, rounds=1)
    graph = {key: node for key, node in graph.items() if kinds.get(key) not in ("LoadImage", "FluxKontextImageScale")}
    result = comfy.run(graph)
    assert (result.status, result.node_errors) == ("success", {}), result.error
    claims = next(result.outputs[key]["text"][0] for key, kind in kinds.items() if kind == "PreviewAny")
    assert claims.splitlines()[:3] == ["no blue squares", "one green square", "keep: two red circles"]
