"""The claims of a prompt, shown and editable."""

from __future__ import annotations

from comfy_api.latest import io

from ..xlard.claims import MOST_CLAIMS, NotedClaims
from ..xlard.critics.registry import as_writer
from . import inputs, sockets

RULES_FIRST, CRITIC_FIRST = "rules first", "critic first"


class XLARDClaims(io.ComfyNode):
    """What a picture must show, one claim a line."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDClaims",
            display_name="xLARD Claims",
            category="xLARD/critic",
            **inputs.search_aliases("checklist", "split prompt", "parse prompt"),
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
                        "Optional: a critic that can write. It splits the prompt into claims where the built-in rules "
                        "understand less than half of its words, as in other languages."
                    ),
                ),
                inputs.advanced(
                    io.Combo.Input(
                        "split_by",
                        options=[RULES_FIRST, CRITIC_FIRST],
                        default=RULES_FIRST,
                        optional=True,
                        tooltip=(
                            "With a critic. rules first: the built-in rules read the prompt, and the critic only one "
                            "that they understand less than half of. critic first: the critic splits every prompt."
                        ),
                    )
                ),
                inputs.most_claims(),
            ],
            outputs=sockets.named(
                sockets.Claims.Output("claims", tooltip="The claims, for xLARD Critique and xLARD Self-Correct."),
                io.String.Output(
                    "text", tooltip="The claims as text, one a line, and which words of the prompt became none."
                ),
            ),
        )

    @classmethod
    def execute(
        cls,
        prompt: str,
        edited: str,
        critic: object | None = None,
        split_by: str = RULES_FIRST,
        most_claims: int = MOST_CLAIMS,
    ) -> io.NodeOutput:
        # The parser's tables take a third of the time that the pack may add to ComfyUI's start.
        from ..xlard.critics.splitting import split
        from ..xlard.prompts.claim_lines import parse_lines, shown_lines, wants_prompt

        reads_prompt = wants_prompt(edited) and bool(prompt.strip())
        claims = NotedClaims()
        if reads_prompt:
            writer = None if critic is None else as_writer(critic)
            claims = split(prompt, writer, most_claims, writer is not None and split_by == CRITIC_FIRST)
        if edited.strip():
            claims = NotedClaims(parse_lines(edited, claims), claims.notes)
        if not claims and not reads_prompt:
            raise ValueError(
                "There is no claim. Write into the prompt what should be there, for example 'two red circles left "
                "of a blue square', or write a claim such as 'custom: the hat casts a shadow'."
            )
        text = shown_lines(claims)
        return io.NodeOutput(claims, text, ui={"claims": [text]})
