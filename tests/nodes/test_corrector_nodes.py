"""Loading a corrector and correcting latents."""

from __future__ import annotations

import pytest
import torch

from tests.support.graphs import BAD_LATENTS, PROMPT, SIDE, demo_graph, error, load_latent, pictures, shown, text
from xlard.models.corrector import CorrectorConfig, LatentCorrector
from xlard.models.head import HeadConfig, RewardHead
from xlard.worlds.shapes.architecture import CONTEXT_WIDTH


def corrector_graph(
    comfy, name: str = "right", channels: int = 4, batch: int = 1, strength: float = 1.0, family: str = "", **settings
) -> dict:
    torch.manual_seed(0)
    corrector = LatentCorrector(
        CorrectorConfig(channels, CONTEXT_WIDTH, "a test", width=32, layers=1, heads=4, family=family)
    )
    # A new corrector changes nothing.
    torch.nn.init.normal_(corrector.out.weight)
    corrector.save(comfy.base / "models" / "xlard" / "correctors" / f"{name}.safetensors")
    graph = demo_graph(batch)
    graph["corrector"] = {"class_type": "XLARDLoadCorrector", "inputs": {"corrector_name": f"{name}.safetensors"}}
    graph["corrected"] = {
        "class_type": "XLARDCorrectLatent",
        "inputs": {
            "latent": ["drawn", 0],
            "positive": ["positive", 0],
            "corrector": ["corrector", 0],
            "strength": strength,
            "sigma": 0.0,
            **settings,
        },
    }
    graph["after"] = {"class_type": "VAEDecode", "inputs": {"samples": ["corrected", 0], "vae": ["world", 2]}}
    return shown(graph, change=("corrected", 2), tokens=("corrected", 3))


def with_head(comfy, graph: dict, sure: bool = True, family: str = "") -> dict:
    """The graph with a head of random weights, sure of what it says or not, as node head."""
    torch.manual_seed(1)
    head = RewardHead(HeadConfig(4, CONTEXT_WIDTH, "a test", width=32, layers=1, family=family))
    torch.nn.init.constant_(head.log_deviation.bias, -8.0 if sure else 8.0)
    # Random weights tell hardly any latents apart.
    torch.nn.init.normal_(head.logits.weight)
    head.save(comfy.base / "models" / "xlard" / "heads" / "climbed.safetensors")
    graph["head"] = {"class_type": "XLARDLoadHead", "inputs": {"head_name": "climbed.safetensors"}}
    graph["corrected"]["inputs"]["head"] = ["head", 0]
    for name, latent in (("before", "drawn"), ("after", "corrected")):
        graph[f"{name}_rewards"] = {
            "class_type": "XLARDPredictReward",
            "inputs": {"latent": [latent, 0], "positive": ["positive", 0], "head": ["head", 0], "sigma": 0.0},
        }
    return shown(graph, before=("before_rewards", 1), after=("after_rewards", 1))


def test_the_correction_stays_within_the_trust_region(comfy):
    graph = corrector_graph(comfy, batch=4)
    before, after = pictures(comfy, graph, "decoded"), pictures(comfy, graph, "after")
    assert (before != after).any() and before.shape == after.shape == (4, SIDE, SIDE, 3)
    assert 0 < float(text(comfy.run(graph), "change")) <= 0.3001
    assert pictures(comfy, graph, "corrected", 1).max() > 127


def test_at_strength_zero_nothing_changes(comfy):
    graph = corrector_graph(comfy, strength=0.0)
    assert (pictures(comfy, graph, "decoded") == pictures(comfy, graph, "after")).all()
    assert float(text(comfy.run(graph), "change")) == 0


def test_outside_the_noise_mask_nothing_changes(comfy):
    graph = corrector_graph(comfy)
    graph["mask"] = {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": SIDE, "height": SIDE}}
    graph["masked"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["drawn", 0], "mask": ["mask", 0]}}
    graph["corrected"]["inputs"]["latent"] = ["masked", 0]
    assert float(text(comfy.run(graph), "change")) == 0


def test_a_head_is_asked_before_a_picture_is_changed(comfy):
    graph = corrector_graph(comfy)
    graph["corrected"]["inputs"]["head"] = ["world", 4]
    assert comfy.run(graph).status == "success"


def test_a_video_shaped_latent_of_one_frame_keeps_its_shape(comfy):
    graph = corrector_graph(comfy)
    load_latent(comfy, graph, "one_frame", torch.randn(1, 4, 1, 16, 16))
    graph["corrected"]["inputs"]["latent"] = ["one_frame", 0]
    graph["saved"] = {"class_type": "SaveLatent", "inputs": {"samples": ["corrected", 0], "filename_prefix": "frame"}}
    del graph["after"]
    assert comfy.run(graph).status == "success"
    from safetensors.torch import load_file

    saved = max((comfy.base / "output").glob("frame_*.latent"))
    assert load_file(saved)["latent_tensor"].shape == (1, 4, 1, 16, 16)


@pytest.mark.parametrize("combine", ["sum", "min_norm"])
def test_gradient_steps_raise_what_the_head_predicts_within_the_trust_region(comfy, combine):
    plain = comfy.run(with_head(comfy, corrector_graph(comfy)))
    result = comfy.run(with_head(comfy, corrector_graph(comfy, gradient_steps=5, combine=combine)))
    assert (result.status, result.error) == ("success", None)
    assert float(text(result, "after")) > float(text(plain, "after")) and 0 < float(text(result, "change")) <= 0.3001
    assert float(text(result, "after")) > float(text(result, "before"))


def test_gradient_steps_stop_where_the_head_is_not_sure_of_a_failure(comfy):
    changes = [
        float(text(comfy.run(with_head(comfy, corrector_graph(comfy, gradient_steps=number), sure=False)), "change"))
        for number in (0, 5)
    ]
    assert changes[0] == pytest.approx(changes[1], abs=1e-5)


def test_gradient_steps_leave_what_the_noise_mask_protects(comfy):
    graph = with_head(comfy, corrector_graph(comfy, gradient_steps=3))
    graph["mask"] = {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": SIDE, "height": SIDE}}
    graph["masked"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["drawn", 0], "mask": ["mask", 0]}}
    graph["corrected"]["inputs"]["latent"] = ["masked", 0]
    assert float(text(comfy.run(graph), "change")) == 0


def test_gradient_steps_without_a_head_are_refused_with_the_fix(comfy):
    message = error(comfy, corrector_graph(comfy, gradient_steps=3))
    assert "need a reward head" in message and "set gradient_steps to 0" in message


def test_a_head_and_a_corrector_of_two_families_are_refused(comfy):
    message = error(comfy, with_head(comfy, corrector_graph(comfy, "sdxl", family="SDXL"), family="SD15"))
    assert "This head was trained for SD15" in message and "used with SDXL" in message


def test_tokens_are_named_by_the_clip_largest_first(comfy):
    graph = corrector_graph(comfy, explain_tokens=True, prompt=PROMPT)
    bare = text(comfy.run(graph), "tokens").splitlines()
    graph["corrected"]["inputs"]["clip"] = ["world", 1]
    lines = [line.split() for line in text(comfy.run(graph), "tokens").splitlines()]
    assert len(lines) == len(bare) == 20 and bare == [f"{place} {value}" for place, _, value in lines]
    names = {int(place): name for place, name, _ in lines}
    assert [names[place] for place in range(1, 8)] == PROMPT.split()
    values = [float(value) for *_, value in lines]
    assert values == sorted(values, reverse=True) and values[-1] > 0


def test_tokens_are_not_explained_unless_asked(comfy):
    assert text(comfy.run(corrector_graph(comfy)), "tokens") == ""


def test_a_corrector_for_other_latents_is_refused_with_the_fix(comfy):
    message = error(comfy, corrector_graph(comfy, "wrong", channels=16))
    assert "trained for 16-channel latents" in message and "Load or train" in message


@pytest.mark.parametrize("name, samples, message", BAD_LATENTS)
def test_bad_latents_name_the_cause_and_the_next_run_works(comfy, name, samples, message):
    graph = corrector_graph(comfy)
    load_latent(comfy, graph, name, samples)
    graph["corrected"]["inputs"]["latent"] = [name, 0]
    assert message in error(comfy, graph)
    assert comfy.run(corrector_graph(comfy)).status == "success"
