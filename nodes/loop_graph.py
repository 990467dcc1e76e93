"""The loop as a graph: a start, an end, and whatever the artist puts between them."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..xlard.claims import MOST_CLAIMS
from ..xlard.loop.edit_by_model import EditByModel
from ..xlard.loop.painted import painted_on
from ..xlard.loop.registry import needs_rewriter
from ..xlard.loop.settings import AS_NEEDED
from . import inputs, sockets
from .comfy.accepted import as_critiques, as_flow, as_states_or_round
from .comfy.critic.chosen import chosen_claims, claims_of_round
from .comfy.failed_runs import failures
from .comfy.graph_loop.closing import closed
from .comfy.graph_loop.flow import Flow, begun_round, loop_sigmas
from .comfy.result_card import preview_files
from .comfy.sampling.latents import as_pictures, with_source
from .comfy.sampling.sampler import ComfyDecoder
from .strategies import added_switches, bundled_switches, newer_switches, switched_on


class XLARDLoopStart(io.ComfyNode):
    """What each round of a loop starts from."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDLoopStart",
            display_name="xLARD Loop Start",
            category="xLARD/loop",
            **inputs.search_aliases("repeat", "retry", "for each round"),
            description=(
                "Begins the self-correction loop as a graph. Put any sampler, VAE Decode and xLARD Critique after it,"
                " and close it with xLARD Loop End: the nodes between run again, with what this node gives, until "
                "every claim of the prompt holds."
            ),
            inputs=[
                io.Latent.Input(
                    "latent_image",
                    tooltip=(
                        "What the first round starts from: an empty latent, or your own. With a "
                        "noise mask only its inside is drawn."
                    ),
                ),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    default="",
                    tooltip=(
                        "The prompt as text; its claims must hold. Usually the same text as in CLIP Text Encode. Not "
                        "used if claims are connected."
                    ),
                ),
                inputs.seed(
                    "Seed of the first round, exactly. Those of later rounds follow from it.",
                    control_after_generate=True,
                ),
                *bundled_switches(),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip=(
                        "Optional: the model for the sampler. Through here its calls are counted for the report, and "
                        "denoise matches the planned noise level."
                    ),
                ),
                inputs.claims(),
                io.Latent.Input(
                    "source",
                    optional=True,
                    tooltip=(
                        "Optional, with claims of xLARD Edit Claims: the picture to edit, from VAE Encode. It is the "
                        "first round's picture as it is, with a denoise of 0, and later rounds redraw only what the "
                        "instruction may change."
                    ),
                ),
                sockets.State.Input(
                    "state",
                    optional=True,
                    tooltip=(
                        "Optional: the state of another loop over as many pictures and the same claims, to go "
                        "on from there."
                    ),
                ),
                sockets.Critic.Input(
                    "critic",
                    optional=True,
                    tooltip=(
                        "Optional: a critic that can write. It rewords the prompt to say more clearly what failed, and "
                        "splits one that the rules hardly understand. Needs prompt connected to CLIP Text Encode in "
                        "the body."
                    ),
                ),
                inputs.most_claims(),
                *newer_switches(),
                *inputs.repair_limits(),
                io.Vae.Input(
                    "vae",
                    optional=True,
                    tooltip="Optional: the VAE of VAE Decode in the body. recolour needs it to paint in the latent.",
                ),
                inputs.claim_edits(),
                io.Sigmas.Input(
                    "sigmas",
                    optional=True,
                    tooltip=(
                        "Optional: the sigmas of a whole run, for SamplerCustom and SamplerCustomAdvanced in the body, "
                        "which take the output sigmas instead of denoise. Needs model."
                    ),
                ),
                inputs.advanced(
                    io.Boolean.Input(
                        "edit",
                        default=False,
                        optional=True,
                        tooltip=(
                            "Switch on where the nodes between edit the picture: every later round then is an edit of "
                            "the best one, and the other strategies are not used. Take the instruction from xLARD Edit "
                            "Instruction, and the picture from the output image."
                        ),
                    )
                ),
                *added_switches(),
            ],
            outputs=sockets.named(
                sockets.Flow.Output("flow", tooltip="For xLARD Loop End, and nothing else."),
                io.Latent.Output(
                    "latent",
                    tooltip=(
                        "What to sample from: your latent in the first round, then the best so far, with a noise mask"
                        " if only a part is redrawn."
                    ),
                ),
                io.Float.Output("denoise", tooltip="For the sampler's denoise: 1 in the first round."),
                io.Int.Output(
                    "round_seed", display_name="seed", tooltip="For the sampler's seed: yours in the first round."
                ),
                io.Int.Output("round", tooltip="How many rounds came before: 0 in the first."),
                io.Mask.Output("mask", tooltip="Where this round draws: 1 is redrawn, 0 stays."),
                io.String.Output(
                    "report", tooltip="What is wrong with the best pictures so far; empty in the first round."
                ),
                sockets.Claims.Output("checked", display_name="claims", tooltip="The claims, for xLARD Critique."),
                io.Model.Output(
                    "counted", display_name="model", tooltip="The model, with its calls counted, for the sampler."
                ),
                io.String.Output(
                    "wording",
                    display_name="prompt",
                    tooltip="For CLIP Text Encode: your prompt, or in rounds of rewrite the critic's wording.",
                ),
                io.Sigmas.Output(
                    "round_sigmas",
                    display_name="sigmas",
                    tooltip=(
                        "For the sampler's sigmas: all of yours in the first round, later those from the one on "
                        "that is nearest to the round's noise level."
                    ),
                ),
                sockets.Critique.Output(
                    "best_critique",
                    display_name="critique",
                    tooltip="The critique of the best pictures so far, for xLARD Edit Instruction.",
                ),
                io.Image.Output(
                    "best_image",
                    display_name="image",
                    tooltip="The best pictures so far: for an edit model, an inpainting one, or an API node.",
                ),
            ),
            # A flow names its start and counts its own calls: two equal starts in a graph must not share one.
            hidden=[io.Hidden.dynprompt, io.Hidden.unique_id],
            not_idempotent=True,
        )

    @classmethod
    def execute(
        cls,
        latent_image: dict,
        prompt: str,
        seed: int,
        model: Any = None,
        claims: object | None = None,
        state: object | None = None,
        source: dict | None = None,
        critic: object | None = None,
        most_claims: int = MOST_CLAIMS,
        may_change: str = AS_NEEDED,
        protect: Tensor | None = None,
        fix_here: Tensor | None = None,
        vae: Any = None,
        claim_edits: str = "",
        sigmas: object | None = None,
        edit: bool = False,
        **strategies: bool,
    ) -> io.NodeOutput:
        latent_image, whole_sigmas = with_source(latent_image, source), loop_sigmas(model, sigmas)
        pictures = as_pictures(latent_image["samples"])
        # A critic may split a prompt differently each time.
        checked_claims = claims_of_round(state)
        if checked_claims is None:
            checked_claims = chosen_claims(prompt, claims, critic, most_claims, claim_edits)
        allowed = (EditByModel.name,) if edit else switched_on(strategies, critic is not None, vae is not None)
        writer = critic if needs_rewriter(allowed) else None
        sources = None if source is None else pictures
        height, width = pictures.shape[-2:]
        batch = begun_round(
            as_states_or_round(state),
            prompt,
            checked_claims,
            len(pictures),
            seed,
            allowed,
            sources,
            writer,
            None if vae is None else ComfyDecoder(vae),
            may_change,
            painted_on(protect, fix_here, len(pictures), (height, width)),
        )
        flow = Flow(cls.hidden.unique_id, batch, latent_image, model, whole_sigmas)
        # Were the body cancelled, this would be what is left of the rounds before.
        shown = preview_files(flow.best_images, cls) if batch.number else None
        return io.NodeOutput(*flow.outputs(prompt, checked_claims), ui=shown)


class XLARDLoopEnd(io.ComfyNode):
    """Keeps the best of a round, and runs the loop's body again if something is left to fix."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDLoopEnd",
            display_name="xLARD Loop End",
            category="xLARD/loop",
            **inputs.search_aliases("repeat", "until right"),
            description=(
                "Closes the loop that xLARD Loop Start began. It keeps the best version of each picture, by the"
                " critique, and has the nodes between run again until every claim holds or the rounds are used up."
            ),
            inputs=[
                sockets.Flow.Input("flow", tooltip="From xLARD Loop Start."),
                io.Latent.Input("latent", tooltip="The latents that this round drew."),
                io.Image.Input("image", tooltip="The same as pictures, from VAE Decode."),
                sockets.Critique.Input(
                    "critique", tooltip="What xLARD Critique says of these pictures, by the claims of xLARD Loop Start."
                ),
                io.Int.Input(
                    "rounds",
                    default=4,
                    min=0,
                    max=64,
                    tooltip="How many times the body runs again at most; 0 only judges the first pictures.",
                ),
            ],
            outputs=sockets.named(
                io.Latent.Output("best_latent", display_name="latent", tooltip="The best latents."),
                io.Image.Output("best_image", display_name="image", tooltip="The best pictures."),
                io.Image.Output("image_before", tooltip="The first pictures."),
                sockets.State.Output("state", tooltip="Every round of every picture, for xLARD Report."),
                *sockets.verdicts(),
            ),
            hidden=[io.Hidden.dynprompt, io.Hidden.unique_id],
            enable_expand=True,
        )

    @classmethod
    def fingerprint_inputs(cls, **settings: object) -> int:
        return failures("XLARDLoopEnd", settings)

    @classmethod
    def execute(cls, flow: object, latent: dict, image: Tensor, critique: object, rounds: int) -> io.NodeOutput:
        return closed(cls, as_flow(flow), latent, image, as_critiques(critique), rounds)
