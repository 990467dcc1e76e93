"""Training inside ComfyUI: curves, reports, files, cancelling, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.graphs import SIDE, demo_graph, error, pictures, text
from tests.support.made_up_dataset import PROMPTS, made_up
from tests.support.servers import ServerWithNodes
from tests.support.training_graphs import SMALL, corrector_graph, head_graph
from xlard.comfy_server.server import ComfyServer
from xlard.models.corrector import LatentCorrector
from xlard.models.head import RewardHead


@pytest.fixture(scope="module")
def comfy() -> Iterator[ComfyServer]:
    """A ComfyUI that can load a dataset from any folder."""
    with ServerWithNodes("dataset_loader.py") as server:
        yield server


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return made_up(tmp_path_factory.mktemp("data")).folder


def test_a_head_is_trained_plotted_saved_and_loaded_again(comfy, data):
    graph = head_graph(data)
    plot = pictures(comfy, graph, "train", 2)
    assert plot.shape == (1, 420, 720, 3) and plot.std() > 5
    result = comfy.run({**graph, "train": {**graph["train"], "inputs": {**graph["train"]["inputs"], "steps": 21}}})
    assert result.status == "success", result.error
    assert result.outputs["graph"]["images"]
    assert "rates the right one higher" in text(result, "report") and "were kept out" in text(result, "report")
    path = Path(text(result, "path"))
    assert path.parent == comfy.base / "models" / "xlard" / "heads" / "made_up" and path.name == "head_2.safetensors"
    head = RewardHead.load(path)
    assert head.config.base_model == "made up" and head.figures["steps"] == 21 and head.figures["seed"] == 0
    graph = {"load": {"class_type": "XLARDLoadHead", "inputs": {"head_name": "made_up/head.safetensors"}}}
    graph["again"] = {
        "class_type": "XLARDSaveHead",
        "inputs": {"head": ["load", 0], "file_name": "copy", "overwrite": True},
    }
    assert comfy.run(graph).status == "success" and (path.parents[1] / "copy.safetensors").is_file()


def test_a_corrector_is_distilled_and_one_climbs_the_head(comfy, data):
    result = comfy.run(corrector_graph(data, "distilled"))
    assert result.status == "success", result.error
    assert "pictures that passed" in text(result, "report")
    corrector = LatentCorrector.load(text(result, "path"))
    assert corrector.config.noise_level_range == (0.5, 0.9) and corrector.figures["objective"] == "distillation"
    graph = corrector_graph(data, "climbed", way="path-wise", head=["head", 0])
    graph["head"] = {
        "class_type": "XLARDTrainHead",
        "inputs": {"dataset": ["data", 0], **SMALL, "name": "for_climbing"},
    }
    result = comfy.run(graph)
    assert result.status == "success", result.error
    assert "head's opinion" in text(result, "report")
    assert "head_opinion_after" in LatentCorrector.load(text(result, "path")).figures


def test_a_corrector_learns_drafts_and_acts_once(comfy, data):
    graph = corrector_graph(
        data,
        "drafted",
        way="drafting",
        head=["head", 0],
        trust_region=2.0,
        sigma_start=0.7,
        reward_threshold=0.4,
        moves_noise=True,
    )
    graph["head"] = {
        "class_type": "XLARDTrainHead",
        "inputs": {"dataset": ["data", 0], **SMALL, "name": "for_drafting"},
    }
    result = comfy.run(graph)
    assert result.status == "success", result.error
    assert "to the drafts of their prompts" in text(result, "report") and "It acts once, at noise level 0.5" in text(
        result, "report"
    )
    corrector = LatentCorrector.load(text(result, "path"))
    assert (
        corrector.config.single_step_level,
        corrector.config.reward_threshold,
        corrector.config.noise_level_range,
    ) == (0.5, 0.4, (0.5, 0.7))
    assert corrector.config.moves_noise and "it also moves the noise" in text(result, "report")
    assert corrector.figures["held_out_error_after"] < corrector.figures["held_out_error_before"]


def test_mending_without_repair_pairs_is_refused(comfy, data):
    message = error(comfy, corrector_graph(data, "mended", way="mending"))
    assert "mending needs both" in message


def test_one_step_can_be_plotted_by_comfyui(comfy, data):
    result = comfy.run(head_graph(data, "one_step", steps=1))
    assert result.status == "success", result.error


def test_cancelling_keeps_the_state_and_the_next_run_goes_on(comfy, data):
    graph = head_graph(data, "cancelled", steps=3000)
    steps = []

    def cancel(node: str, value: int, maximum: int) -> None:
        if node == "train" and maximum > 1:
            steps.append(value)
            if value > 20:
                comfy.interrupt()

    assert comfy.run(graph, on_progress=cancel).status == "interrupted"
    assert (data / "runs" / "cancelled" / "state.safetensors").is_file()
    stopped = steps[-1]
    steps.clear()
    assert comfy.run(graph, on_progress=cancel).status == "interrupted"
    assert steps[0] > stopped


@pytest.mark.parametrize(
    "options, message",
    [
        ({"prompts": PROMPTS[:1], "pictures": 3}, "There are 3 pictures with a verdict"),
        ({"right": lambda picture: True}, "pictures passed: there is nothing to tell apart"),
        ({"judged": 0}, "no verdict on any"),
    ],
    ids=["three samples", "one class", "no verdicts"],
)
def test_what_cannot_be_trained_with_is_said(comfy, tmp_path, options, message):
    assert message in error(comfy, head_graph(made_up(tmp_path / "bad", **options).folder))


def test_wrong_settings_and_names_are_said_and_the_next_run_works(comfy, data):
    graph = head_graph(data, "named")
    assert comfy.run(graph).status == "success"
    graph["train"]["inputs"]["batch_size"] = 4
    assert "batch: 8 then, 4 now" in error(comfy, graph)
    assert "needs none" in error(comfy, corrector_graph(data, "no_head", way="path-wise"))
    for name, message in (
        ("../../out", "does not name anything"),
        ("", "does not name anything"),
        ("a:b", "cannot be stored"),
        ("/etc/passwd", "does not name anything"),
    ):
        saved = head_graph(data, "named")
        saved["save"]["inputs"]["file_name"] = name
        assert message in error(comfy, saved)
    assert comfy.run(head_graph(data, "named")).status == "success"


def test_a_file_is_replaced_only_if_that_is_wanted(comfy, data):
    graph = head_graph(data, "twice")
    graph["save"]["inputs"]["file_name"] = "twice.safetensors"
    folder = comfy.base / "models" / "xlard" / "heads"
    assert comfy.run(graph).status == "success" and (folder / "twice.safetensors").is_file()
    before = (folder / "twice.safetensors").stat().st_mtime_ns
    graph["save"]["inputs"]["overwrite"] = True
    assert comfy.run(graph).status == "success" and (folder / "twice.safetensors").stat().st_mtime_ns > before
    assert len(list(folder.glob("twice*"))) == 1


def test_from_prompts_to_a_model_that_is_guided(comfy):
    graph = demo_graph()
    asked = "\n".join(
        f"{what} {color} {noun}"
        for color in ("red", "green", "blue")
        for what, noun in (("a", "circle"), ("three", "squares"))
    )
    drawn = {name: value for name, value in graph["drawn"]["inputs"].items() if name not in ("positive", "denoise")}
    graph["prompts"] = {
        "class_type": "XLARDPrompts",
        "inputs": {"source": "text", "text": asked, "file": "", "how_many": 1, "seed": 0},
    }
    graph["data"] = {
        "class_type": "XLARDCollect",
        "inputs": {
            **drawn,
            "clip": ["world", 1],
            "vae": ["world", 2],
            "critic": ["world", 3],
            "prompts": ["prompts", 0],
            "name": "small",
            "pictures_per_prompt": 4,
            "levels": "0.9, 0.7",
            "views": 3,
            "steps": 8,
            "base_model": "the demo world",
        },
    }
    graph["train"] = head_graph(Path())["train"]
    graph["correct"] = corrector_graph(Path(), "corrector")["train"]
    graph["correct"]["inputs"] |= {"way": "path-wise", "head": ["train", 0], "sigma_end": 0.6, "sigma_start": 1.0}
    graph["guided"] = {
        "class_type": "XLARDGuideModel",
        "inputs": {
            "model": ["world", 0],
            "corrector": ["correct", 0],
            "positive": ["positive", 0],
            "strength": 1.0,
            "sigma_start": 0.0,
            "sigma_end": 0.0,
        },
    }
    graph["drawn"]["inputs"]["model"] = ["guided", 0]
    assert pictures(comfy, graph, "decoded").shape == (1, SIDE, SIDE, 3)
    assert (
        comfy.base / "output" / "xlard" / "datasets" / "small" / "runs" / "corrector" / "state.safetensors"
    ).is_file()
