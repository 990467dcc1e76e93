"""Nodes of the corrector: load one, and correct a latent."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..xlard.guidance.gradient import AscentSettings
from ..xlard.guidance.min_norm import Combination
from ..xlard.models.corrector import LatentCorrector
from . import inputs, sockets
from .comfy import folders
from .comfy.accepted import as_corrector, optional_head, optional_second_model
from .comfy.managed import load_managed
from .comfy.sampling.correct_and_finish import correct_and_finish, correcting_method, needs_model
from .comfy.sampling.correct_latent import asked_aspects, correct_latent
from .comfy.sampling.family import check_fits
from .comfy.sampling.method import CustomSampling, KSamplerSettings
from .comfy.sampling.sampler import ComfySampler
from .comfy.sampling.tokens import token_text


class XLARDLoadCorrector(io.ComfyNode):
    """A corrector from a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDLoadCorrector",
            display_name="xLARD Load Corrector",
            category="xLARD/corrector",
            **inputs.search_aliases("repair model"),
            description="Loads a corrector, which moves a latent towards what the prompt asks for.",
            inputs=[
                io.Combo.Input(
                    "corrector_name",
                    options=folders.files(folders.CORRECTORS),
                    tooltip="A .safetensors file in models/xlard/correctors, trained for your checkpoint.",
                )
            ],
            outputs=sockets.named(sockets.Corrector.Output("corrector", tooltip="The corrector.")),
        )

    @classmethod
    def fingerprint_inputs(cls, corrector_name: str) -> str:
        return folders.fingerprint(folders.file_path(folders.CORRECTORS, corrector_name))

    @classmethod
    def execute(cls, corrector_name: str) -> io.NodeOutput:
        path = folders.file_path(folders.CORRECTORS, corrector_name)
        return io.NodeOutput(load_managed(LatentCorrector.load, path))


class XLARDCorrectLatent(io.ComfyNode):
    """A corrected latent between KSampler and VAE Decode: in one pass, or noised, corrected and sampled on."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDCorrectLatent",
            display_name="xLARD Correct Latent",
            category="xLARD/corrector",
            **inputs.search_aliases("repair", "fix prompt", "fix latent"),
            description=(
                "Corrects a latent between KSampler and VAE Decode. A corrector for finished latents does so in one "
                "pass; one that acts at a noise level needs model and negative: the latent is noised to that level, "
                "corrected, and sampled to the end again. It does not ask the critic whether the picture got better: "
                "xLARD Self-Correct does."
            ),
            inputs=[
                io.Latent.Input(
                    "latent", lazy=True, tooltip="The latent to correct. Outside of its noise mask nothing changes."
                ),
                io.Conditioning.Input("positive", tooltip="The prompt's conditioning that the latent was made with."),
                sockets.Corrector.Input("corrector", tooltip="A corrector trained for this checkpoint."),
                sockets.Head.Input(
                    "head",
                    optional=True,
                    tooltip=(
                        "Optional. Corrected in one pass, a picture only changes if this head predicts a higher "
                        "reward; sampled on, only if the head doubts it."
                    ),
                ),
                inputs.strength("Share of the correction that is applied; 0 leaves the latent as it is."),
                inputs.noise_level(
                    "sigma",
                    "noise_level",
                    "With model: the noise level that the latent is noised to; 0 is the corrector's own. Without: the "
                    "level that the latent was predicted at, 0 for a finished picture.",
                ),
                io.Int.Input(
                    "gradient_steps",
                    default=0,
                    min=0,
                    max=100,
                    optional=True,
                    tooltip=(
                        "Steps after the corrector's, each towards what the head rewards more; needs a "
                        "head. 0 for none. A head can be fooled by many."
                    ),
                ),
                inputs.combination(),
                io.String.Input(
                    "prompt",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip=(
                        "The prompt as text: the head reads only the aspects that it asks for, and 'tokens' has "
                        "names. Empty: all aspects that the head knows."
                    ),
                ),
                io.Boolean.Input(
                    "explain_tokens",
                    default=False,
                    optional=True,
                    tooltip=(
                        "Finds how much each token of the prompt moves the correction; runs the corrector once more "
                        "for each token."
                    ),
                ),
                io.Clip.Input(
                    "clip", optional=True, tooltip="Optional. The CLIP that encoded the prompt, to name the tokens."
                ),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip=(
                        "The model that drew the latent, for a corrector that acts at a noise level. One for finished "
                        "latents needs none."
                    ),
                ),
                io.Conditioning.Input("negative", optional=True, tooltip="With model: what to avoid, as for KSampler."),
                inputs.seed("With model: seed of the noise that is added.", optional=True, control_after_generate=True),
                *inputs.sampling("With model: sampling steps of a whole run, as the KSampler before has them.", True),
                *inputs.custom_sampling(
                    "Optional, in place of model, negative and cfg: the GUIDER that drew the latent. It draws with its "
                    "own model and conditioning; positive is what the corrector reads."
                ),
                inputs.second_model(
                    "Optional, with model or guider, from xLARD Second Model: the model that drew the later steps of "
                    "the latent. It draws them again."
                ),
            ],
            outputs=sockets.named(
                io.Latent.Output("corrected", display_name="latent", tooltip="The corrected latent, for VAE Decode."),
                io.Image.Output("attribution", tooltip="Where the correction acted: light is much, black is nothing."),
                io.Float.Output(
                    "change",
                    tooltip="Size of the change of the latent, relative to it, 0 is none; the largest of the batch.",
                ),
                io.String.Output(
                    "tokens",
                    tooltip=(
                        "If explain_tokens is on: place, name and contribution of the "
                        "tokens that move the correction most."
                    ),
                ),
            ),
        )

    @classmethod
    def check_lazy_status(
        cls,
        positive: list,
        corrector: object,
        latent: dict | None = None,
        sigma: float = 0.0,
        head: object | None = None,
        gradient_steps: int = 0,
        prompt: str = "",
        model: Any = None,
        negative: list | None = None,
        steps: int = 20,
        cfg: float = 4.0,
        sampler_name: str = "euler",
        scheduler: str = "simple",
        sampler: object | None = None,
        sigmas: object | None = None,
        guider: object | None = None,
        second_model: object | None = None,
        **others: object,
    ) -> list[str]:
        # What cannot work is said before the latent is sampled.
        module, reader = as_corrector(corrector), optional_head(head)
        asked_aspects(module, reader, gradient_steps, prompt)
        custom = CustomSampling(sampler, sigmas, guider)
        if needs_model(module.config, sigma, custom.draws(model), gradient_steps):
            settings = KSamplerSettings(steps, cfg, sampler_name, scheduler)
            second = optional_second_model(second_model)
            method = correcting_method(model, positive, negative, settings, custom, second)
            check_fits({"corrector": module, "head": reader}, method.model, positive)
        return ["latent"] if latent is None else []

    @classmethod
    def execute(
        cls,
        latent: dict,
        positive: list,
        corrector: object,
        strength: float,
        sigma: float,
        head: object | None = None,
        gradient_steps: int = 0,
        combine: Combination = "sum",
        prompt: str = "",
        explain_tokens: bool = False,
        clip: Any = None,
        model: Any = None,
        negative: list | None = None,
        seed: int = 0,
        steps: int = 20,
        cfg: float = 4.0,
        sampler_name: str = "euler",
        scheduler: str = "simple",
        sampler: object | None = None,
        sigmas: object | None = None,
        guider: object | None = None,
        second_model: object | None = None,
    ) -> io.NodeOutput:
        module, reader = as_corrector(corrector), optional_head(head)
        level = sigma or module.config.single_step_level
        custom = CustomSampling(sampler, sigmas, guider)
        if needs_model(module.config, sigma, custom.draws(model), gradient_steps):
            settings = KSamplerSettings(steps, cfg, sampler_name, scheduler)
            method = correcting_method(model, positive, negative, settings, custom, optional_second_model(second_model))
            drawer = ComfySampler(method, latent)
            correction = correct_and_finish(drawer, latent, module, reader, seed, level, strength, prompt)
        else:
            ascent = AscentSettings(gradient_steps, how=combine)
            correction = correct_latent(latent, positive, module, reader, strength, sigma, ascent, prompt)
        tokens = token_text(latent, positive, module, level, clip, prompt) if explain_tokens else ""
        return io.NodeOutput(correction.latent, correction.attribution, correction.change, tokens)
