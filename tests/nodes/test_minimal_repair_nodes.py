"""Minimal repairs as nodes: collected with repair pairs, learnt, gone on with, and used by xLARD Correct Latent."""

from __future__ import annotations

from tests.support.collecting import collect_graph
from tests.support.graphs import demo_graph, shown, text
from tests.support.guide_graphs import latents
from xlard.models.corrector import LatentCorrector
from xlard.training.dataset import Dataset

PROMPTS = [
    "two red circles and a blue square",
    "three green triangles",
    "a red circle left of a blue square",
    "a yellow square and two green circles",
    "a blue circle above a red triangle",
]


def training_graph(steps: int) -> dict:
    """A dataset with repair pairs, and a corrector that learns them."""
    graph = collect_graph("repairs", prompts=PROMPTS, pictures_per_prompt=4, steps=8, views=4, levels="0.5", mend=True)
    graph["train"] = {
        "class_type": "XLARDTrainCorrector",
        "inputs": {
            "dataset": ["collect", 0],
            "way": "minimal_repair",
            "head": ["world", 4],
            "trust_region": 2.0,
            "sigma_start": 0.75,
            "sigma_end": 0.5,
            "learns_until": 0.5,
            "emphasis": 0.0,
            "steps": steps,
            "batch_size": 8,
            "learning_rate": 0.001,
            "width": 32,
            "layers": 1,
            "seed": 0,
            "name": "minimal",
        },
    }
    settings = {"corrector": ["train", 0], "file_name": "minimal", "overwrite": True}
    graph["save"] = {"class_type": "XLARDSaveCorrector", "inputs": settings}
    return shown(graph, trained=("train", 3), path=("save", 0))


def test_minimal_repairs_are_collected_learnt_and_used(comfy):
    result = comfy.run(training_graph(4))
    assert result.status == "success", (result.error, result.node_errors)
    records = Dataset.load(comfy.base / "output" / "xlard" / "datasets" / "repairs").records()
    assert records.repaired.any() and not records.passed[records.repaired].any()
    assert "acts once" in text(result, "trained") and "failed pictures to their repaired" in text(result, "trained")
    # Queued again with more steps it goes on from where it was.
    result = comfy.run(training_graph(6))
    corrector = LatentCorrector.load(text(result, "path"))
    assert corrector.figures["objective"] == "minimal_repair" and corrector.figures["steps"] == 6
    assert corrector.config.single_step_level == 0.5
    graph = demo_graph()
    graph["loaded"] = {"class_type": "XLARDLoadCorrector", "inputs": {"corrector_name": "minimal.safetensors"}}
    graph["corrected"] = {
        "class_type": "XLARDCorrectLatent",
        "inputs": {
            "latent": ["drawn", 0],
            "positive": ["positive", 0],
            "negative": ["negative", 0],
            "corrector": ["loaded", 0],
            "model": ["world", 0],
            "strength": 1.0,
            "sigma": 0.0,
            "steps": 4,
        },
    }
    drawn = latents(comfy, graph, "drawn", "corrected")
    assert drawn["corrected"].isfinite().all() and (drawn["corrected"] != drawn["drawn"]).any()
