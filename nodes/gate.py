"""The gate for graphs of the artist's own: what passes goes on."""

from __future__ import annotations

import logging

from comfy_api.latest import io
from torch import Tensor

from ..xlard.claims import MOST_CLAIMS, NotedClaims
from ..xlard.critics.registry import as_judge
from ..xlard.critique import Critique
from ..xlard.protocols import Judge
from . import inputs, sockets
from .comfy.accepted import as_critiques
from .comfy.critic.chosen import chosen_claims
from .comfy.critic.gating import BLOCK, WHEN_ONE_FAILS, gate_text, let_through, passes
from .comfy.critic.picking import check_batch
from .comfy.critic.pictures import shaped_images
from .comfy.critic_failure import judged
from .comfy.result_card import critiques_card

_LOG = logging.getLogger(__name__)


class XLARDGate(io.ComfyNode):
    """Pictures in, those that keep to the prompt out."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDGate",
            display_name="xLARD Gate",
            category="xLARD/critic",
            **inputs.search_aliases("filter", "block", "stop if wrong", "only if right", "quality check"),
            description=(
                "Lets pictures through that keep to the prompt, and stops the nodes behind it where none does, so that "
                "nothing is enlarged or saved in vain. Put it behind VAE Decode of any graph."
            ),
            inputs=[
                io.Image.Input("images", tooltip="The pictures, for example from VAE Decode."),
                io.Combo.Input(
                    "when_one_fails",
                    options=list(WHEN_ONE_FAILS),
                    default=BLOCK,
                    tooltip=(
                        "block: only pictures that pass go on, and if none does, the nodes behind stop. pass with a "
                        "warning: all go on, and message says what is wrong."
                    ),
                ),
                sockets.Critique.Input(
                    "critique",
                    optional=True,
                    tooltip="What xLARD Critique says of these pictures. Without it the gate asks critic itself.",
                ),
                sockets.Critic.Input(
                    "critic", optional=True, tooltip="The critic that judges, where critique is not connected."
                ),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    default="",
                    optional=True,
                    tooltip=(
                        "What the pictures should show, with critic. Usually the same text as in CLIP Text Encode. Not "
                        "used if claims or critique are connected."
                    ),
                ),
                inputs.claims(),
                inputs.most_claims(),
                inputs.claim_edits(),
            ],
            outputs=sockets.named(
                io.Image.Output("image", tooltip="The pictures that go on."),
                io.Image.Output("failed", tooltip="The pictures that fail; nodes behind it rest if none does."),
                io.Boolean.Output(
                    "passed", is_output_list=True, tooltip="For each incoming picture whether it passes."
                ),
                io.String.Output("message", tooltip="How many pictures pass, and what is wrong with the others."),
            ),
            hidden=[io.Hidden.dynprompt, io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        images: Tensor,
        when_one_fails: str,
        critique: object | None = None,
        critic: object | None = None,
        prompt: str = "",
        claims: object | None = None,
        most_claims: int = MOST_CLAIMS,
        claim_edits: str = "",
    ) -> io.NodeOutput:
        images, blocks = shaped_images(images), when_one_fails == BLOCK
        checked_claims = NotedClaims()
        if critique is None:
            judge = _needed_judge(critic)
            checked_claims = chosen_claims(prompt, claims, judge, most_claims, claim_edits)
            critiques: list[Critique] = list(judged(cls, judge, images, checked_claims, end="XLARDLoopEnd"))
        else:
            critiques = as_critiques(critique)
        check_batch(len(critiques), images, None, None)
        passed, message = list(map(passes, critiques)), gate_text(critiques, blocks)
        if not blocks and not all(passed):
            _LOG.warning("xLARD Gate: %s", message)
        return io.NodeOutput(
            *let_through(images, critiques, blocks),
            passed,
            message,
            ui=critiques_card(cls, images, critiques, checked_claims.notes),
        )


def _needed_judge(critic: object | None) -> Judge:
    if critic is None:
        raise ValueError(
            "xLARD Gate has nothing to judge by. Connect critique of xLARD Critique, or connect critic and write "
            "what the pictures should show into prompt."
        )
    return as_judge(critic)
