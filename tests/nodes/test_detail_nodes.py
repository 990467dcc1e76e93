"""Small parts redrawn enlarged and stitched in, on the real server."""

from __future__ import annotations

import numpy as np

from tests.support.graphs import loop_graph, pictures
from tests.support.loop_graphs import history
from xlard.loop.registry import BUNDLED

CELL = 8


def detail_graph(batch: int = 4, width: int = 96, height: int = 96, **settings) -> dict:
    """The prompt leaves the colour open, the claims do not; only detail may turn it, with prompts of its own."""
    switches = {name: name == "detail" for name in BUNDLED if name not in ("introduce", "compose")}
    chosen = {"rounds": 2, "clip": ["world", 1], "claims": ["claims", 0], **switches, **settings}
    graph = loop_graph(batch=batch, steps=8, prompt="a circle", seed=4, **chosen)
    graph["positive"]["inputs"]["text"] = "a circle"
    graph["claims"] = {"class_type": "XLARDClaims", "inputs": {"prompt": "a blue circle", "edited": ""}}
    graph["empty"]["inputs"].update(width=width, height=height)
    return graph


def before_and_after(comfy, graph: dict) -> tuple[np.ndarray, np.ndarray]:
    """The first and the best pictures, (B, H, W, 3)."""
    return pictures(comfy, graph, "loop", 2).astype(int), pictures(comfy, graph, "loop", 1).astype(int)


def blueness(picture: np.ndarray) -> float:
    """The share of a picture (H, W, 3) that is clearly blue."""
    return float((picture[..., 2] - picture[..., 0] > 60).mean())


def changed_cells(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Which cells of the latent show another picture, (h, w)."""
    changed = (before != after).any(axis=-1)
    height, width = (side // CELL for side in changed.shape)
    return changed.reshape(height, CELL, width, CELL).any(axis=(1, 3))


def test_a_small_object_is_turned_and_all_around_it_stays_the_same_in_pixels(comfy):
    """In a batch whose sides are no multiple of anything."""
    graph = detail_graph(batch=4, width=104, height=88)
    rounds = history(comfy, graph)
    assert {entry["strategy"] for entry in rounds[1:]} <= {"detail"}
    before, after = before_and_after(comfy, graph)
    changed = [changed_cells(*pair) for pair in zip(before, after)]
    turned = [row for row in range(4) if changed[row].any()]
    assert turned, rounds
    for row in turned:
        assert changed[row].mean() < 0.5
        assert blueness(after[row]) > blueness(before[row]) + 0.01


def test_a_noise_mask_and_what_is_protected_are_kept_to_the_last_bit(comfy):
    graph = detail_graph(batch=4)
    assert any(changed_cells(*pair).any() for pair in zip(*before_and_after(comfy, graph)))
    for node, width in (("masked", 96), ("protected", 48)):
        graph = detail_graph(batch=4)
        graph |= {
            "half": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 48, "height": 96}},
            "none": {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": 96, "height": 96}},
            "left": {
                "class_type": "MaskComposite",
                "inputs": {"destination": ["none", 0], "source": ["half", 0], "x": 0, "y": 0, "operation": "add"},
            },
        }
        graph["masked"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["empty", 0], "mask": ["left", 0]}}
        if node == "masked":
            graph["loop"]["inputs"]["latent_image"] = ["masked", 0]
        else:
            graph["loop"]["inputs"]["protect"] = ["left", 0]
        before, after = before_and_after(comfy, graph)
        kept = slice(0, 48) if node == "protected" else slice(48, width)
        assert (before[:, :, kept] == after[:, :, kept]).all(), node


def test_the_size_to_enlarge_to_is_chosen_and_counts_in_model_calls(comfy):
    calls = {}
    for size in (0, 64, 144):
        _, *later = history(comfy, detail_graph(batch=1, detail_size=size, rounds=1))
        calls[size] = [entry["nfe"] for entry in later]
    assert len(calls[0]) == 1 and calls[64] < calls[0] < calls[144], calls
