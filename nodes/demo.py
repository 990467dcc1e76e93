"""The demo world's node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..xlard.critics.registry import with_scoring
from ..xlard.critics.scoring import DEFAULT_SCORING, make_scoring
from ..xlard.models.corrector import LatentCorrector
from ..xlard.models.head import RewardHead
from ..xlard.worlds.registry import WORLD_NAMES, load_world
from . import inputs, sockets
from .comfy.compat.jobs import ExecutionBlocker
from .comfy.critic.folder import load_critic, load_detector
from .comfy.diffusers_models import load_demo_clip, load_demo_model, load_demo_vae, weight_files
from .comfy.folders import fingerprint
from .comfy.managed import load_managed

if TYPE_CHECKING:
    from ..xlard.protocols import Judge
    from ..xlard.worlds.world import World

_DEFAULT, _EARLIER = "things", "shapes"
"""The world of a new node, and that of graphs that name none: they are from before there were two."""

_EDIT_MODELS = {"things, edit model": "things"}
"""Choices that give, in place of a world's generator, its model for editing."""


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
                "Two small worlds that ship with the pack, each with a generator, its text encoder and autoencoder, "
                "a critic and a reward head; shapes has a corrector and a detector, too. They need no download and "
                "run on a CPU. shapes: try 'two red circles and a blue square' at 96 x 96. things: try 'a cat left of "
                "a dog on grass' at 128 x 128; it has a model for editing, too."
            ),
            inputs=[
                io.Combo.Input(
                    "world",
                    options=[*WORLD_NAMES, *_EDIT_MODELS],
                    default=_DEFAULT,
                    optional=True,
                    tooltip=(
                        "things: animals, fruit, cups, cars and more on grass, snow, a beach, a table, at night, at 128"
                        " x 128 pixels. shapes: circles, squares and triangles at 96 x 96, faster. things, edit model:"
                        " model and clip are those that edit pictures of things, for xLARD Edit Model."
                    ),
                )
            ],
            outputs=sockets.named(
                io.Model.Output("model", tooltip="The generator, an ordinary MODEL: KSampler and LoRAs work on it."),
                io.Clip.Output(
                    "clip", tooltip="The text encoder, for CLIP Text Encode. It knows its world's words only."
                ),
                io.Vae.Output("vae", tooltip="The autoencoder, for VAE Encode and VAE Decode."),
                sockets.Critic.Output("critic", tooltip="The critic, which judges pictures of this world."),
                sockets.Head.Output("head", tooltip="The reward head, which reads rewards from latents of this world."),
                sockets.Corrector.Output("corrector", tooltip="The corrector for the latents of shapes."),
                sockets.Critic.Output(
                    "detector", tooltip="A critic that is a detector of shapes: for xLARD Critic Pair, or alone."
                ),
            ),
        )

    @classmethod
    def fingerprint_inputs(cls, world: str = _EARLIER) -> str:
        models, pipeline = _chosen(world)
        folders = (folder / "model.safetensors" for folder in (models.critic_folder, models.detector_folder))
        return fingerprint(*weight_files(pipeline), models.head_file, models.corrector_file, *folders)

    @classmethod
    def execute(cls, world: str = _EARLIER) -> io.NodeOutput:
        models, pipeline = _chosen(world)

        def part(what: str, path: Path, load: Callable[[Path], Any]) -> Any:
            missing = f"The world {models.name} has no {what} yet. Leave that output free, or choose the world shapes."
            return load(path) if path.exists() else ExecutionBlocker(missing)

        def detector(folder: Path) -> Any:
            return load_detector(folder, models.detector_threshold)

        return io.NodeOutput(
            load_demo_model(pipeline, models.pipeline / "vae"),
            load_demo_clip(pipeline),
            load_demo_vae(models.pipeline),
            _critic(models),
            part("reward head", models.head_file, lambda file: load_managed(RewardHead.load, file)),
            part("corrector", models.corrector_file, lambda file: load_managed(LatentCorrector.load, file)),
            part("detector", models.detector_folder, detector),
        )


def _critic(models: World) -> Judge:
    # Linear layers in half precision keep a kernel for each length of text on a CPU.
    critic = load_critic(models.critic_folder, "fp32")
    return with_scoring(critic, make_scoring(DEFAULT_SCORING, further_looks=models.further_looks))


def _chosen(world: str) -> tuple[World, Path]:
    """The world of a choice, and the diffusers folder of its generator or of its edit model."""
    models = load_world(_EDIT_MODELS.get(world, world))
    return models, models.edit_pipeline if world in _EDIT_MODELS else models.pipeline
