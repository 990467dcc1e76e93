"""A model for inpainting that the loop may use."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from . import inputs, sockets
from .comfy.sampling.filler import ComfyFiller, FillSettings
from .comfy.sampling.method import CustomSampling, KSamplerSettings


class XLARDFillModel(io.ComfyNode):
    """A MODEL for inpainting with what encodes its prompts and pictures."""

    @classmethod
    @inputs.showing("steps", "cfg", "guidance", "size")
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDFillModel",
            display_name="xLARD Fill Model",
            category="xLARD/loop",
            **inputs.search_aliases("flux fill", "inpaint", "sdxl inpaint", "remove object", "outpaint"),
            description=(
                "Makes a model for inpainting ready for xLARD Self-Correct: it redraws what region finds wrong, and "
                "the places that rearrange empties. FLUX Fill, and inpainting models of SDXL and SD 1.5."
            ),
            inputs=[
                io.Model.Input(
                    "fill_model", tooltip="A model for inpainting, with your LoRAs and patches, as for KSampler."
                ),
                io.Clip.Input("fill_clip", tooltip="The text encoder of the fill model, which reads the prompt."),
                io.Vae.Input("fill_vae", tooltip="The VAE of the fill model, which encodes the picture."),
                io.Int.Input("steps", default=20, min=1, max=10000, tooltip="Sampling steps of a fill."),
                io.Float.Input(
                    "cfg",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip=(
                        "Strength of the guidance by the prompt: 1 for FLUX Fill and LoRAs for few steps, 4 to 8 for "
                        "inpainting models of SDXL and SD 1.5."
                    ),
                ),
                *inputs.sampling("")[2:],
                io.Float.Input(
                    "guidance",
                    default=30.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Guidance of distilled models, as in FluxGuidance: 30 for FLUX Fill.",
                ),
                *inputs.of_picture_model("draws"),
            ],
            outputs=sockets.named(
                sockets.FillModel.Output("filler", display_name="fill_model", tooltip="For xLARD Self-Correct.")
            ),
        )

    @classmethod
    def execute(
        cls,
        fill_model: Any,
        fill_clip: Any,
        fill_vae: Any,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        guidance: float,
        negative: str,
        size: int,
        sampler: object | None = None,
        sigmas: object | None = None,
    ) -> io.NodeOutput:
        settings = FillSettings(guidance, negative, size)
        drawing = KSamplerSettings(steps, cfg, sampler_name, scheduler)
        custom = CustomSampling(sampler, sigmas)
        return io.NodeOutput(ComfyFiller(fill_model, fill_clip, fill_vae, settings, drawing, custom))
