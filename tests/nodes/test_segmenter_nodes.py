"""A critic with a segmenter, on the real server."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from tests.support.graphs import SIDE, demo_graph, error, pictures, shown, text
from tests.support.segmenters import SEGMENTERS, save

OBJECT_MASKS, REPORT = 7, 6


def masked_graph(name: str) -> dict:
    """Two red circles and a blue square, judged by the demo world's critic with a segmenter."""
    graph = demo_graph(steps=12)
    graph["masked"] = {"class_type": "XLARDCriticWithMasks", "inputs": {"critic": ["world", 3], "segmenter_name": name}}
    for node, critic in (("plain", "world"), ("with_masks", "masked")):
        graph[node] = {
            "class_type": "XLARDCritique",
            "inputs": {
                "images": ["decoded", 0],
                "critic": [critic, 3 if critic == "world" else 0],
                "prompt": "a circle",
            },
        }
        graph[f"{node}_masks"] = {"class_type": "MaskToImage", "inputs": {"mask": [node, OBJECT_MASKS]}}
    return shown(graph, plain=("plain", REPORT), masked=("with_masks", REPORT))


@pytest.mark.model
@pytest.mark.parametrize("name", SEGMENTERS)
def test_objects_are_masks_and_verdicts_are_the_same(comfy, name):
    save(name, comfy.base / "models" / "xlard" / "segmenters" / name)
    graph = masked_graph(name)
    boxes, masks = (pictures(comfy, graph, f"{node}_masks") for node in ("plain", "with_masks"))
    assert boxes.shape == masks.shape and boxes.shape[1:3] == (SIDE, SIDE)
    # Random weights make some mask, and never a row of boxes.
    assert (boxes != masks).any() and set(np.unique(masks)) <= {0, 255}
    result = comfy.run(graph)
    assert text(result, "plain") == text(result, "masked")


@pytest.mark.model
def test_grab_cut_needs_no_folder(comfy):
    graph = masked_graph("GrabCut")
    if importlib.util.find_spec("cv2") is None:
        assert "Install opencv-python-headless" in error(comfy, graph)
        return
    boxes, masks = (pictures(comfy, graph, f"{node}_masks") > 127 for node in ("plain", "with_masks"))
    # Circles fill a good three quarters of their boxes, and the square all of its own.
    assert boxes.shape == masks.shape and 0.6 < masks.sum() / boxes.sum() < 0.95
    result = comfy.run(graph)
    assert text(result, "plain") == text(result, "masked")


def test_a_folder_that_is_no_segmenter_is_refused_and_the_next_run_works(comfy):
    folder = comfy.base / "models" / "xlard" / "segmenters" / "empty"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "sam"}')
    assert "The segmenter in empty cannot be loaded: it holds no safetensors" in error(comfy, masked_graph("empty"))
    assert comfy.run(
        demo_graph() | {"save": {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}}
    ).status
