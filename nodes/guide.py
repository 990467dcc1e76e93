"""A model that is corrected while it samples."""

from __future__ import annotations

from comfy_api.latest import io

from . import sockets
from .adapters.guidance import guided


class XLARDGuideModel(io.ComfyNode):
    """The corrector inside of any sampler."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDGuideModel", display_name="xLARD Guide Model", category="xLARD/corrector",
            description="Corrects what the model predicts while it samples, at each step inside a window of noise levels. It works with "
                        "any sampler, LoRA and ControlNet. It does not ask the critic whether the picture got better: xLARD "
                        "Self-Correct does.",
            inputs=[
                io.Model.Input("model", tooltip="The model, with your LoRAs and patches."),
                sockets.Corrector.Input("corrector", tooltip="A corrector trained for this checkpoint."),
                io.Conditioning.Input("positive", tooltip="The prompt's conditioning, the same as for the sampler."),
                io.Float.Input("strength", default=1.0, min=0.0, max=1.0, step=0.05,
                               tooltip="Share of the correction that is applied; 0 returns the model as it is."),
                io.Float.Input("sigma_start", default=0.0, min=0.0, max=1.0, step=0.01,
                               tooltip="Highest noise level at which it corrects, 1 is pure noise. 0: the highest that the corrector was "
                                       "trained for."),
                io.Float.Input("sigma_end", default=0.0, min=0.0, max=1.0, step=0.01,
                               tooltip="Lowest noise level at which it corrects. 0: the lowest that the corrector was trained for."),
            ],
            outputs=sockets.named(io.Model.Output("guided", display_name="model",
                                                  tooltip="The model that is corrected, for any sampler.")))

    @classmethod
    def execute(cls, model, corrector, positive: list, strength: float, sigma_start: float, sigma_end: float) -> io.NodeOutput:
        return io.NodeOutput(guided(model, corrector, positive, strength, sigma_start, sigma_end))
