"""xLARD Correct Latent with a model: noised, corrected, and sampled to the end again."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.custom_sampling import add_guider, add_sampling
from tests.support.graphs import SIDE, demo_graph, pictures, shown, text
from xlard.comfy_server.server import ComfyServer

HARD = "a red circle left of a blue square"
"""A prompt of which the demo world's model draws every second picture wrongly."""


def finishing_graph(batch: int = 1, with_head: bool = True, steps: int = 20, **settings) -> dict:
    """A drawn batch, corrected as node corrected by the demo world's corrector and model, and decoded as node after."""
    graph = demo_graph(batch, steps)
    graph["positive"]["inputs"]["text"] = HARD
    drawn = graph["drawn"]["inputs"]
    graph["corrected"] = {
        "class_type": "XLARDCorrectLatent",
        "inputs": {
            "latent": ["drawn", 0],
            "corrector": ["world", 5],
            "strength": 1.0,
            "sigma": 0.0,
            "prompt": HARD,
            **{name: drawn[name] for name in ("model", "positive", "negative", "steps", "cfg", "sampler_name")},
            "scheduler": drawn["scheduler"],
            "seed": 7,
            **({"head": ["world", 4]} if with_head else {}),
            **settings,
        },
    }
    graph["after"] = {"class_type": "VAEDecode", "inputs": {"samples": ["corrected", 0], "vae": ["world", 2]}}
    return shown(graph, change=("corrected", 2), tokens=("corrected", 3))


def verdicts(comfy: ComfyServer, graph: dict, node: str) -> list[bool]:
    """Which pictures of a node the critic accepts."""
    judged = {
        **graph,
        "critique": {
            "class_type": "XLARDCritique",
            "inputs": {"images": [node, 0], "critic": ["world", 3], "prompt": HARD},
        },
    }
    report = text(comfy.run(shown(judged, report=("critique", 6))), "report")
    return ["\u2717" not in part for part in report.split("Picture ")[1:]]


def test_wrong_pictures_become_right_and_those_that_the_head_trusts_stay_as_they_are(comfy):
    graph = finishing_graph(batch=12)
    before, after = verdicts(comfy, graph, "decoded"), verdicts(comfy, graph, "after")
    assert sum(after) >= sum(before) + 3 and all(now for was, now in zip(before, after) if was)
    drawn, corrected = pictures(comfy, graph, "decoded"), pictures(comfy, graph, "after")
    same = (drawn == corrected).all(axis=(1, 2, 3))
    assert same.any() and not same.all()
    # Where it acted: nowhere in those that stayed.
    acted = pictures(comfy, graph, "corrected", 1).reshape(12, -1).max(axis=1)
    assert ((acted > 0) == ~same).all() and 0 < float(text(comfy.run(graph), "change"))


def test_without_a_head_every_picture_is_corrected(comfy):
    graph = finishing_graph(batch=4, with_head=False)
    drawn, corrected = pictures(comfy, graph, "decoded"), pictures(comfy, graph, "after")
    assert (drawn != corrected).any(axis=(1, 2, 3)).all()


def test_each_picture_of_a_batch_comes_out_as_it_would_among_fewer(comfy):
    graph = finishing_graph(batch=3, with_head=False, steps=8)
    together = pictures(comfy, graph, "after")
    graph["two"] = {"class_type": "LatentFromBatch", "inputs": {"samples": ["drawn", 0], "batch_index": 0, "length": 2}}
    graph["corrected"]["inputs"]["latent"] = ["two", 0]
    assert np.abs(pictures(comfy, graph, "after").astype(int) - together[:2]).max() <= 1


def test_at_strength_zero_nothing_changes(comfy):
    graph = finishing_graph(batch=2, with_head=False, strength=0.0)
    assert (pictures(comfy, graph, "decoded") == pictures(comfy, graph, "after")).all()
    assert float(text(comfy.run(graph), "change")) == 0


def test_outside_the_noise_mask_the_latent_stays(comfy):
    graph = finishing_graph(with_head=False)
    graph["mask"] = {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": SIDE, "height": SIDE}}
    graph["masked"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["drawn", 0], "mask": ["mask", 0]}}
    graph["corrected"]["inputs"]["latent"] = ["masked", 0]
    assert np.abs(pictures(comfy, graph, "decoded").astype(int) - pictures(comfy, graph, "after")).max() <= 1
    assert pictures(comfy, graph, "corrected", 1).max() == 0


def test_a_lower_noise_level_than_its_own_changes_less(comfy):
    own, low = (float(text(comfy.run(finishing_graph(with_head=False, sigma=level)), "change")) for level in (0.0, 0.2))
    assert 0 < low < own


def test_a_corrector_that_needs_a_model_says_so_before_anything_is_sampled(comfy):
    graph = finishing_graph(steps=11)
    del graph["corrected"]["inputs"]["model"], graph["decoded"]
    result = comfy.run(graph)
    message = result.error["exception_message"]
    assert "acts at noise level 0.5" in message and "Connect model and negative" in message
    assert result.error["node_type"] == "XLARDCorrectLatent" and "drawn" not in result.executed


@pytest.mark.parametrize(
    "settings, cause",
    [
        ({"negative": None}, "Sampling needs negative"),
        ({"gradient_steps": 2}, "Set gradient_steps to 0, or disconnect model"),
        ({"prompt": "moody"}, "asks for nothing that this head rates"),
        ({"gradient_steps": 2, "model": None, "head": None, "sigma": 0.5}, "Gradient steps need a reward head"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_sampled(comfy, settings, cause):
    graph = finishing_graph(steps=13, **settings)
    del graph["decoded"]
    for name in [name for name, value in graph["corrected"]["inputs"].items() if value is None]:
        del graph["corrected"]["inputs"][name]
    result = comfy.run(graph)
    assert cause in result.error["exception_message"] and "drawn" not in result.executed


@pytest.mark.parametrize("sampler", ["heun", "dpmpp_2m", "uni_pc"])
def test_other_samplers_finish_it_too(comfy, sampler):
    graph = finishing_graph(batch=2, with_head=False, steps=8, sampler_name=sampler)
    assert pictures(comfy, graph, "after").std() > 10


def test_a_guider_draws_on_as_model_and_settings_do(comfy):
    graph = add_guider(add_sampling(finishing_graph(with_head=False, steps=8), "dpmpp_2m", "simple", steps=8), "cfg")
    graph["corrected"]["inputs"].update(sampler_name="dpmpp_2m", cfg=3.5)
    by_settings = pictures(comfy, graph, "after")
    custom = {name: [name, 0] for name in ("sampler", "sigmas", "guider")}
    graph["corrected"]["inputs"].update(custom, sampler_name="euler", steps=3, cfg=1.0)
    for name in ("model", "negative"):
        del graph["corrected"]["inputs"][name]
    assert (pictures(comfy, graph, "after") == by_settings).all()


def test_a_guider_beside_negative_is_refused_before_anything_is_sampled(comfy):
    graph = add_guider(add_sampling(finishing_graph(steps=12)), "cfg")
    graph["corrected"]["inputs"]["guider"] = ["guider", 0]
    result = comfy.run(graph)
    assert "The guider brings its own conditioning, and negative would not be used" in result.error["exception_message"]
    assert result.error["node_type"] == "XLARDCorrectLatent" and "drawn" not in result.executed
