"""Repairs that keep the picture, on the real server: recolour, masks of objects, and what the artist paints."""

from __future__ import annotations

import pytest

from tests.support.graphs import error, loop_graph, only
from tests.support.loop_graphs import NEVER, history, looped, pictures_by_round, ran, recorded, saved_latents
from tests.support.loop_graphs import only as only_in_graph
from tests.support.segmenters import save

PAINTED = 6
"""Columns of the demo world's latents that the masks of these tests touch: just under half of a picture's."""


def painted(graph: dict, node: str, name: str, width: int = 37, height: int = 53) -> dict:
    """Connect a mask to a node's input: its left part is painted, at a size of its own."""
    graph["paint"] = {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": width // 2, "height": height}}
    graph["empty_mask"] = {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": width, "height": height}}
    graph["painted"] = {
        "class_type": "MaskComposite",
        "inputs": {"destination": ["empty_mask", 0], "source": ["paint", 0], "x": 0, "y": 0, "operation": "add"},
    }
    graph[node]["inputs"][name] = ["painted", 0]
    return graph


def test_a_wrong_colour_is_turned_in_place(comfy):
    """The text leaves the colour open, the claims do not: the picture has another one until it is recoloured."""
    graphs = [
        loop_graph(steps=12, prompt="a blue circle", seed=seed, rounds=rounds, **only("recolour"))
        for seed in (3, 4, 5)
        for rounds in (0, 3)
    ]
    for graph in graphs:
        graph["positive"]["inputs"]["text"] = "a circle"
    rounds = [history(comfy, graph) for graph in graphs[1::2]]
    turned = [number for number, entries in enumerate(rounds) if len(entries) > 1 and entries[-1]["critique"]["passed"]]
    assert turned, rounds
    for number in turned:
        first, *later = rounds[number]
        assert {entry["strategy"] for entry in later} == {"recolour"} and later[0]["sigma"] == 0.3
        assert later[0]["nfe"] < first["nfe"] / 2
        before, after = (saved_latents(comfy, graph) for graph in graphs[2 * number : 2 * number + 2])
        changed = (before != after).any(dim=1)
        assert 0 < changed.float().mean() <= later[-1]["redrawn"] + 1e-3 < 0.5


@pytest.mark.model
def test_what_an_object_with_a_mask_hid_is_drawn_from_noise(comfy):
    save("sam", comfy.base / "models" / "xlard" / "segmenters" / "masks")
    graph = loop_graph(steps=10, prompt="a circle", seed=2, rounds=2, **only("rearrange"))
    graph["masks"] = {
        "class_type": "XLARDCriticWithMasks",
        "inputs": {"critic": ["world", 3], "segmenter_name": "masks"},
    }
    with_boxes = history(comfy, graph)
    graph["loop"]["inputs"]["critic"] = ["masks", 0]
    with_masks = history(comfy, graph)
    assert {entry["sigma"] for entry in with_boxes[1:]} == {0.5}
    assert with_masks[1]["strategy"] == "rearrange" and [entry["sigma"] for entry in with_masks[1:]] in (
        [0.8],
        [0.8, 0.5],
    )


@pytest.mark.parametrize("name", ["protect", "fix_here"])
def test_what_is_painted_is_kept_or_alone_redrawn_to_the_last_bit(comfy, name):
    first = saved_latents(comfy, loop_graph(batch=8, steps=10, rounds=0))
    after = saved_latents(comfy, painted(loop_graph(batch=8, steps=10, rounds=3), "loop", name))
    changed = (first != after).any(dim=1)
    kept = changed[..., :PAINTED] if name == "protect" else changed[..., PAINTED:]
    assert changed.any() and not kept.any()


def test_as_a_graph_later_rounds_draw_only_where_it_is_painted(comfy):
    graph = painted(looped(prompt=NEVER, rounds=1, **only_in_graph("resample")), "start", "fix_here")
    graph["where"] = {"class_type": "MaskToImage", "inputs": {"mask": ["start", 5]}}
    graph["seen"] = {"class_type": "PreviewImage", "inputs": {"images": ["where", 0]}}
    first, second = pictures_by_round(comfy, ran(comfy, graph), "seen")
    assert first.min() == 255
    assert second[:, : PAINTED * 8].min() == 255 and second[:, PAINTED * 8 :].max() == 0


def test_as_a_graph_a_wrong_colour_is_turned_where_a_vae_is_connected(comfy):
    graph = looped(prompt="a blue circle", rounds=1, steps=12, **only_in_graph())
    graph["positive"]["inputs"]["text"] = "a circle"
    graph["start"]["inputs"]["rewrite"] = False
    graph["drawn"]["inputs"]["seed"] = ["start", 3]
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["end", 1]}}
    assert "All strategies are switched off" in error(comfy, graph)
    graph["start"]["inputs"]["vae"] = ["world", 2]
    strategies = set()
    for seed in (3, 4, 5):
        graph["start"]["inputs"]["seed"] = seed
        strategies |= {entry.strategy for entry in recorded(comfy, graph)[0]}
    assert strategies == {"sample", "recolour"}


def test_where_all_else_is_kept_no_fresh_picture_is_drawn_and_where_anything_may_change_it_comes_soon(comfy):
    def strategies(may_change: str) -> list[str]:
        graph = loop_graph(steps=3, prompt=NEVER, rounds=4, seed=3, may_change=may_change, correct=False)
        return [entry["strategy"] for entry in history(comfy, graph)]

    assert "resample" not in strategies("keep everything else")
    assert strategies("anything").count("resample") >= strategies("as much as it takes").count("resample") > 0


@pytest.mark.parametrize("node", ["loop", "start"])
def test_a_mask_that_leaves_nothing_is_refused_before_anything_is_drawn(comfy, node):
    graph = loop_graph() if node == "loop" else looped()
    graph["everything"] = {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 9, "height": 5}}
    graph[node]["inputs"]["protect"] = ["everything", 0]
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["loop" if node == "loop" else "end", 1]}}
    assert "protect leaves nothing of picture 1 to change, at latents of 12 x 12" in error(comfy, graph)
