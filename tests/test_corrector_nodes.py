"""Loading a corrector and correcting latents."""

from __future__ import annotations

import pytest
import torch

from tests.graphs import BAD_LATENTS, SIDE, demo_graph, error, load_latent, pictures, shown, text
from xlard.corrector import CorrectorConfig, LatentCorrector
from xlard.demo.architecture import CONTEXT_WIDTH


def corrector_graph(comfy, name: str = "right", channels: int = 4, batch: int = 1, strength: float = 1.0) -> dict:
    torch.manual_seed(0)
    corrector = LatentCorrector(CorrectorConfig(channels, CONTEXT_WIDTH, "a test", width=32, layers=1, heads=4))
    # A new corrector changes nothing.
    torch.nn.init.normal_(corrector.out.weight)
    corrector.save(comfy.base / "models" / "xlard" / "correctors" / f"{name}.safetensors")
    graph = demo_graph(batch)
    graph["corrector"] = {"class_type": "XLARDLoadCorrector", "inputs": {"corrector_name": f"{name}.safetensors"}}
    graph["corrected"] = {"class_type": "XLARDCorrectLatent", "inputs": {
        "latent": ["drawn", 0], "positive": ["positive", 0], "corrector": ["corrector", 0], "strength": strength,
        "sigma": 0.0}}
    graph["after"] = {"class_type": "VAEDecode", "inputs": {"samples": ["corrected", 0], "vae": ["world", 2]}}
    return shown(graph, change=("corrected", 2))


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


def test_a_corrector_for_other_latents_is_refused_with_the_mend(comfy):
    message = error(comfy, corrector_graph(comfy, "wrong", channels=16))
    assert "trained for 16-channel latents" in message and "Load or train" in message


@pytest.mark.parametrize("name, samples, message", BAD_LATENTS)
def test_bad_latents_name_the_cause_and_the_next_run_works(comfy, name, samples, message):
    graph = corrector_graph(comfy)
    load_latent(comfy, graph, name, samples)
    graph["corrected"]["inputs"]["latent"] = [name, 0]
    assert message in error(comfy, graph)
    assert comfy.run(corrector_graph(comfy)).status == "success"
