"""The pack inside a real ComfyUI server, over HTTP and its websocket."""

from __future__ import annotations

import pytest
from PIL import Image

from xlard.comfy_server.errors import JobError, StartError
from xlard.comfy_server.server import ComfyServer


def picture_job(width: int = 64) -> dict:
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": width, "height": 32, "batch_size": 1, "color": 255}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }


def test_a_native_graph_runs_and_its_picture_can_be_fetched(comfy, tmp_path):
    result = comfy.run(picture_job())
    assert result.status == "success"
    (entry,) = result.files()
    path = tmp_path / "shown.png"
    path.write_bytes(comfy.view(entry))
    with Image.open(path) as shown:
        assert shown.size == (64, 32)


def test_an_uploaded_picture_is_found_by_load_image(comfy, tmp_path):
    path = tmp_path / "uploaded.png"
    Image.new("RGB", (24, 16), "red").save(path)
    name = comfy.upload_image(path)
    job = {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    assert comfy.run(job).status == "success"


def test_a_wrong_value_is_refused_with_the_nodes_error(comfy):
    with pytest.raises(JobError, match="node 1 .EmptyImage.: Value -3 smaller than min") as refusal:
        comfy.run(picture_job(width=-3))
    assert set(refusal.value.node_errors) == {"1"}


def test_an_unknown_node_is_refused_by_name(comfy):
    with pytest.raises(JobError, match="NoSuchNode"):
        comfy.run({"1": {"class_type": "NoSuchNode", "inputs": {}}})


def test_a_failing_node_is_reported_and_the_next_job_runs(comfy):
    inputs = {"string": "x", "regex_pattern": "(", "replace": "y"}
    job = {
        "4": {"class_type": "RegexReplace", "inputs": inputs},
        "5": {"class_type": "PreviewAny", "inputs": {"source": ["4", 0]}},
    }
    result = comfy.run(job)
    assert result.status == "error"
    assert result.error["node_id"] == "4"
    assert comfy.run(picture_job(width=48)).status == "success"


def test_a_running_job_can_be_cancelled_and_the_next_one_runs(comfy):
    seen = []

    def cancel(node_id: str, value: float, maximum: float) -> None:
        if not seen:
            comfy.interrupt()
        seen.append(node_id)

    result = comfy.run(slow_job(), on_progress=cancel)
    assert result.status == "interrupted"
    assert len(set(seen)) < len(slow_job())
    assert comfy.run(picture_job(width=40)).status == "success"


def slow_job(links: int = 12) -> dict:
    """A chain of blurs, each of which takes part of a second: native nodes check for a cancel between nodes."""
    job = picture_job()
    job["1"]["inputs"].update(width=1024, height=1024)
    for index in range(links):
        source = [f"b{index - 1}", 0] if index else ["1", 0]
        inputs = {"image": source, "blur_radius": 12, "sigma": 5.0}
        job[f"b{index}"] = {"class_type": "ImageBlur", "inputs": inputs}
    job["2"]["inputs"]["images"] = [f"b{links - 1}", 0]
    return job


def test_a_server_that_cannot_start_says_why(comfy):
    broken = ComfyServer(comfy.comfyui, arguments=["--no-such-flag"])
    with pytest.raises(StartError, match="no-such-flag"):
        broken.start()
    assert not broken.base.exists()
