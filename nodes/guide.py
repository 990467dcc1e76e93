"""A model that is corrected while it samples."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..xlard.guidance.min_norm import Combination
from . import inputs, sockets
from .comfy.accepted import optional_corrector, optional_head
from .comfy.sampling.guide_model import GRADIENT_STEPS, guided


class XLARDGuideModel(io.ComfyNode):
    """The corrector, the head's gradient or both inside of any sampler."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDGuideModel",
            display_name="xLARD Guide Model",
            category="xLARD/corrector",
            **inputs.search_aliases("guidance", "patch model", "fix prompt"),
            description=(
                "Corrects what the model predicts while it samples: with a corrector, with the gradient of a reward "
                "head, or with both, at each step inside a window of noise levels; or at one step, with a corrector "
                "that was trained for that. It works with any sampler, LoRA and ControlNet. It does not ask the "
                "critic whether the picture got better: xLARD Self-Correct does."
            ),
            inputs=[
                io.Model.Input(
                    "model", tooltip="The model, with your LoRAs and patches. It stays as it is: a copy is guided."
                ),
                sockets.Corrector.Input(
                    "corrector",
                    optional=True,
                    tooltip="A corrector trained for this checkpoint. Connect it, a head, or both.",
                ),
                io.Conditioning.Input("positive", tooltip="The prompt's conditioning, the same as for the sampler."),
                inputs.strength("Share of the correction that is applied; 0 returns the model as it is."),
                inputs.noise_level(
                    "sigma_start",
                    "noise_level_start",
                    "Highest noise level at which it corrects, 1 is pure noise. 0: the highest that corrector and"
                    " head were each trained for. A corrector that acts once acts at this level, at 1 on the "
                    "noise itself; 0: at the level it was trained for.",
                ),
                inputs.noise_level(
                    "sigma_end",
                    "noise_level_end",
                    "Lowest noise level at which it corrects. 0: the lowest that corrector and head were each "
                    "trained for. A corrector that acts once does not use it.",
                ),
                sockets.Head.Input(
                    "head",
                    optional=True,
                    tooltip=(
                        "A reward head trained for this checkpoint. Its gradient acts after the corrector, at the "
                        "noise levels of the window that it can read. With a corrector that acts once, the head "
                        "decides instead which pictures are corrected."
                    ),
                ),
                io.Int.Input(
                    "gradient_steps",
                    default=GRADIENT_STEPS,
                    min=0,
                    max=100,
                    optional=True,
                    tooltip=(
                        "Steps towards what the head rewards more, at each call of the model; without a head there "
                        "are none. 0: the head does nothing. A corrector that acts once takes no such steps; the head"
                        " still decides which pictures it corrects. Many steps can fool a head."
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
            ],
            outputs=sockets.named(
                io.Model.Output("guided", display_name="model", tooltip="The model that is corrected, for any sampler.")
            ),
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        positive: list,
        strength: float,
        sigma_start: float,
        sigma_end: float,
        corrector: object | None = None,
        head: object | None = None,
        gradient_steps: int = GRADIENT_STEPS,
        combine: Combination = "sum",
        prompt: str = "",
    ) -> io.NodeOutput:
        modules = optional_corrector(corrector), optional_head(head)
        window = sigma_start, sigma_end
        return io.NodeOutput(guided(model, positive, *modules, strength, *window, gradient_steps, combine, prompt))
