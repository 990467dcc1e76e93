"""ComfyUI's SAM 3 as segmenter on the real server: its own node where the release has it, else a stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.nodes.test_segmenter_nodes import OBJECT_MASKS, REPORT
from tests.support.graphs import SIDE, demo_graph, error, pictures, shown, text
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer


@pytest.fixture(scope="module")
def segmenting() -> Iterator[ComfyServer]:
    with ServerWithNodes("sam3_nodes.py") as server:
        yield server


def sam3_graph(model: str | None) -> dict:
    """What the demo world's critic sees, as masks of the SAM 3 that the node ``model`` gives, or as boxes."""
    graph = demo_graph(steps=12)
    critic = ["world", 3]
    if model is not None:
        graph["ellipses"] = {"class_type": "EllipsesModel", "inputs": {}}
        graph["masked"] = {
            "class_type": "XLARDCriticWithMasks",
            "inputs": {"critic": critic, "segmenter_name": "GrabCut", "sam3": [model, 0]},
        }
        critic = ["masked", 0]
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": critic, "prompt": "a circle"},
    }
    graph["masks"] = {"class_type": "MaskToImage", "inputs": {"mask": ["critique", OBJECT_MASKS]}}
    return shown(graph, report=("critique", REPORT))


def test_sam3_makes_the_masks(segmenting: ComfyServer) -> None:
    boxes, masks = (pictures(segmenting, sam3_graph(model), "masks") > 127 for model in (None, "ellipses"))
    assert boxes.shape == masks.shape and boxes.shape[1:3] == (SIDE, SIDE)
    for box, mask in zip(boxes[..., 0], masks[..., 0]):
        left = box.any(0).argmax()
        # An ellipse covers 0.785 of its box; where SAM 3 sees nothing, the box stays.
        share = mask.sum() / box.sum()
        assert share == 1 if left < SIDE / 8 else 0.7 < share < 0.85
    plain, masked = (text(segmenting.run(sam3_graph(model)), "report") for model in (None, "ellipses"))
    assert plain == masked


def test_another_model_is_refused(segmenting: ComfyServer) -> None:
    assert "The model is no SAM 3. Connect the one of a SAM 3 checkpoint" in error(segmenting, sam3_graph("world"))


def test_a_release_without_sam3_says_so(comfy: ComfyServer) -> None:
    if "SAM3_Detect" in comfy.object_info():
        pytest.skip("this release has SAM 3")
    graph = sam3_graph("world")
    del graph["ellipses"]
    assert "This ComfyUI has no SAM 3. Update it, or choose a segmenter's folder." in error(comfy, graph)
