"""The whole loop in one node."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..xlard.claims import MOST_CLAIMS
from ..xlard.critics.registry import as_judge
from ..xlard.loop.object_by_object import PROCESSES
from ..xlard.loop.painted import painted_on
from ..xlard.loop.settings import AS_NEEDED, FIRST, WHERE, LoopSettings
from ..xlard.loop.written_instruction import CRITIC_FIRST, INSTRUCT_BY, RULES, InstructionWriter
from . import inputs, sockets
from .comfy.accepted import optional_corrector, optional_editor, optional_filler, optional_head, optional_second_model
from .comfy.critic.chosen import chosen_claims
from .comfy.failed_runs import failures
from .comfy.sampling.family import check_fits
from .comfy.sampling.latents import with_source
from .comfy.sampling.method import CustomSampling, KSamplerSettings, sampling_method
from .comfy.sampling.sampler import ComfyDecoder, ComfySampler
from .comfy.self_correct import Rewording, SelfCorrection
from .strategies import added_switches, bundled_switches, newer_switches, switch_of, switched_on


class XLARDSelfCorrect(io.ComfyNode):
    """Sample, judge, correct, resume, judge, keep the best."""

    @classmethod
    @inputs.showing("prompt", "seed", "steps", "cfg", "sampler_name", "scheduler", "rounds", "may_change")
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDSelfCorrect",
            display_name="xLARD Self-Correct",
            category="xLARD/loop",
            **inputs.search_aliases("repair", "fix prompt", "fix count", "retry", "redraw"),
            description=(
                "Samples a picture, has the critic judge it, and corrects what is wrong until every claim of the "
                "prompt holds or the rounds are used up. It returns the picture with the fewest failed claims, then "
                "the highest score: never a worse one than the first."
            ),
            inputs=[
                io.Model.Input("model", tooltip="The model, with your LoRAs and patches, as for KSampler."),
                io.Conditioning.Input(
                    "positive",
                    optional=True,
                    tooltip="What to draw, with your ControlNets, as for KSampler. Needed unless guider is connected.",
                ),
                io.Conditioning.Input(
                    "negative",
                    optional=True,
                    tooltip="What to avoid, as for KSampler. Needed unless guider is connected.",
                ),
                io.Vae.Input("vae", tooltip="Decodes the pictures that the critic sees."),
                sockets.Critic.Input("critic", tooltip="The critic that judges."),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    default="",
                    tooltip=(
                        "The prompt as text; the critic checks its claims. Usually the same text as in CLIP Text "
                        "Encode. Not used if claims are connected."
                    ),
                ),
                io.Latent.Input(
                    "latent_image", tooltip="Size and number of pictures. With a noise mask only its inside is drawn."
                ),
                sockets.Head.Input(
                    "head",
                    optional=True,
                    tooltip=(
                        "Optional reward head of this checkpoint: picks the candidate with the highest expected "
                        "reward in rounds of the strategy correct."
                    ),
                ),
                sockets.Corrector.Input(
                    "corrector",
                    optional=True,
                    tooltip=(
                        "Optional corrector of this checkpoint: corrects the latent midway in rounds of the strategy "
                        "correct. A corrector that acts once also corrects fresh pictures while they are sampled."
                    ),
                ),
                inputs.seed(
                    "Seed of the first picture; the others of a batch count up from it. A batch of "
                    "one starts from KSampler's picture for this seed.",
                    control_after_generate=True,
                ),
                *inputs.sampling("Sampling steps of a whole run."),
                io.Int.Input(
                    "rounds",
                    default=4,
                    min=0,
                    max=64,
                    tooltip="How many corrections of a picture at most; 0 only judges the first.",
                ),
                inputs.noise_level(
                    "sigma",
                    "noise_level",
                    "Noise level that a correction starts from: 1 redraws everything, lower keeps more of the "
                    "picture. 0 chooses by what is wrong.",
                ),
                io.Int.Input(
                    "candidates",
                    default=4,
                    min=1,
                    max=64,
                    tooltip=(
                        "With a head: how many noises a round tries, one model call each; the one with the highest "
                        "expected reward is sampled to the end. Only up to the highest noise level that the head can "
                        "read."
                    ),
                ),
                inputs.strength("Share of the corrector's correction that is applied."),
                io.Combo.Input(
                    "where",
                    display_name="corrector_placement",
                    options=list(WHERE),
                    default=WHERE[0],
                    optional=True,
                    tooltip=(
                        "window: the corrector acts at every step of the noise levels that it was trained for. once: "
                        "it acts once, on the prediction that a round starts from, which costs one model call. A "
                        "corrector that was trained to act once always does."
                    ),
                ),
                *bundled_switches(),
                inputs.claims(),
                io.Latent.Input(
                    "source",
                    optional=True,
                    tooltip=(
                        "Optional, with claims of xLARD Edit Claims: the picture to edit, from VAE Encode. It is the "
                        "first picture, and only what the instruction may change is redrawn."
                    ),
                ),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip=(
                        "Optional: the CLIP that made positive. With it the critic may reword the prompt, and the new"
                        " wording is encoded as by CLIP Text Encode. The prompt must be the same text as there."
                    ),
                ),
                io.Combo.Input(
                    "first_picture",
                    options=list(FIRST),
                    default=FIRST[0],
                    optional=True,
                    tooltip=(
                        "With a corrector that acts once; it corrects later fresh pictures in any case. plain: the "
                        "first picture is the model's own, KSampler's. doubted: it is corrected too if the head "
                        "doubts it. always: it is corrected too; most pictures are right at once, but those of a "
                        "prompt look alike."
                    ),
                ),
                io.Combo.Input(
                    "process",
                    display_name="objects",
                    options=list(PROCESSES),
                    default=PROCESSES[0],
                    optional=True,
                    tooltip=(
                        "object by object: an object that the picture lacks and has nowhere to copy from is drawn "
                        "alone, from a prompt of its own, judged on nothing else, and put together with what is "
                        "right. Each object costs a round, and so does putting it in. Needs clip, and a critic that "
                        "gives boxes."
                    ),
                ),
                io.Boolean.Input(
                    "read_steps",
                    default=False,
                    optional=True,
                    tooltip=(
                        "With a head: note which reward it expects at each step that it can read, and what each step"
                        " gained, for xLARD Report and its history. Changes nothing that is drawn."
                    ),
                ),
                inputs.most_claims(),
                *newer_switches(),
                *inputs.repair_limits(),
                inputs.claim_edits(),
                *inputs.custom_sampling(
                    "Optional: any GUIDER, for example of BasicGuider, CFGGuider or DualCFGGuider. It draws with its "
                    "own model and conditioning: put LoRAs and patches before it, and leave positive and negative "
                    "unconnected. cfg is then not used."
                ),
                switch_of("detail"),
                io.Int.Input(
                    "detail_size",
                    default=0,
                    min=0,
                    max=8192,
                    step=8,
                    optional=True,
                    tooltip=(
                        "The longer side in pixels at which detail redraws a part of a picture: the size that your "
                        "model draws best. 0: the size of the whole picture."
                    ),
                ),
                io.Int.Input(
                    "fresh_candidates",
                    default=1,
                    min=1,
                    max=64,
                    optional=True,
                    tooltip=(
                        "With a head: how many seeds a fresh picture of a later round begins with. Each is drawn to "
                        "noise level 0.5, the head reads what is predicted there, and only the best is finished. 1: no "
                        "choice, as with a noise mask or a corrector that acts once and corrects fresh pictures."
                    ),
                ),
                sockets.EditModel.Input(
                    "edit_model",
                    optional=True,
                    tooltip=(
                        "Optional, from xLARD Edit Model: a model for editing like FLUX Kontext or Qwen-Image-Edit. "
                        "It is told what is wrong with the best picture."
                    ),
                ),
                switch_of("edit"),
                io.Combo.Input(
                    "instruct_by",
                    options=list(INSTRUCT_BY),
                    default=RULES,
                    optional=True,
                    tooltip=(
                        "Who words what edit_model is told. rules: built-in rules. critic first: the critic, which has "
                        "to be able to write; where it names too little or too much, the rules, and the report says "
                        "why."
                    ),
                ),
                inputs.second_model(
                    "Optional, from xLARD Second Model: the model that draws the later steps of each run, such as "
                    "SDXL's refiner or Wan 2.2's model for low noise."
                ),
                sockets.FillModel.Input(
                    "fill_model",
                    optional=True,
                    tooltip=(
                        "Optional, from xLARD Fill Model: a model for inpainting like FLUX Fill. It redraws what "
                        "region finds wrong, and the places that rearrange empties; all other pixels stay as they are."
                    ),
                ),
                *added_switches(),
            ],
            outputs=sockets.named(
                io.Latent.Output("latent", tooltip="The best latents."),
                io.Image.Output("image", tooltip="The best pictures."),
                io.Image.Output("image_before", tooltip="The first pictures, uncorrected if first_picture is plain."),
                sockets.State.Output("state", tooltip="Every round of every picture, for xLARD Report."),
                *sockets.verdicts(),
            ),
            hidden=[io.Hidden.dynprompt, io.Hidden.unique_id],
            enable_expand=True,
        )

    @classmethod
    def fingerprint_inputs(cls, **settings: object) -> int:
        return failures("XLARDSelfCorrect", settings)

    @classmethod
    def execute(
        cls,
        model: Any,
        vae: Any,
        critic: object,
        prompt: str,
        latent_image: dict,
        seed: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        rounds: int,
        sigma: float,
        candidates: int,
        strength: float,
        where: str = WHERE[0],
        positive: list | None = None,
        negative: list | None = None,
        head: object | None = None,
        corrector: object | None = None,
        claims: object | None = None,
        clip: Any = None,
        source: dict | None = None,
        first_picture: str = FIRST[0],
        process: str = PROCESSES[0],
        read_steps: bool = False,
        most_claims: int = MOST_CLAIMS,
        may_change: str = AS_NEEDED,
        protect: Tensor | None = None,
        fix_here: Tensor | None = None,
        claim_edits: str = "",
        sampler: object | None = None,
        sigmas: object | None = None,
        guider: object | None = None,
        detail_size: int = 0,
        fresh_candidates: int = 1,
        edit_model: object | None = None,
        instruct_by: str = RULES,
        second_model: object | None = None,
        fill_model: object | None = None,
        **strategies: bool,
    ) -> io.NodeOutput:
        judge, latent = as_judge(critic), with_source(latent_image, source)
        custom = CustomSampling(sampler, sigmas, guider)
        drawing = KSamplerSettings(steps, cfg, sampler_name, scheduler)
        second = optional_second_model(second_model)
        method = sampling_method(model, positive, negative, drawing, custom, second)
        checked_claims = chosen_claims(prompt, claims, judge, most_claims, claim_edits)
        modules = optional_head(head), optional_corrector(corrector)
        used = [module for module in modules if module]
        if used or guider is None:
            check_fits(dict(zip(("head", "corrector"), modules)), model, method.positive)
        rewording = Rewording.of(method, judge, clip, prompt, second.clip if second else None)
        editor, filler = optional_editor(edit_model), optional_filler(fill_model)
        allowed = switched_on(strategies, rewording.rewriter is not None, True, True, editor is not None)
        settings = LoopSettings(
            rounds,
            allowed + rewording.introducing(process, source),
            candidates,
            strength,
            where,
            noise_level=sigma or None,
            first=first_picture,
            may_change=may_change,
            crop_side=detail_size,
            fresh_candidates=fresh_candidates,
        )
        drawer = ComfySampler(method, latent, used, rewording.rewriter)
        painted = painted_on(protect, fix_here, drawer.batch, drawer.size)
        loop = SelfCorrection(
            drawer,
            ComfyDecoder(vae),
            judge,
            *modules,
            settings,
            rewording.rewriter,
            read_steps,
            painted,
            tuple(filter(None, (custom.note, rewording.barred))),
            editor,
            InstructionWriter(judge) if editor is not None and instruct_by == CRITIC_FIRST else None,
            filler,
        )
        return loop.run(cls, prompt, checked_claims, seed, latent, is_edit=source is not None)
