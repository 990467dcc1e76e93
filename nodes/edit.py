"""The claims of an edit by instruction."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from ..xlard.critics.registry import as_writer
from . import inputs, sockets
from .comfy.critic.pictures import one_image


class XLARDEditClaims(io.ComfyNode):
    """What an instruction asks of a picture, and what must stay as it is."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDEditClaims",
            display_name="xLARD Edit Claims",
            category="xLARD/critic",
            **inputs.search_aliases("edit instruction", "change picture"),
            description=(
                "Reads an instruction for a picture into claims: those to do, which the instruction asks for, and those"
                " to keep, which are all else that the critic sees in the picture, and its pixels outside of what may"
                " change."
            ),
            inputs=[
                io.String.Input(
                    "instruction",
                    multiline=True,
                    default="",
                    tooltip=(
                        "What should change: 'make the red square blue', 'remove the circle', 'replace the dog with a "
                        "cat', 'add a tree left of the house', 'move the dog to the top left'. What is said otherwise "
                        "is put to the critic."
                    ),
                ),
                io.Image.Input(
                    "image", tooltip="The picture that is edited, in the size of the result. One, not a batch."
                ),
                sockets.Critic.Input(
                    "critic", tooltip="The critic that lists what is in the picture. It must give boxes."
                ),
            ],
            outputs=sockets.named(
                sockets.Claims.Output("claims", tooltip="The claims, for xLARD Self-Correct, Loop Start and Critique."),
                io.String.Output(
                    "prompt",
                    tooltip=(
                        "What is in the picture afterwards, as a prompt: for CLIP Text Encode where the "
                        "model is none for editing. A model for editing takes the instruction."
                    ),
                ),
                io.Mask.Output(
                    "mask",
                    tooltip=(
                        "Where the picture may change, 1 is may: the boxes of what the instruction touches, and, "
                        "where something is added or moved, all that is free."
                    ),
                ),
                io.String.Output("text", tooltip="The claims as text, one a line; those to keep say so."),
            ),
        )

    @classmethod
    def execute(cls, instruction: str, image: Tensor, critic: object) -> io.NodeOutput:
        # The grammar's tables take a third of the time that the pack may add to ComfyUI's start.
        from ..xlard.editing.claims import edit_claims, target_prompt
        from ..xlard.editing.listing import edit_by

        edit = edit_by(as_writer(critic), instruction, one_image(image))
        claims = edit_claims(edit)
        return io.NodeOutput(
            claims, target_prompt(edit), edit.may_change[None].float(), "\n".join(claim.shown for claim in claims)
        )
