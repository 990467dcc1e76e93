"""The demo world's node."""

from __future__ import annotations

from comfy_api.latest import io

from ..xlard.models.corrector import LatentCorrector
from ..xlard.models.head import RewardHead
from ..xlard.worlds.shapes.architecture import (
    CORRECTOR,
    CRITIC,
    DETECTOR,
    DETECTOR_THRESHOLD,
    HEAD,
    LATENT_SIDE,
    PIPELINE,
)
from . import inputs, sockets
from .comfy.critic.folder import load_critic, load_detector
from .comfy.diffusers_models import load_demo_clip, load_demo_model, load_demo_vae, weight_files
from .comfy.folders import fingerprint
from .comfy.managed import load_managed
from .comfy.sampling.latents import PIXELS_PER_LATENT

_SIDE = LATENT_SIDE * PIXELS_PER_LATENT


class XLARDDemo(io.ComfyNode):
    """Everything of the demo world."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDDemo",
            display_name="xLARD Demo World",
            category="xLARD/demo",
            **inputs.search_aliases("example model", "toy model", "try xlard"),
            description=(
                "A small world that ships with the pack: a generator of coloured shapes, its text encoder and "
                "autoencoder, a critic, a reward head, a corrector and a detector. It needs no download and runs on a "
                f"CPU. Try prompts like 'two red circles and a blue square' at {_SIDE} x {_SIDE}."
            ),
            outputs=sockets.named(
                io.Model.Output("model", tooltip="The generator, an ordinary MODEL: KSampler and LoRAs work on it."),
                io.Clip.Output("clip", tooltip="The text encoder, for CLIP Text Encode. It knows the words of shapes."),
                io.Vae.Output("vae", tooltip="The autoencoder, for VAE Encode and VAE Decode."),
                sockets.Critic.Output("critic", tooltip="The critic, which judges pictures of this world."),
                sockets.Head.Output("head", tooltip="The reward head, which reads rewards from this world's latents."),
                sockets.Corrector.Output("corrector", tooltip="The corrector for this world's latents."),
                sockets.Critic.Output(
                    "detector",
                    tooltip="A critic that is a detector of this world's shapes: for xLARD Critic Pair, or alone.",
                ),
            ),
        )

    @classmethod
    def fingerprint_inputs(cls) -> str:
        return fingerprint(
            *weight_files(PIPELINE), CRITIC / "model.safetensors", HEAD, CORRECTOR, DETECTOR / "model.safetensors"
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        return io.NodeOutput(
            load_demo_model(PIPELINE),
            load_demo_clip(PIPELINE),
            load_demo_vae(PIPELINE),
            load_critic(CRITIC),
            load_managed(RewardHead.load, HEAD),
            load_managed(LatentCorrector.load, CORRECTOR),
            load_detector(DETECTOR, DETECTOR_THRESHOLD),
        )
