"""The worlds' models in ComfyUI against diffusers and transformers, and the sampler against KSampler.

ComfyUI reads the command line when it is imported: all of it runs once in a process of its own, which prints what
it measured as JSON; the tests look at that.
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
SAMPLERS = ("euler", "dpmpp_2m", "ddim")
PROMPT = "a red circle left of two blue squares"


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory) -> Path:
    """A folder with a pipeline folder for each world, of its architecture and with random weights."""
    import torch

    from xlard.worlds.shapes import architecture as shapes
    from xlard.worlds.things import architecture as things
    from xlard.worlds.things.autoencoder import build_autoencoder
    from xlard.worlds.tokenizer import build_prompt_tokenizer

    root = tmp_path_factory.mktemp("pipelines")
    torch.manual_seed(0)
    for name, world, autoencoder in (
        ("shapes", shapes, shapes.build_autoencoder(16, 32)),
        ("things", things, build_autoencoder(16, 32)),
    ):
        folder = root / name
        tokenizer = build_prompt_tokenizer([*PROMPT.split(), "green", "triangle"], world.PROMPT_TOKENS)
        tokenizer.save_pretrained(folder / "tokenizer")
        world.build_text_encoder(tokenizer).save_pretrained(folder / "text_encoder")
        world.build_unet().save_pretrained(folder / "unet")
        autoencoder.save_pretrained(folder / "vae")
    return root


@pytest.fixture(scope="module")
def measured(pipelines) -> dict:
    """What the other process measured."""
    from xlard.quickstart.comfyui import find_comfyui

    run = subprocess.run(
        [sys.executable, __file__, str(find_comfyui()), str(pipelines)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("world", ["shapes", "things"])
@pytest.mark.parametrize("model", ["text_encoder", "unet", "vae_encode", "vae_decode"])
def test_equals_the_original(measured, model, world):
    assert measured["difference"][world][model] < 1e-4


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_batch_of_one_is_ksamplers_picture_bit_for_bit(measured, sampler):
    assert measured["generate_equals_ksampler"][sampler]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_masked_picture_is_ksamplers_bit_for_bit(measured, sampler):
    assert measured["masked_equals_ksampler"][sampler]


def test_each_row_of_a_batch_has_its_own_seed(measured):
    assert measured["row_difference"] < 1e-4


def test_resuming_keeps_what_lies_outside_the_mask(measured):
    assert measured["outside_mask_difference"] < 1e-5
    assert measured["inside_mask_difference"] > 1e-3


@pytest.mark.parametrize("case", ["plain", "masked"])
def test_cells_are_drawn_from_noise_levels_of_their_own(measured, case):
    """Until a picture has come down to a cell's level it is as it was: drawn whole from there it is the same."""
    assert measured[f"{case}_levels"]["difference"] < 1e-4
    assert measured[f"{case}_levels"]["change"] > 1e-3
    assert measured[f"{case}_levels"]["kept"] == 0


def test_predicting_is_one_call(measured):
    assert measured["predict_calls"] == 1


def test_calls_are_counted_not_assumed(measured):
    assert measured["euler_calls"] == {"full": 10, "half": 5}
    assert measured["heun_calls"] == {"full": 19, "half": 9}


def test_resuming_at_one_is_a_fresh_picture(measured):
    assert measured["resume_at_one_difference"] < 1e-5


def test_a_video_is_refused(measured):
    assert measured["bad"]["frames"].startswith("ValueError: This latent is a video of 3 latent frames")


@pytest.mark.parametrize(
    "case, message",
    [
        ("empty", "no empty side"),
        ("nan", "NaN or infinite"),
        ("channels", "4-channel latents; this latent has 16"),
        ("missing", "unet/diffusion_pytorch_model.safetensors is missing. Install the pack again"),
        ("truncated", "model.safetensors is damaged or cut short"),
        ("config", "config.json is damaged"),
        ("other", "not those of an AutoencoderTiny"),
        ("names", "do not fit its config.json"),
    ],
)
def test_bad_input_names_the_cause(measured, case, message):
    assert message in measured["bad"][case].replace(os.sep, "/")


def test_gradients_pass_through_a_managed_head_inside_inference_mode(measured):
    assert measured["gradient"] > 0


def test_lora_keys_of_diffusers_and_kohya_are_known(measured):
    assert measured["missing_lora_keys"] == []


def main(comfyui: str, folder: str) -> dict:
    """Measure everything in this process; returns JSON-ready values."""
    sys.path.insert(0, comfyui)
    sys.argv = [sys.argv[0], "--cpu", "--use-pytorch-cross-attention"]
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.sd  # noqa: F401
    import torch

    # The pack under a name of its own: ComfyUI has a module called nodes.
    for name, path in (("xlard_pack", CHECKOUT), ("xlard_pack.nodes", CHECKOUT / "nodes")):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(path)]
    with torch.inference_mode():
        shapes, things = (Measurement(Path(folder) / world) for world in ("shapes", "things"))
        return {"difference": {"shapes": shapes.differences(), "things": things.differences()}, **shapes.run()}


class Measurement:
    """Runs in ComfyUI's process."""

    def __init__(self, pipeline: Path):
        self.pipeline = pipeline
        self.native = importlib.import_module("xlard_pack.nodes.comfy.diffusers_models")
        self.sampling = importlib.import_module("xlard_pack.nodes.comfy.sampling.sampler")
        self.method = importlib.import_module("xlard_pack.nodes.comfy.sampling.method")
        self.managed = importlib.import_module("xlard_pack.nodes.comfy.managed")
        self.model = self.native.load_demo_model(pipeline)
        self.clip = self.native.load_demo_clip(pipeline)
        self.vae = self.native.load_demo_vae(pipeline)
        self.positive, self.negative = (
            self.clip.encode_from_tokens_scheduled(self.clip.tokenize(text)) for text in (PROMPT, "")
        )

    def run(self) -> dict:
        import torch

        torch.manual_seed(1)
        return {
            **self.samples(),
            **self.masked(),
            **self.calls(),
            "bad": self.bad(),
            "gradient": self.gradient(),
            "missing_lora_keys": self.missing_lora_keys(),
            **self.levels(),
        }

    def differences(self) -> dict:
        import torch
        from diffusers import AutoencoderTiny, UNet2DConditionModel
        from transformers import CLIPTextModel, PreTrainedTokenizerFast

        tokenizer = PreTrainedTokenizerFast.from_pretrained(self.pipeline / "tokenizer")
        encoder = CLIPTextModel.from_pretrained(self.pipeline / "text_encoder")
        unet = UNet2DConditionModel.from_pretrained(self.pipeline / "unet")
        vae = AutoencoderTiny.from_pretrained(self.pipeline / "vae")
        ids = tokenizer(
            PROMPT,
            padding="max_length",
            max_length=encoder.config.max_position_embeddings,
            truncation=True,
            return_tensors="pt",
        ).input_ids
        text = encoder(ids).last_hidden_state
        x, sigma = torch.randn(2, unet.config.in_channels, 8, 8), torch.tensor([0.7, 0.2])
        flow = unet(x, sigma * 1000, encoder_hidden_states=text.expand(2, -1, -1)).sample
        denoised = self.model.model.apply_model(x, sigma, c_crossattn=self.positive[0][0].expand(2, -1, -1))
        image = torch.rand(1, 64, 96, 3)
        latent = vae.encode(image.movedim(-1, 1) * 2 - 1).latents
        decoded = (vae.decode(latent).sample / 2 + 0.5).clamp(0, 1).movedim(1, -1)
        pairs = {
            "text_encoder": (text, self.positive[0][0]),
            "unet": (x - sigma.view(-1, 1, 1, 1) * flow, denoised),
            "vae_encode": (latent, self.vae.encode(image)),
            "vae_decode": (decoded, self.vae.decode(latent)),
        }
        return {model: (ours - theirs).abs().max().item() for model, (theirs, ours) in pairs.items()}

    def sampler(self, latent: dict, name: str = "euler", steps: int = 10):
        settings = self.method.KSamplerSettings(steps, 4.0, name, "simple")
        custom = self.method.CustomSampling()
        method = self.method.sampling_method(self.model, self.positive, self.negative, settings, custom)
        return self.sampling.ComfySampler(method, latent)

    def ksampler(self, latent: dict, name: str, seed: int):
        import comfy.sample

        samples = latent["samples"]
        noise = comfy.sample.prepare_noise(samples, seed)
        return comfy.sample.sample(
            self.model,
            noise,
            10,
            4.0,
            name,
            "simple",
            self.positive,
            self.negative,
            samples,
            noise_mask=latent.get("noise_mask"),
            seed=seed,
            disable_pbar=True,
        )

    def samples(self) -> dict:
        import torch

        single, pair = {"samples": torch.zeros(1, 4, 8, 8)}, {"samples": torch.zeros(2, 4, 8, 8)}
        equal = {
            name: torch.equal(self.sampler(single, name).generate([0], [7]), self.ksampler(single, name, 7))
            for name in SAMPLERS
        }
        both = self.sampler(pair).generate([0, 1], [7, 8])
        alone = torch.cat([self.ksampler(single, "euler", seed) for seed in (7, 8)])
        again = self.sampler(single).resume(torch.randn(1, 4, 8, 8), 1.0, [0], [7])
        return {
            "generate_equals_ksampler": equal,
            "row_difference": (both - alone).abs().max().item(),
            "resume_at_one_difference": (again - alone[:1]).abs().max().item(),
        }

    def masked(self) -> dict:
        import torch

        mask = torch.zeros(1, 64, 64)
        mask[:, :32] = 1
        latent = {"samples": torch.randn(2, 4, 8, 8), "noise_mask": mask}
        first = {"samples": latent["samples"][:1], "noise_mask": mask}
        equal = {
            name: torch.equal(self.sampler(first, name).generate([0], [7]), self.ksampler(first, name, 7))
            for name in SAMPLERS
        }
        # Only the second row, and what is resumed differs from the original everywhere.
        moved = latent["samples"][1:] + 1
        difference = (self.sampler(latent).resume(moved, 0.5, [1], [3]) - latent["samples"][1:]).abs()
        return {
            "masked_equals_ksampler": equal,
            "outside_mask_difference": difference[..., 5:, :].max().item(),
            "inside_mask_difference": difference[..., :3, :].max().item(),
        }

    def levels(self) -> dict:
        import torch

        mask = torch.zeros(1, 64, 64)
        mask[:, :48] = 1
        plain, start = {"samples": torch.zeros(1, 4, 8, 8)}, torch.randn(1, 4, 8, 8)
        found = {}
        for case, latent in (("plain", plain), ("masked", {**plain, "noise_mask": mask})):
            sampler, levels = self.sampler(latent), torch.full((1, 8, 8), 0.5)
            late = sampler.resume(start, 1.0, [0], [3], regions=levels)
            levels[..., 4:] = 0
            part = sampler.resume(start, 1.0, [0], [3], regions=levels)
            found[f"{case}_levels"] = {
                "difference": (late - sampler.resume(start, 0.5, [0], [3]))[..., :6, :].abs().max().item(),
                "change": (late - start)[..., :4, :].abs().max().item(),
                "kept": (part - start)[..., 4:].abs().max().item(),
            }
        return found

    def calls(self) -> dict:
        import torch

        latent = {"samples": torch.zeros(1, 4, 8, 8)}
        nfe = {}
        for name in ("euler", "heun"):
            sampler = self.sampler(latent, name)
            drawn = sampler.generate([0], [0])
            full = sampler.nfe_made
            sampler.resume(drawn, 0.5, [0], [1])
            nfe[f"{name}_calls"] = {"full": sampler.nfe(), "half": sampler.nfe(0.5)}
            assert sampler.nfe_made == full + sampler.nfe(0.5)
        before = sampler.nfe_made
        sampler.predict(drawn, 0.5, [0], [1])
        return {**nfe, "predict_calls": sampler.nfe_made - before}

    def bad(self) -> dict:
        import shutil
        import tempfile

        import torch

        latents = {
            "empty": torch.zeros(1, 4, 0, 8),
            "nan": torch.full((1, 4, 8, 8), torch.nan),
            "channels": torch.ones(1, 16, 8, 8),
            "frames": torch.ones(1, 4, 3, 8, 8),
        }
        errors = {case: error_of(lambda: self.sampler({"samples": samples})) for case, samples in latents.items()}
        unet, encoder = "unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"
        damage = {
            "missing": (self.native.load_demo_model, lambda path: (path / unet).unlink()),
            "truncated": (
                self.native.load_demo_clip,
                lambda path: (path / encoder).write_bytes((path / encoder).read_bytes()[:5000]),
            ),
            "config": (self.native.load_demo_vae, lambda path: (path / "vae/config.json").write_text("{")),
            "other": (
                self.native.load_demo_vae,
                lambda path: shutil.copy(path / unet, path / "vae/diffusion_pytorch_model.safetensors"),
            ),
            "names": (self.native.load_demo_model, lambda path: shutil.copy(path / encoder, path / unet)),
        }
        for case, (load, spoil) in damage.items():
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "pipeline"
                shutil.copytree(self.pipeline, copy)
                spoil(copy)
                errors[case] = error_of(lambda: load(copy))
        return errors

    def gradient(self) -> float:
        import torch

        heads = importlib.import_module("xlard_pack.xlard.models.head")
        config = heads.HeadConfig(4, self.positive[0][0].shape[-1], "test")
        head = self.managed.load_managed(lambda _: heads.RewardHead(config), None)
        latents = torch.randn(1, 4, 8, 8)
        head(latents, self.positive[0][0], torch.zeros(1))
        with torch.inference_mode(False), torch.enable_grad():
            latents, context = latents.clone().requires_grad_(), self.positive[0][0].clone()
            head(latents, context, torch.zeros(1)).rewards.sum().backward()
        return latents.grad.abs().sum().item()

    def missing_lora_keys(self) -> list[str]:
        import comfy.lora

        keys = comfy.lora.model_lora_keys_unet(self.model.model, {})
        keys = comfy.lora.model_lora_keys_clip(self.clip.cond_stage_model, keys)
        module = "mid_block.attentions.0.transformer_blocks.0.attn1"
        # ComfyUI knows diffusers' names of attention layers only in their older form, with a processor.
        expected = [
            f"unet.{module}.processor.to_q",
            f"lora_unet_{module.replace('.', '_')}_to_q",
            "unet.mid_block.attentions.0.proj_in",
            "text_encoder.text_model.encoder.layers.0.self_attn.q_proj",
            "lora_te_text_model_encoder_layers_0_self_attn_q_proj",
        ]
        return [key for key in expected if key not in keys]


def error_of(act) -> str:
    """What ``act`` raises, as ``type: message``."""
    try:
        act()
    except (ValueError, FileNotFoundError) as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2])))
