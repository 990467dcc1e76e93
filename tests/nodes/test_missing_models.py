"""A model that is not there is announced when the job is queued, on a real server: before anything is sampled."""

from __future__ import annotations

import shutil

import pytest

from tests.support.graphs import demo_graph
from xlard.comfy_server.errors import JobError
from xlard.worlds.shapes.architecture import DETECTOR

LOADERS = {
    "XLARDLoadCritic": (
        {"critic_name": "not-there", "dtype": "auto", "attention": "sdpa"},
        ("no critic 'not-there'", "models/xlard/critics/Qwen3-VL-4B-Instruct (9 GB"),
    ),
    "XLARDDetectorCritic": (
        {"detector_name": "not-there", "threshold": 0.3, "most_overlap": 0.5},
        ("no detector 'not-there'", "grounding-dino-tiny (0.7 GB"),
    ),
    "XLARDCriticWithMasks": (
        {"critic": ["world", 3], "segmenter_name": "not-there"},
        ("no segmenter 'not-there'", "sam2.1-hiera-tiny (0.2 GB"),
    ),
}


def refused(comfy, loader: str, settings: dict) -> JobError:
    """How a graph with this loader's critic is refused."""
    graph = demo_graph(1)
    graph["judge"] = {"class_type": loader, "inputs": settings}
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["judge", 0], "prompt": "a circle"},
    }
    with pytest.raises(JobError) as refusal:
        comfy.run(graph)
    assert set(refusal.value.node_errors) == {"judge"}
    return refusal.value


def test_a_missing_clip_for_colours_is_announced_too(comfy):
    shutil.copytree(DETECTOR, comfy.base / "models" / "xlard" / "detectors" / "for_colours", dirs_exist_ok=True)
    settings = {"detector_name": "for_colours", "threshold": 0.3, "most_overlap": 0.5, "colors": "not-there"}
    said = str(refused(comfy, "XLARDDetectorCritic", settings))
    assert "no CLIP 'not-there'" in said and "models/xlard/clips" in said.replace("\\", "/")


@pytest.mark.parametrize("loader", LOADERS)
def test_the_job_is_refused_with_what_is_missing_and_where_to_get_it(comfy, loader):
    settings, said = LOADERS[loader]
    refusal = str(refused(comfy, loader, settings))
    for part in said:
        assert part in refusal
