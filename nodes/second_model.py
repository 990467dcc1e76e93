"""A second model for the nodes that draw: SDXL's refiner, Wan 2.2's model for low noise."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from . import inputs, sockets
from .comfy.sampling.second_model import SecondModel


class XLARDSecondModel(io.ComfyNode):
    """The MODEL that takes over on the way, as the second KSampler (Advanced) of a chain."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDSecondModel",
            display_name="xLARD Second Model",
            category="xLARD/loop",
            **inputs.search_aliases("refiner", "high noise", "low noise", "wan 2.2", "sdxl refiner"),
            description=(
                "The second of two models that draw a picture in turn: the refiner of SDXL, the model for low noise of "
                "Wan 2.2. It takes the place of the second KSampler (Advanced)."
            ),
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="The model that takes over, with your LoRAs and patches, as for KSampler (Advanced).",
                ),
                io.Int.Input(
                    "from_step",
                    default=10,
                    min=1,
                    max=9999,
                    tooltip=(
                        "The step at which it takes over, of the steps of the node that draws: end_at_step of the "
                        "first KSampler (Advanced), start_at_step of the second. SDXL: 20 of 25, Wan 2.2: 10 of 20."
                    ),
                ),
                io.Float.Input(
                    "cfg",
                    default=0.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip="Strength of its guidance by the prompt. 0: that of the node that draws.",
                ),
                io.Conditioning.Input(
                    "positive",
                    optional=True,
                    tooltip=(
                        "What to draw, from CLIP Text Encode with its own CLIP, as SDXL's refiner needs it. "
                        "Unconnected: that of the first model. xLARD Collect encodes its prompts instead."
                    ),
                ),
                io.Conditioning.Input(
                    "negative", optional=True, tooltip="What to avoid, likewise. Unconnected: that of the first model."
                ),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip=(
                        "The CLIP that made positive, where it is another than that of the first model: it encodes "
                        "other prompts for this model."
                    ),
                ),
            ],
            outputs=sockets.named(
                sockets.SecondModel.Output(
                    "second_model", tooltip="For xLARD Self-Correct, xLARD Correct Latent and xLARD Collect."
                )
            ),
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        from_step: int,
        cfg: float,
        positive: list | None = None,
        negative: list | None = None,
        clip: Any = None,
    ) -> io.NodeOutput:
        return io.NodeOutput(SecondModel(model, from_step, positive, negative, clip, cfg))
