"""The node that makes a critic of a text encoder."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from . import inputs, sockets
from .comfy.critic.clip import load_clip_critic


class XLARDCriticFromCLIP(io.ComfyNode):
    """A CLIP whose text encoder can write and see, as critic."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDCriticFromCLIP",
            display_name="xLARD Critic From CLIP",
            category="xLARD/critic",
            **inputs.search_aliases("judge", "text encoder", "self reward"),
            description=(
                "Has the text encoder of a generator judge its pictures, if it is a vision-language model that "
                "ComfyUI can run as one: Qwen3-VL, Qwen3.5, Gemma 3 or Gemma 4. No second model is loaded."
            ),
            inputs=[
                io.Clip.Input(
                    "clip", tooltip="The text encoder, from before any LoRA: that would change the judge too."
                ),
                io.Int.Input(
                    "max_tokens", default=1024, min=16, max=32768, optional=True, tooltip="Longest answer, in tokens."
                ),
            ],
            outputs=sockets.named(
                sockets.Critic.Output(
                    "critic", tooltip="The critic. ComfyUI loads the text encoder when it first judges."
                )
            ),
        )

    @classmethod
    def execute(cls, clip: Any, max_tokens: int = 1024) -> io.NodeOutput:
        return io.NodeOutput(load_clip_critic(clip, max_tokens))
