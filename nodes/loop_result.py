"""What a loop came to, out of its state alone."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from . import inputs, sockets
from .comfy.accepted import as_finished_states
from .comfy.critic.pictures import states_text
from .comfy.result_card import preview_files, states_card


class XLARDLoopResult(io.ComfyNode):
    """Latents, pictures and verdicts of a state, for loops from which nothing else comes out."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDLoopResult",
            display_name="xLARD Loop Result",
            category="xLARD/loop",
            **inputs.search_aliases("best picture", "state to image"),
            description=(
                "Takes the best latents and pictures out of a state. For ComfyUI's own Start Loop and End Loop, which "
                "give back one value: the state."
            ),
            inputs=[
                sockets.State.Input(
                    "state", tooltip="The state of a loop, from xLARD Loop End or through ComfyUI's End Loop."
                )
            ],
            outputs=sockets.named(
                io.Latent.Output("latent", tooltip="The best latents."),
                io.Image.Output("image", tooltip="The best pictures."),
                io.Image.Output("image_before", tooltip="The first pictures."),
                *sockets.verdicts(),
            ),
            hidden=[io.Hidden.dynprompt, io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, state: object) -> io.NodeOutput:
        states = as_finished_states(state)
        best = [loop_state.best for loop_state in states]
        pictures = torch.stack([version.image for version in best])
        return io.NodeOutput(
            {"samples": torch.stack([version.latent for version in best])},
            pictures,
            torch.stack([loop_state.first.image for loop_state in states]),
            [version.critique.score for version in best],
            [version.critique.passed for version in best],
            states_text(states),
            ui={**preview_files(pictures, cls), **states_card(cls, states)},
        )
