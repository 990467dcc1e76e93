"""Nodes of the critic: load one, choose how it scores, have it judge pictures."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from ..xlard.claims import MOST_CLAIMS
from ..xlard.critics.folder import BITS
from ..xlard.critics.registry import as_judge, critic_names, made_critic, with_scoring
from ..xlard.critics.scoring import DEFAULT_SCORING, SCORINGS, make_scoring
from ..xlard.critics.scoring.second_look import VIEWS
from . import inputs, sockets
from .comfy import folders
from .comfy.critic.chosen import chosen_claims
from .comfy.critic.folder import load_critic
from .comfy.critic.pictures import critique_output, shaped_images
from .comfy.critic_failure import judged
from .extensions import load_extensions


def added_critics() -> list[str]:
    """The names of the critics of other packs."""
    load_extensions()
    return critic_names()


def scoring_names() -> list[str]:
    """The names of the scorings, those of other packs last."""
    load_extensions()
    return list(SCORINGS)


class XLARDLoadCritic(io.ComfyNode):
    """A folder of a transformers image-text-to-text model as critic."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDLoadCritic",
            display_name="xLARD Load Critic",
            category="xLARD/critic",
            **inputs.search_aliases("judge", "vlm", "vision language model", "qwen vl"),
            description=(
                "Loads a vision-language model that judges pictures. Nothing is downloaded: put the model's "
                "folder into models/xlard/critics or models/LLM."
            ),
            inputs=[
                io.Combo.Input(
                    "critic_name",
                    options=[*folders.model_folders(folders.CRITICS), *added_critics()],
                    tooltip=(
                        "A folder in models/xlard/critics or models/LLM that holds a config.json, or a critic of "
                        "another pack."
                    ),
                ),
                io.Combo.Input(
                    "dtype",
                    options=["auto", "fp32", "fp16", "bf16"],
                    default="auto",
                    tooltip="Precision of the weights; auto takes what the folder was saved in.",
                ),
                io.Combo.Input(
                    "attention",
                    options=["sdpa", "eager"],
                    default="sdpa",
                    tooltip="How attention is computed: sdpa is fast, eager runs everywhere.",
                ),
                io.Combo.Input(
                    "quantization",
                    options=["none", *BITS],
                    default="none",
                    optional=True,
                    tooltip="Loads the weights in fewer bits, which takes less VRAM. Needs the package bitsandbytes.",
                ),
                io.Int.Input(
                    "max_tokens",
                    default=1024,
                    min=16,
                    max=32768,
                    optional=True,
                    tooltip="Longest answer, in tokens. A thinking model needs several thousand.",
                ),
            ],
            outputs=sockets.named(
                sockets.Critic.Output("critic", tooltip="The critic. Its weights load when it first judges.")
            ),
        )

    @classmethod
    def validate_inputs(cls, critic_name: str | None = None) -> bool | str:
        return critic_name in critic_names() or folders.is_there(folders.CRITICS, critic_name)

    @classmethod
    def fingerprint_inputs(cls, critic_name: str, **settings: object) -> str:
        if critic_name in critic_names():
            return critic_name
        return folders.folder_fingerprint(folders.model_folder(folders.CRITICS, critic_name))

    @classmethod
    def execute(
        cls, critic_name: str, dtype: str, attention: str, quantization: str = "none", max_tokens: int = 1024
    ) -> io.NodeOutput:
        if critic_name in critic_names():
            return io.NodeOutput(made_critic(critic_name))
        return io.NodeOutput(
            load_critic(folders.model_folder(folders.CRITICS, critic_name), dtype, attention, quantization, max_tokens)
        )


class XLARDCritique(io.ComfyNode):
    """What is wrong with pictures, claim by claim."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDCritique",
            display_name="xLARD Critique",
            category="xLARD/critic",
            **inputs.search_aliases("judge", "check prompt", "count objects", "prompt adherence", "what is wrong"),
            is_output_node=True,
            description=(
                "Shows which claims of the prompt hold in a picture and which do not: counts, colours and "
                "positions, with boxes."
            ),
            inputs=[
                io.Image.Input("images", tooltip="The pictures to judge, each against the same prompt."),
                sockets.Critic.Input("critic", tooltip="The critic that judges."),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    default="",
                    tooltip=(
                        "What the pictures should show, for example 'two red circles left of a blue "
                        "square'. Its claims are read out of it, unless claims are connected."
                    ),
                ),
                inputs.claims(),
                inputs.most_claims(),
                inputs.claim_edits(),
            ],
            outputs=sockets.judgement(),
            hidden=[io.Hidden.dynprompt, io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        images: Tensor,
        critic: object,
        prompt: str,
        claims: object | None = None,
        most_claims: int = MOST_CLAIMS,
        claim_edits: str = "",
    ) -> io.NodeOutput:
        judge, images = as_judge(critic), shaped_images(images)
        checked_claims = chosen_claims(prompt, claims, judge, most_claims, claim_edits)
        critiques = judged(cls, judge, images, checked_claims, end="XLARDLoopEnd")
        return critique_output(cls, images, critiques, checked_claims.notes)


class XLARDScoring(io.ComfyNode):
    """Another scoring for a critic."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDScoring",
            display_name="xLARD Scoring",
            category="xLARD/critic",
            **inputs.search_aliases("judge", "vqa score", "rating"),
            description=(
                "Chooses how a critic judges: by boxes and arithmetic, claim by claim, by the probability of yes, by "
                "the likelihood of the claim's words, or by a rating. Without this node a critic is grounded."
            ),
            inputs=[
                sockets.Critic.Input("critic", tooltip="The critic, which stays as it is for other nodes."),
                io.Combo.Input(
                    "scoring",
                    options=scoring_names(),
                    default=DEFAULT_SCORING,
                    tooltip=(
                        "grounded: the critic lists what it sees with boxes, and counts, colours and positions "
                        "are computed from them. per claim: a verdict with a sentence on each claim. P(yes): "
                        "how probable yes is as answer. prompt likelihood: how much likelier the picture makes "
                        "the claim's words. rubric: a rating from 0 to 10 with a sentence."
                    ),
                ),
                io.Int.Input(
                    "judgements",
                    default=1,
                    min=1,
                    max=16,
                    tooltip=(
                        "How often each picture is judged; the mean counts, and the spread is the uncertainty. Not "
                        "for P(yes) and prompt likelihood, which never vary."
                    ),
                ),
                io.Float.Input(
                    "temperature",
                    default=0.7,
                    min=0.05,
                    max=2.0,
                    step=0.05,
                    tooltip="How freely the critic words its answers when it judges more than once.",
                ),
                io.Boolean.Input(
                    "regions",
                    default=False,
                    tooltip=(
                        "Asks about each box on its own too, one question more for each. Needs a critic that "
                        "can tell the probability of yes."
                    ),
                ),
                io.Boolean.Input(
                    "second_look",
                    default=False,
                    optional=True,
                    tooltip=(
                        "Judges a picture that passes a second time, mirrored, and accepts it only if it passes "
                        "again: fewer wrong pictures are accepted, for one judgement more."
                    ),
                ),
                io.Boolean.Input(
                    "zoom",
                    default=False,
                    optional=True,
                    tooltip=(
                        "Asks again about an enlarged crop where the critic is unsure of a thing's colour or "
                        "attribute, or the thing is small. The mean of both answers counts. One question more for each."
                    ),
                ),
                io.Int.Input(
                    "further_looks",
                    default=1,
                    min=1,
                    max=len(VIEWS),
                    optional=True,
                    tooltip=(
                        "With second_look: how often at most a picture that passes is judged again. 1: mirrored. "
                        "2: also moved by a few pixels. 3: also both. Each look lets fewer wrong pictures pass, turns "
                        "down a few more right ones, and costs one judgement for each picture that has passed so far."
                    ),
                ),
            ],
            outputs=sockets.named(sockets.Critic.Output("scored", tooltip="The critic with this scoring.")),
        )

    @classmethod
    def execute(
        cls,
        critic: object,
        scoring: str,
        judgements: int,
        temperature: float,
        regions: bool,
        second_look: bool = False,
        zoom: bool = False,
        further_looks: int = 1,
    ) -> io.NodeOutput:
        scorer = make_scoring(scoring, judgements, temperature, regions, further_looks if second_look else 0, zoom)
        return io.NodeOutput(with_scoring(critic, scorer))
