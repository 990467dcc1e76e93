"""The workflows for published models: what they say of their files, and that they run with others in their place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import WORKFLOWS
from tests.support.graphs import SIDE
from tests.support.guide_graphs import save_lora
from tests.support.paths import CHECKOUT
from tests.support.workflows import LOADERS
from tests.support.zoo.families import SMALL, Family
from tests.support.zoo.files import file_name
from tests.support.zoo.graphs import vae_of, with_modules, zoo_graph
from tests.support.zoo.server import make_ready
from xlard.comfy_server.workflow import widgets_of, workflow_to_api
from xlard.worlds.shapes.architecture import CORRECTOR, CRITIC, HEAD

IN_ZOO = {
    "sd15_lora_self_correct": "sd15",
    "guide_model_with_lora": "sd15",
    "sd35_self_correct": "sd3",
    "flux_self_correct": "flux",
    "flux2_klein_self_correct": "flux2",
    "z_image_self_correct": "lumina2",
    "sdxl_self_correct": "sdxl",
    "compare_with_best_of_n": "sdxl",
}
"""The family of random weights that a workflow is for. Training cannot begin with them: nothing that they draw
passes.
"""

QUICK = ("sd3", "flux")
"""The others are too slow for each change: ``python -m pytest -m big tests/`` runs them."""

PROMPT = "two red circles left of a blue square"
TRAINING_PROMPTS = [
    "a red circle",
    "a blue square",
    "a green triangle",
    "two red circles",
    "a red circle left of a blue square",
    "three yellow squares",
    "a green circle above a red square",
    "two blue triangles",
]


def loaders(workflow: dict) -> list[dict]:
    """The saved nodes that load model files, but for muted ones."""
    return [node for node in workflow["nodes"] if node["type"] in LOADERS and node["mode"] == 0]


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
    return {values[name]: folder for name, folder in LOADERS[node["type"]].items()}


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
                (own / f"{kind}s").mkdir(parents=True, exist_ok=True)
                shutil.copy(source, own / f"{kind}s" / name)
    return prompt


def shortened(prompt: dict) -> dict:
    """The prompt at the demo world's size and words, with few steps, rounds and pictures."""
    few = {"steps": 4, "rounds": 1, "batch_size": 2, "how_many": 8}
    network = {"steps": 3, "width": 32, "layers": 1}
    # Drafts take more pictures than a test can draw.
    distilled = {**network, "way": "distillation", "trust_region": 0.7, "sigma_start": 1.0, "sigma_end": 0.9}
    training = {
        "XLARDCollect": {"steps": 12, "pictures_per_prompt": 2, "views": 2},
        "XLARDTrainHead": network,
        "XLARDTrainCorrector": distilled,
        "XLARDPrompts": {"source": "text", "text": "\n".join(TRAINING_PROMPTS)},
    }
    for node in prompt.values():
        inputs = node["inputs"]
        if node["class_type"].startswith("Empty"):
            # FLUX.2 has a latent pixel for twice as many of the picture's.
            inputs["width"] = inputs["height"] = SIDE * (2 if "Flux2" in node["class_type"] else 1)
        if node["class_type"] == "PrimitiveStringMultiline":
            inputs["value"] = PROMPT
        inputs.update(
            {name: min(value, inputs[name]) for name, value in few.items() if isinstance(inputs.get(name), int)}
        )
        inputs.update(training.get(node["class_type"], {}))
    return prompt


def with_others(prompt: dict, others: dict[str, list[list]], lora: str) -> dict:
    """The prompt with ``others``, by class what stands for each output of a node, in the place of nodes, and another
    LoRA.
    """
    replaced = {name: others[node["class_type"]] for name, node in prompt.items() if node["class_type"] in others}
    graph = {name: node for name, node in prompt.items() if name not in replaced}
    for node in graph.values():
        for name, value in node["inputs"].items():
            if isinstance(value, list) and value[0] in replaced:
                node["inputs"][name] = replaced[value[0]][value[1]]
        if "lora_name" in node["inputs"]:
            node["inputs"]["lora_name"] = lora
    return graph


def with_demo_world(prompt: dict, lora: str) -> dict:
    """The prompt with the demo world in the place of all model files, and a LoRA for it."""
    model, clip, vae, critic = (["world", slot] for slot in range(4))
    others = {
        "CheckpointLoaderSimple": [model, clip, vae],
        "UNETLoader": [model],
        "CLIPLoader": [clip],
        "VAELoader": [vae],
        "XLARDCriticFromCLIP": [critic],
    }
    return {**with_others(prompt, others, lora), "world": {"class_type": "XLARDDemo", "inputs": {}}}


def with_zoo(prompt: dict, family: Family) -> dict:
    """The prompt with random weights of a family in the place of all model files."""
    zoo = {name: node for name, node in zoo_graph(family).items() if name in ("model", "clip", "vae")}
    for node in prompt.values():
        if node["class_type"] == "XLARDLoadCritic":
            # It would go on for long about what random weights draw.
            node["inputs"]["max_tokens"] = 128
    model, clip, vae = ["model", 0], ["clip", 0], vae_of(family)
    others = {
        "CheckpointLoaderSimple": [model, clip, vae],
        "UNETLoader": [model],
        "CLIPLoader": [clip],
        "VAELoader": [vae],
    }
    return {**with_others(prompt, others, file_name(family, "lora")), **zoo}


def finished(comfy, graph: dict, path: Path) -> None:
    """Run a workflow's graph, and see that it shows all that it is to show."""
    result = comfy.run(graph)
    assert (result.status, result.node_errors) == ("success", {}), (result.error or {}).get("exception_message")
    shows = {"SaveImage", "PreviewImage", "XLARDReport", "XLARDCritique", "LossGraphNode"}
    showing = [str(node["id"]) for node in read(path)["nodes"] if node["type"] in shows]
    assert showing and [name for name in showing if not result.outputs[name]["images"]] == []


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


def test_the_release_that_a_workflow_needs_stands_in_its_note(workflow):
    saved = read(workflow)
    needed = saved["extra"].get("xlard", {}).get("needs_comfyui")
    notes = [node for node in saved["nodes"] if node["type"] == "MarkdownNote"]
    named = needed and ".".join(needed.split(".")[:2] if needed.endswith(".0") else needed.split("."))
    assert [f"**Needs ComfyUI {named} or newer" in note["widgets_values"][0] for note in notes].count(True) == bool(
        needed
    )


@each_workflow
def test_the_server_takes_a_workflow_as_it_is(comfy, path):
    result = comfy.run(prompt_of(comfy, path))
    assert result.node_errors == {}
    # The files are empty: only a loader can fail.
    assert (result.status, result.error["node_type"] in LOADERS) == ("error", True)


@each_workflow
def test_a_workflow_runs_with_the_demo_world_in_place_of_its_files(comfy, path):
    finished(comfy, with_demo_world(shortened(prompt_of(comfy, path)), save_lora(comfy)), path)


@pytest.mark.parametrize(
    "name, family",
    [
        pytest.param(name, SMALL[family], id=name, marks=[] if family in QUICK else [pytest.mark.big])
        for name, family in IN_ZOO.items()
    ],
)
def test_a_workflow_runs_with_random_weights_of_its_family(zoo, name, family):
    path = CHECKOUT / "workflows" / f"{name}.json"
    make_ready([family])
    prompt = prompt_of(zoo, path)
    with_modules(zoo, {}, family, name="my_checkpoint.safetensors")
    finished(zoo, with_zoo(shortened(prompt), family), path)
