"""``fresh_candidates`` of xLARD Self-Correct on ComfyUI's models."""

from __future__ import annotations

import pytest

from tests.support.graphs import SIDE, loop_graph, shown
from tests.support.loop_graphs import NEVER, history, only


def rounds(comfy, **settings) -> list[dict]:
    """The rounds of a picture that never passes and is drawn afresh, by its history; 12 steps."""
    return history(comfy, loop_graph(steps=12, prompt=NEVER, rounds=1, **{**only("resample"), **settings}))


@pytest.mark.parametrize("sampler_name", ["euler", "dpmpp_2m", "euler_ancestral"])
def test_a_fresh_picture_is_the_head_s_favourite(comfy, sampler_name):
    (first, plain), (same, chosen) = (
        rounds(comfy, fresh_candidates=number, sampler_name=sampler_name) for number in (1, 4)
    )
    assert first["seed"] == same["seed"] and first["nfe"] == same["nfe"] == plain["nfe"] == 12
    assert chosen["nfe"] == 12 + 3 * 7 and "of 4 candidates" in chosen["reason"]


def test_with_a_noise_mask_there_is_no_choice(comfy):
    graph = loop_graph(steps=4, prompt=NEVER, rounds=1, fresh_candidates=3, **only("resample"))
    graph["mask"] = {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": SIDE, "height": SIDE}}
    graph["masked"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["empty", 0], "mask": ["mask", 0]}}
    graph["loop"]["inputs"]["latent_image"] = ["masked", 0]
    result = comfy.run(shown(graph, report=("loop", 6)))
    assert result.status == "success" and "candidates" not in result.outputs["report_shown"]["text"][0]
