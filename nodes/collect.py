"""Nodes that gather what heads and correctors are trained on: prompts, and judged pictures of them."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui

from ..xlard.critics.registry import as_judge
from . import inputs, sockets
from .comfy import folders
from .comfy.accepted import optional_corrector, optional_second_model
from .comfy.sampling.method import CustomSampling, KSamplerSettings
from .comfy.sampling.sampler import ComfyDecoder
from .comfy.training.collecting import Artist, collected, prompt_file

_SOURCES = ("text", "file", "generated")


class XLARDPrompts(io.ComfyNode):
    """A list of prompts."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDPrompts",
            display_name="xLARD Prompts",
            category="xLARD/training",
            **inputs.search_aliases("prompt list", "training prompts"),
            description=(
                "A list of prompts for xLARD Collect: your own, a file's, or made up like GenEval's: things, counts,"
                " colours and positions."
            ),
            inputs=[
                io.Combo.Input(
                    "source", options=list(_SOURCES), default=_SOURCES[0], tooltip="Where the prompts come from."
                ),
                io.String.Input(
                    "text",
                    multiline=True,
                    default="",
                    tooltip=(
                        "For text: one prompt a line. Lines that start with # do not count, repeated ones count once."
                    ),
                ),
                io.String.Input(
                    "file",
                    default="prompts.txt",
                    tooltip="For file: name of a text file in ComfyUI's input folder, one prompt a line.",
                ),
                io.Int.Input(
                    "how_many", default=200, min=1, max=100_000, tooltip="For generated: how many prompts are made up."
                ),
                inputs.seed("For generated: other seeds, other prompts."),
            ],
            outputs=sockets.named(
                io.String.Output("prompts", tooltip="The prompts, one a line, for xLARD Collect."),
                io.Int.Output("number", tooltip="How many they are."),
            ),
        )

    @classmethod
    def fingerprint_inputs(cls, source: str | None, file: str | None, **unused: object) -> str:
        return folders.fingerprint(prompt_file(file)) if source == "file" and file else ""

    @classmethod
    def execute(cls, source: str, text: str, file: str, how_many: int, seed: int) -> io.NodeOutput:
        # Imported late, as everything of the training: it is no part of ComfyUI's start.
        from ..xlard.training.prompt_lists import generated_prompts, prompts_from_file, prompts_from_text

        if source == "text":
            prompts = prompts_from_text(text)
        elif source == "file":
            prompts = prompts_from_file(prompt_file(file))
        else:
            prompts = generated_prompts(how_many, seed)
        return io.NodeOutput("\n".join(prompts), len(prompts))


class XLARDCollect(io.ComfyNode):
    """Judged pictures of the artist's own checkpoint."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDCollect",
            display_name="xLARD Collect",
            category="xLARD/training",
            **inputs.search_aliases("dataset", "training data"),
            is_output_node=True,
            description=(
                "Draws pictures of many prompts, has the critic judge them, and keeps their latents: what a reward head"
                " and a corrector for this checkpoint are trained on. Cancel whenever you like; the next run goes on"
                " from there."
            ),
            inputs=[
                io.Model.Input("model", tooltip="The model, with your LoRAs and patches, as for KSampler."),
                io.Clip.Input("clip", tooltip="Encodes the prompts, as in CLIP Text Encode."),
                io.Vae.Input("vae", tooltip="Decodes the pictures that the critic sees."),
                sockets.Critic.Input("critic", tooltip="The critic that judges; its mistakes are learnt, too."),
                io.Conditioning.Input(
                    "negative",
                    optional=True,
                    tooltip=(
                        "What to avoid, as for KSampler, the same for all prompts. Needed unless guider is connected."
                    ),
                ),
                io.Latent.Input(
                    "latent_image", tooltip="Size of the pictures; its batch is how many are drawn together."
                ),
                io.String.Input(
                    "prompts", multiline=True, default="", tooltip="One prompt a line, for example from xLARD Prompts."
                ),
                io.String.Input(
                    "name",
                    default="my_checkpoint",
                    tooltip=(
                        "Name of the dataset, a folder in xlard/datasets in the output folder. One that is there is "
                        "added to; pictures that it holds are not drawn again."
                    ),
                ),
                io.Int.Input(
                    "pictures_per_prompt",
                    default=4,
                    min=1,
                    max=1000,
                    tooltip="Pictures of each prompt. With several, a head can learn what makes the difference.",
                ),
                inputs.seed(
                    "Seed that each picture's own seed is made of. Another one draws other pictures of the prompts."
                ),
                *inputs.sampling("Sampling steps, best those that you draw with."),
                io.String.Input(
                    "levels",
                    display_name="noise_levels",
                    default="0.9, 0.8, 0.7, 0.5",
                    tooltip=(
                        "Noise levels in [0, 1], separated by commas, at which the model's predictions are kept on the "
                        "way to a picture; those of the nearest steps."
                    ),
                ),
                io.Int.Input(
                    "views",
                    default=6,
                    min=0,
                    max=100,
                    tooltip=(
                        "How many more predictions are kept: for each, noise between 0.5 and 1 is added to the"
                        " finished picture, at the price of one model call."
                    ),
                ),
                sockets.Corrector.Input(
                    "corrector",
                    optional=True,
                    tooltip="Optional: draws with this corrector, to train the next one on what it does.",
                ),
                inputs.strength("With a corrector: share of its correction that is applied.", optional=True),
                io.Boolean.Input(
                    "mend",
                    display_name="repair_pairs",
                    default=False,
                    optional=True,
                    tooltip=(
                        "Tries to fix each failed picture by recolouring, erasing, copying and moving as few objects "
                        "as will do, by the critic's boxes, at the price of half a picture more, and keeps what then "
                        "passes, as repair pairs for the objectives minimal_repair and mending."
                    ),
                ),
                io.String.Input(
                    "base_model",
                    default="",
                    optional=True,
                    tooltip=(
                        "Name of the checkpoint, kept in the dataset and in what is trained on it. Empty: its family."
                    ),
                ),
                *inputs.custom_sampling(
                    "Optional: a GUIDER, for example of BasicGuider or CFGGuider, in whose positive conditioning each "
                    "prompt takes the place of the one there. It draws with its own model: put LoRAs and patches "
                    "before it, and leave negative unconnected. cfg is then not used."
                ),
                inputs.second_model(
                    "Optional, from xLARD Second Model: the model that draws the later steps. Each prompt is encoded "
                    "for it, too, by its own clip if it has one."
                ),
            ],
            outputs=sockets.named(
                sockets.Dataset.Output(
                    "dataset", tooltip="The dataset, for xLARD Train Reward Head and xLARD Train Corrector."
                ),
                io.String.Output(
                    "report", tooltip="What the dataset holds: pictures, how many are right by aspect, size."
                ),
            ),
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        clip: Any,
        vae: Any,
        critic: object,
        latent_image: dict,
        prompts: str,
        name: str,
        pictures_per_prompt: int,
        seed: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        levels: str,
        views: int,
        negative: list | None = None,
        corrector: object | None = None,
        strength: float = 1.0,
        mend: bool = False,
        base_model: str = "",
        sampler: object | None = None,
        sigmas: object | None = None,
        guider: object | None = None,
        second_model: object | None = None,
    ) -> io.NodeOutput:
        from ..xlard.training.collect import CollectSettings, levels_from_text

        judge, module = as_judge(critic), optional_corrector(corrector)
        settings = CollectSettings(levels_from_text(levels), views, repair_pairs=mend, seed=seed)
        drawing, custom = KSamplerSettings(steps, cfg, sampler_name, scheduler), CustomSampling(sampler, sigmas, guider)
        second = optional_second_model(second_model)
        artist = Artist(model, clip, negative, latent_image, drawing, custom, module, strength, second)
        dataset, report = collected(
            artist, ComfyDecoder(vae), judge, settings, prompts, pictures_per_prompt, name, base_model
        )
        report = "\n".join(filter(None, (report, custom.note)))
        return io.NodeOutput(dataset, report, ui=ui.PreviewText(report))
