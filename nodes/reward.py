"""Nodes of the reward head: load one, and read rewards from latents."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from ..xlard.models.head import RewardHead
from . import inputs, sockets
from .comfy import folders
from .comfy.accepted import as_head
from .comfy.managed import load_managed
from .comfy.sampling.latents import as_pictures, prompt_embeddings
from .comfy.sampling.predictions import aspects_of_prompt, overall, reward_map, reward_text, uncertainty


class XLARDLoadHead(io.ComfyNode):
    """A reward head from a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDLoadHead",
            display_name="xLARD Load Reward Head",
            category="xLARD/reward",
            **inputs.search_aliases("reward model"),
            description="Loads a reward head, which predicts from a latent what the critic would say of its picture.",
            inputs=[
                io.Combo.Input(
                    "head_name",
                    options=folders.files(folders.HEADS),
                    tooltip="A .safetensors file in models/xlard/heads, trained for your checkpoint.",
                )
            ],
            outputs=sockets.named(sockets.Head.Output("head", tooltip="The reward head.")),
        )

    @classmethod
    def fingerprint_inputs(cls, head_name: str) -> str:
        return folders.fingerprint(folders.file_path(folders.HEADS, head_name))

    @classmethod
    def execute(cls, head_name: str) -> io.NodeOutput:
        return io.NodeOutput(load_managed(RewardHead.load, folders.file_path(folders.HEADS, head_name)))


class XLARDPredictReward(io.ComfyNode):
    """Rewards of latents, before they are decoded."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDPredictReward",
            display_name="xLARD Predict Reward",
            category="xLARD/reward",
            **inputs.search_aliases("reward model", "score latent"),
            description="Reads from a latent how well its picture will keep to the prompt, without decoding it.",
            inputs=[
                io.Latent.Input("latent", tooltip="The latent to read, for example that of KSampler."),
                io.Conditioning.Input("positive", tooltip="The prompt's conditioning that the latent was made with."),
                sockets.Head.Input("head", tooltip="A reward head trained for this checkpoint."),
                inputs.noise_level(
                    "sigma", "noise_level", "Noise level that the latent was predicted at: 0 for a finished picture."
                ),
                io.String.Input(
                    "prompt",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip=(
                        "The prompt as text: only the aspects that it asks for count. Empty: all that the head knows."
                    ),
                ),
            ],
            outputs=sockets.named(
                io.String.Output("rewards", tooltip="The predicted rewards of each picture as text."),
                io.Float.Output(
                    "overall",
                    tooltip=(
                        "Predicted chance in [0, 1] that all aspects of the prompt are right; the mean over the "
                        "pictures."
                    ),
                ),
                io.Float.Output("uncertainty", tooltip="The head's own standard deviation, the mean over the aspects."),
                io.Image.Output("map", tooltip="Where the head reads success (light) and failure (dark)."),
            ),
        )

    @classmethod
    def execute(cls, latent: dict, positive: list, head: object, sigma: float, prompt: str = "") -> io.NodeOutput:
        module, pictures = as_head(head), as_pictures(latent["samples"])
        batch = len(pictures)
        prediction = module(pictures.float(), prompt_embeddings(positive, batch), torch.full((batch,), sigma))
        aspects = aspects_of_prompt(prompt, module.config.aspects)
        columns = prediction.columns(aspects)
        return io.NodeOutput(
            reward_text(prediction, columns),
            overall(prediction, columns),
            uncertainty(prediction, columns),
            reward_map(prediction, columns, *pictures.shape[-2:]),
        )
