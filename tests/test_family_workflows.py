"""The workflows for published models: what they say of their files, and that they run with others in their place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import WORKFLOWS
from tests.graphs import SIDE
from tests.test_guide_nodes import save_lora
from xlard.demo.architecture import CORRECTOR, CRITIC, HEAD
from xlard.quickstart.workflow import widgets_of, workflow_to_api

FILES = {
    "CheckpointLoaderSimple": {"ckpt_name": "checkpoints"},
    "UNETLoader": {"unet_name": "diffusion_models"},
    "CLIPLoader": {"clip_name": "text_encoders"},
    "DualCLIPLoader": {"clip_name1": "text_encoders", "clip_name2": "text_encoders"},
    "VAELoader": {"vae_name": "vae"},
    "LoraLoader": {"lora_name": "loras"},
    "LoraLoaderModelOnly": {"lora_name": "loras"},
}
"""ComfyUI's loaders of model files: their inputs, and the folder that each lists."""

IN_DEMO_WORLD = {"CheckpointLoaderSimple": (0, 1, 2), "UNETLoader": (0,), "CLIPLoader": (1,), "DualCLIPLoader": (1,),
                 "VAELoader": (2,), "XLARDCriticFromCLIP": (3,)}
"""Which outputs of XLARDDemo stand for those of a node."""

PROMPT = "two red circles left of a blue square"
TRAINING_PROMPTS = ["a red circle", "a blue square", "a green triangle", "two red circles", "a red circle left of a blue square",
                    "three yellow squares", "a green circle above a red square", "two blue triangles"]


def loaders(workflow: dict) -> list[dict]:
    """The saved nodes that load model files, but for muted ones."""
    return [node for node in workflow["nodes"] if node["type"] in FILES and node["mode"] == 0]


def read(path: Path) -> dict:
    """A workflow as the front end saved it."""
    return json.loads(path.read_text(encoding="utf-8"))


WITH_FILES = [path for path in WORKFLOWS if loaders(read(path))]
FAMILIES = [path for path in WITH_FILES if path.stem not in ("load_your_own", "edit_self_correct")]
"""The others have tests of their own."""

each_workflow = pytest.mark.parametrize("path", FAMILIES, ids=[path.stem for path in FAMILIES])


def named_files(node: dict, info: dict) -> dict[str, str]:
    """The files that a saved loader names, and the folder of each."""
    values = dict(zip([widget.name for widget in widgets_of(info[node["type"]])], node["widgets_values"]))
    return {values[name]: folder for name, folder in FILES[node["type"]].items()}


def prompt_of(comfy, path: Path) -> dict:
    """A workflow as the server runs it, after every file that it names is there: empty, but for our own."""
    workflow, info = read(path), comfy.object_info()
    for node in loaders(workflow):
        for name, folder in named_files(node, info).items():
            (comfy.base / "models" / folder).mkdir(parents=True, exist_ok=True)
            (comfy.base / "models" / folder / name).touch()
    prompt, own = workflow_to_api(workflow, info), comfy.base / "models" / "xlard"
    for node in prompt.values():
        if node["class_type"] == "XLARDLoadCritic":
            shutil.copytree(CRITIC, own / "critics" / node["inputs"]["critic_name"], dirs_exist_ok=True)
        for kind, source in (("head", HEAD), ("corrector", CORRECTOR)):
            if name := node["inputs"].get(f"{kind}_name"):
                (own / f"{kind}s").mkdir(exist_ok=True)
                shutil.copy(source, own / f"{kind}s" / name)
    return prompt


def shortened(prompt: dict) -> dict:
    """The prompt at the demo world's size and words, with few steps, rounds and pictures."""
    few = {"steps": 4, "rounds": 1, "batch_size": 2, "how_many": 8}
    training = {"XLARDCollect": {"steps": 12, "pictures_per_prompt": 2, "views": 2}, "XLARDTrainHead": {"steps": 3},
                "XLARDTrainCorrector": {"steps": 3}, "XLARDPrompts": {"source": "text", "text": "\n".join(TRAINING_PROMPTS)}}
    for node in prompt.values():
        inputs = node["inputs"]
        if node["class_type"].startswith("Empty"):
            # FLUX.2 has a latent pixel for twice as many of the picture's.
            inputs["width"] = inputs["height"] = SIDE * (2 if "Flux2" in node["class_type"] else 1)
        if node["class_type"] == "PrimitiveStringMultiline":
            inputs["value"] = PROMPT
        inputs.update({name: min(value, inputs[name]) for name, value in few.items() if isinstance(inputs.get(name), int)})
        inputs.update(training.get(node["class_type"], {}))
    return prompt


def with_demo_world(prompt: dict, lora: str) -> dict:
    """The prompt with the demo world in the place of all model files, and a LoRA for it."""
    replaced = {name: IN_DEMO_WORLD[node["class_type"]] for name, node in prompt.items() if node["class_type"] in IN_DEMO_WORLD}
    graph = {name: node for name, node in prompt.items() if name not in replaced}
    for node in graph.values():
        for name, value in node["inputs"].items():
            if isinstance(value, list) and value[0] in replaced:
                node["inputs"][name] = ["world", replaced[value[0]][value[1]]]
        if "lora_name" in node["inputs"]:
            node["inputs"]["lora_name"] = lora
    return {**graph, "world": {"class_type": "XLARDDemo", "inputs": {}}}


@pytest.mark.parametrize("path", WITH_FILES, ids=[path.stem for path in WITH_FILES])
def test_a_loader_tells_where_its_files_can_be_had_and_where_they_go(comfy, path):
    info = comfy.object_info()
    for node in loaders(read(path)):
        models = node["properties"]["models"]
        assert {model["name"]: model["directory"] for model in models} == named_files(node, info)
        for model in models:
            assert model["url"].startswith("https://huggingface.co/") and model["url"].endswith("/" + model["name"])
            assert "/resolve/" in model["url"]


@each_workflow
def test_a_workflow_is_judged_by_the_prompt_that_is_drawn(path, comfy):
    prompt = workflow_to_api(read(path), comfy.object_info())
    drawn = {str(node["inputs"]["text"]) for node in prompt.values() if node["class_type"] == "CLIPTextEncode"}
    judged = [node["inputs"] for node in prompt.values() if isinstance(node["inputs"].get("prompt"), list)]
    assert {str(inputs["prompt"]) for inputs in judged} <= drawn
    assert judged or "train" in path.stem
    for inputs in judged:
        assert "clip" not in inputs or inputs["clip"] == encoder_of(prompt, inputs["positive"])


def encoder_of(prompt: dict, conditioning: list) -> list:
    """The CLIP that made a conditioning, seen through nodes that only change it."""
    node = prompt[conditioning[0]]["inputs"]
    return node["clip"] if "clip" in node else encoder_of(prompt, node["conditioning"])


@each_workflow
def test_a_distilled_model_is_drawn_without_a_negative_prompt(path, comfy):
    prompt = workflow_to_api(read(path), comfy.object_info())
    for node in prompt.values():
        if "cfg" in node["inputs"] and "negative" in node["inputs"]:
            kind = prompt[node["inputs"]["negative"][0]]["class_type"]
            assert kind == ("ConditioningZeroOut" if node["inputs"]["cfg"] == 1 else "CLIPTextEncode")


@each_workflow
def test_the_release_that_a_workflow_needs_stands_in_its_note(path):
    workflow = read(path)
    needed = workflow["extra"].get("xlard", {}).get("needs_comfyui")
    notes = [node for node in workflow["nodes"] if node["type"] == "MarkdownNote"]
    named = needed and ".".join(needed.split(".")[:2] if needed.endswith(".0") else needed.split("."))
    assert [f"**Needs ComfyUI {named} or newer" in note["widgets_values"][0] for note in notes].count(True) == bool(needed)


@each_workflow
def test_the_server_takes_a_workflow_as_it_is(comfy, path):
    result = comfy.run(prompt_of(comfy, path))
    assert result.node_errors == {}
    # The files are empty: only a loader can fail.
    assert (result.status, result.error["node_type"] in FILES) == ("error", True)


@each_workflow
def test_a_workflow_runs_with_the_demo_world_in_place_of_its_files(comfy, path):
    prompt = prompt_of(comfy, path)
    result = comfy.run(with_demo_world(shortened(prompt), save_lora(comfy)))
    assert (result.status, result.node_errors) == ("success", {}), result.error
    shows = {"SaveImage", "PreviewImage", "XLARDReport", "XLARDCritique", "LossGraphNode"}
    assert [name for name, node in prompt.items() if node["class_type"] in shows and not result.outputs[name]["images"]] == []
