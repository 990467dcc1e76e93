"""The noise that sampling begins with."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..xlard.guidance.gradient import AscentSettings
from ..xlard.guidance.min_norm import Combination
from . import inputs, sockets
from .comfy.accepted import as_head
from .comfy.sampling.method import CustomSampling, KSamplerSettings, sampling_method
from .comfy.sampling.noise_search import FoundNoise, search_noise


class XLARDSearchNoise(io.ComfyNode):
    """Initial noise moved to where a reward head expects more."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDSearchNoise",
            display_name="xLARD Search Noise",
            category="xLARD/reward",
            **inputs.search_aliases("ReNO", "noise optimization", "initial noise", "seed search"),
            description=(
                "Before the first step, moves the noise to where a reward head expects more of what the model predicts "
                "from it in one call. Made for models of one to a few steps, whose first prediction is almost the "
                "picture. Use the noise with SamplerCustomAdvanced, or the model with KSampler at the same seed. It "
                "does not ask the critic."
            ),
            inputs=[
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="The model, with your LoRAs and patches, as for KSampler. Needed without guider.",
                ),
                io.Conditioning.Input(
                    "positive",
                    optional=True,
                    tooltip="The prompt's conditioning, as for the sampler. Needed without guider.",
                ),
                io.Conditioning.Input(
                    "negative", optional=True, tooltip="What to avoid, as for the sampler. Needed without guider."
                ),
                sockets.Head.Input("head", tooltip="A reward head trained for this checkpoint."),
                io.Latent.Input(
                    "latent_image", tooltip="Size and number of pictures; the same latent as for the sampler."
                ),
                inputs.seed(
                    "Seed of the noise that the search starts from; give KSampler the same one.",
                    control_after_generate=True,
                ),
                io.Float.Input(
                    "cfg",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip="Strength of the guidance by the prompt, the same as for the sampler.",
                ),
                io.Int.Input(
                    "search_steps",
                    default=10,
                    min=1,
                    max=500,
                    tooltip=(
                        "Steps up the head's gradient. Each is a model call and a way back through the model, which "
                        "takes two or three calls' time and more memory than drawing. Fewer where the head is "
                        "satisfied before."
                    ),
                ),
                io.Float.Input(
                    "step_length",
                    default=0.05,
                    min=0.001,
                    max=1.0,
                    step=0.005,
                    round=0.001,
                    tooltip="How far a step goes, as a share of the noise's norm.",
                ),
                io.Float.Input(
                    "trust_region",
                    default=0.5,
                    min=0.01,
                    max=1.4,
                    step=0.05,
                    round=0.01,
                    tooltip=(
                        "How far the noise may move in all, as a share of its norm: 0.3 keeps much of the picture, 1.4 "
                        "is other noise. Its norm stays that of noise."
                    ),
                ),
                inputs.combination(),
                io.String.Input(
                    "prompt",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip=(
                        "The prompt as text: the head reads only the aspects that it asks for. Empty: all that the "
                        "head knows."
                    ),
                ),
                io.Guider.Input(
                    "guider",
                    optional=True,
                    tooltip=(
                        "Optional, in place of model, positive, negative and cfg: the GUIDER that goes to "
                        "SamplerCustomAdvanced."
                    ),
                ),
            ],
            outputs=sockets.named(
                io.Noise.Output("noise", tooltip="The noise that was found, for SamplerCustomAdvanced."),
                io.Model.Output(
                    "searched",
                    display_name="model",
                    tooltip=(
                        "For KSampler with this seed and latent: the model, which begins with the noise that was found."
                        " With any other seed it draws as before."
                    ),
                ),
                io.String.Output(
                    "report", tooltip="What the head expects of each picture before and after, and what it took."
                ),
                io.Int.Output("nfe", tooltip="Model calls for each picture, without the ways back."),
            ),
        )

    @classmethod
    def execute(
        cls,
        head: object,
        latent_image: dict,
        seed: int,
        cfg: float,
        search_steps: int,
        step_length: float,
        trust_region: float,
        model: Any = None,
        positive: list | None = None,
        negative: list | None = None,
        combine: Combination = "sum",
        prompt: str = "",
        guider: object | None = None,
    ) -> io.NodeOutput:
        method = sampling_method(model, positive, negative, KSamplerSettings(cfg=cfg), CustomSampling(guider=guider))
        settings = AscentSettings(search_steps, step_length, trust_region, how=combine)
        found = search_noise(method, latent_image, as_head(head), seed, settings, prompt)
        return io.NodeOutput(FoundNoise(found.noise, seed), found.starting_in(method.model), found.text, found.nfe)
