"""A model that is not there is announced when the job is queued, on a real server: before anything is sampled."""

from __future__ import annotations

import pytest

from tests.support.graphs import demo_graph
from xlard.comfy_server.errors import JobError

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


@pytest.mark.parametrize("loader", LOADERS)
def test_the_job_is_refused_with_what_is_missing_and_where_to_get_it(comfy, loader):
    graph, (settings, said) = demo_graph(1), LOADERS[loader]
    graph["judge"] = {"class_type": loader, "inputs": settings}
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["judge", 0], "prompt": "a circle"},
    }
    with pytest.raises(JobError) as refusal:
        comfy.run(graph)
    assert set(refusal.value.node_errors) == {"judge"}
    for part in said:
        assert part in str(refusal.value)
