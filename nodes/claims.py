"""The claims of a prompt, shown and editable."""

from __future__ import annotations

from comfy_api.latest import io

from ..xlard.critics.registry import as_writer
from . import sockets


class XLARDClaims(io.ComfyNode):
    """What a picture must show, one claim a line."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDClaims",
            display_name="xLARD Claims",
            category="xLARD/critic",
            is_output_node=True,
            description=(
                "Reads a prompt into claims that a critic can check, and lets you change them: weigh, disable, add "
                "your own."
            ),
            inputs=[
                io.String.Input(
                    "prompt",
                    multiline=True,
                    default="",
                    tooltip="What the picture should show. Usually the same text as in CLIP Text Encode.",
                ),
                io.String.Input(
                    "edited",
                    multiline=True,
                    default="",
                    tooltip=(
                        "Your own claims, one a line, instead of the prompt's: 'count: two circles', 'custom: "
                        "the hat casts a shadow'. A line '...' stands for the claims of the prompt, '#' before "
                        "a line disables it, '(2)' after it doubles its weight. Empty: the prompt's claims."
                    ),
                ),
                sockets.Critic.Input(
                    "critic",
                    optional=True,
                    tooltip=(
                        "Optional: a critic that reads the prompt into claims. It understands more than "
                        "the built-in parser, which knows counts, colours, positions and simple "
                        "attributes."
                    ),
                ),
            ],
            outputs=sockets.named(
                sockets.Claims.Output("claims", tooltip="The claims, for xLARD Critique and xLARD Self-Correct."),
                io.String.Output("text", tooltip="The claims as text, one a line."),
            ),
        )

    @classmethod
    def execute(cls, prompt: str, edited: str, critic: object | None = None) -> io.NodeOutput:
        # The parser's tables take a third of the time that the pack may add to ComfyUI's start.
        from ..xlard.critics.decompose import decompose
        from ..xlard.prompts import claims_from_prompt
        from ..xlard.prompts.claim_lines import format_lines, parse_lines, wants_prompt

        prompt_claims = []
        if wants_prompt(edited) and prompt.strip():
            prompt_claims = claims_from_prompt(prompt) if critic is None else decompose(as_writer(critic), prompt)
        claims = parse_lines(edited, prompt_claims) if edited.strip() else prompt_claims
        if not claims:
            raise ValueError(
                "There is no claim. Write into the prompt what should be there, for example 'two red circles left "
                "of a blue square', or write a claim such as 'custom: the hat casts a shadow'."
            )
        text = format_lines(claims)
        return io.NodeOutput(claims, text, ui={"claims": [text]})
