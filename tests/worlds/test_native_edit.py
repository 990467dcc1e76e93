"""The things world's edit model in ComfyUI, with random weights: as diffusers computes it, and as Self-Correct edits.

ComfyUI reads the command line when it is imported: all of it runs once in a process of its own, which prints what it
measured as JSON; the tests look at that.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

pytestmark = pytest.mark.model

CHECKOUT = Path(__file__).resolve().parents[2]
PROMPT = "a red circle left of two blue squares"


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> dict:
    """What the other process measured of pipelines of random weights."""
    import torch

    from xlard.quickstart.comfyui import find_comfyui
    from xlard.worlds.things.architecture import EDIT_TOKENS, build_edit_unet, build_text_encoder, build_unet
    from xlard.worlds.things.autoencoder import build_autoencoder
    from xlard.worlds.tokenizer import build_prompt_tokenizer

    root = tmp_path_factory.mktemp("pipelines")
    torch.manual_seed(0)
    for name, unet in (("generator", build_unet()), ("edit", build_edit_unet())):
        tokenizer = build_prompt_tokenizer(PROMPT.split(), EDIT_TOKENS)
        tokenizer.save_pretrained(root / name / "tokenizer")
        build_text_encoder(tokenizer).save_pretrained(root / name / "text_encoder")
        build_autoencoder(16, 32).save_pretrained(root / name / "vae")
        unet.save_pretrained(root / name / "unet")
    run = subprocess.run(
        [sys.executable, __file__, str(find_comfyui()), str(root)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return json.loads(run.stdout.splitlines()[-1])


def test_it_sees_the_picture_as_diffusers_concatenates_it(measured):
    assert measured["difference"] < 1e-4 and measured["without"] > 1e-3


def test_it_edits_in_self_correct_s_way(measured):
    assert (measured["method"], measured["calls"], measured["shape"]) == ("concat", 3, [2, 128, 128, 3])
    assert measured["of_pictures"] > 1e-5


def test_ksampler_does_not_take_a_generator_of_many_channels_for_an_inpainting_model(measured):
    assert measured["drawn"] == [1, 16, 16, 16]


def main(comfyui: str, folder: str) -> dict:
    """Measure everything in this process; returns JSON-ready values."""
    sys.path.insert(0, comfyui)
    sys.argv = [sys.argv[0], "--cpu", "--use-pytorch-cross-attention"]
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.sample
    import torch
    from comfy_extras.nodes_flux import FluxGuidance
    from comfy_extras.nodes_ip2p import InstructPixToPixConditioning
    from diffusers import UNet2DConditionModel

    import nodes

    for kind in (FluxGuidance, InstructPixToPixConditioning):
        nodes.NODE_CLASS_MAPPINGS[kind.__name__] = kind
    # The pack under a name of its own: ComfyUI has a module called nodes.
    for name, path in (("xlard_pack", CHECKOUT), ("xlard_pack.nodes", CHECKOUT / "nodes")):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(path)]
    native = importlib.import_module("xlard_pack.nodes.comfy.diffusers_models")
    editor = importlib.import_module("xlard_pack.nodes.comfy.sampling.editor")
    method = importlib.import_module("xlard_pack.nodes.comfy.sampling.method")
    with torch.inference_mode():
        torch.manual_seed(2)
        pipeline = Path(folder) / "edit"
        model, clip, vae = (
            native.load_demo_model(pipeline),
            native.load_demo_clip(pipeline),
            native.load_demo_vae(pipeline),
        )
        unet = UNet2DConditionModel.from_pretrained(pipeline / "unet")
        noisy, source, level = *torch.randn(2, 1, 16, 16, 16), torch.tensor([0.7])
        prompt = clip.encode_from_tokens_scheduled(clip.tokenize(PROMPT))
        context = prompt[0][0]
        flow = unet(torch.cat([noisy, source], dim=1), level * 1000, encoder_hidden_states=context).sample
        shown, hidden = (
            model.model.apply_model(noisy, level, c_concat=seen, c_crossattn=context)
            for seen in (source, torch.zeros_like(source))
        )
        drawing = method.KSamplerSettings(3, 2.0, "euler", "simple")
        edit = editor.ComfyEditor(model, clip, vae, editor.EditSettings(), drawing)
        black_and_white = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 128, 128, 3)
        images = edit.edit(black_and_white, ["a blue square"] * 2, [4, 4])
        samples = torch.zeros(1, 16, 16, 16)
        noise = comfy.sample.prepare_noise(samples, 1)
        generator = native.load_demo_model(Path(folder) / "generator")
        drawn = comfy.sample.sample(generator, noise, 3, 4.0, "euler", "simple", prompt, prompt, samples)
        return {
            "difference": (noisy - level.view(-1, 1, 1, 1) * flow - shown).abs().max().item(),
            "without": (shown - hidden).abs().max().item(),
            "method": edit.method,
            "calls": edit.nfe(),
            "shape": list(images.shape),
            "of_pictures": (images[0] - images[1]).abs().max().item(),
            "drawn": list(drawn.shape),
        }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:3])))
