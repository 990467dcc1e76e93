"""Models for editing: one that the loop may use, and what is wrong with a picture as an instruction for any other."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..xlard.loop.edit_instruction import instruction_of
from ..xlard.loop.ground import without_ground
from ..xlard.loop.written_instruction import InstructionWriter, WrittenInstruction
from . import inputs, sockets
from .comfy.accepted import as_critiques
from .comfy.critic.pictures import shaped_images
from .comfy.sampling.editor import METHODS, ComfyEditor, EditSettings
from .comfy.sampling.method import CustomSampling, KSamplerSettings


class XLARDEditModel(io.ComfyNode):
    """A MODEL for editing with what encodes its instructions and pictures."""

    @classmethod
    @inputs.showing("steps", "cfg", "method", "guidance", "image_cfg", "size")
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDEditModel",
            display_name="xLARD Edit Model",
            category="xLARD/loop",
            **inputs.search_aliases("kontext", "qwen image edit", "instruct pix2pix", "edit strategy"),
            description=(
                "Makes a model for editing ready for xLARD Self-Correct: its strategy edit tells the model what is "
                "wrong with the best picture. FLUX Kontext, FLUX.2, OmniGen2, Qwen-Image-Edit, InstructPix2Pix and "
                "HiDream-E1."
            ),
            inputs=[
                io.Model.Input(
                    "edit_model", tooltip="A model for editing, with your LoRAs and patches, as for KSampler."
                ),
                io.Clip.Input("edit_clip", tooltip="The text encoder of the edit model, which reads the instruction."),
                io.Vae.Input("edit_vae", tooltip="The VAE of the edit model, which encodes the picture."),
                io.Int.Input("steps", default=20, min=1, max=10000, tooltip="Sampling steps of an edit."),
                io.Float.Input(
                    "cfg",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip=(
                        "Strength of the guidance by the instruction: 1 for FLUX Kontext, FLUX.2 and LoRAs for few "
                        "steps, 2.5 for Qwen-Image-Edit, 5 for OmniGen2, 7 for InstructPix2Pix."
                    ),
                ),
                *inputs.sampling("")[2:],
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default=METHODS[0],
                    tooltip=(
                        "How the model is given the picture. auto: by its family. reference latents: FLUX Kontext, "
                        "FLUX.2, OmniGen2. concat: InstructPix2Pix, HiDream-E1. Qwen-Image-Edit: the text encoder sees "
                        "the picture, too; 2509 and later in another way than the first one."
                    ),
                ),
                io.Float.Input(
                    "guidance",
                    default=2.5,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Guidance of distilled models, as in FluxGuidance: 2.5 for Kontext, 4 for FLUX.2.",
                ),
                io.Float.Input(
                    "image_cfg",
                    default=0.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip=(
                        "Strength of the guidance by the picture, as in DualCFGGuider: 2 for OmniGen2, 1.5 for "
                        "InstructPix2Pix. It takes a third prediction at each step. 0: none."
                    ),
                ),
                *inputs.of_picture_model("edits"),
            ],
            outputs=sockets.named(
                sockets.EditModel.Output("editor", display_name="edit_model", tooltip="For xLARD Self-Correct.")
            ),
        )

    @classmethod
    def execute(
        cls,
        edit_model: Any,
        edit_clip: Any,
        edit_vae: Any,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        method: str,
        guidance: float,
        image_cfg: float,
        negative: str,
        size: int,
        sampler: object | None = None,
        sigmas: object | None = None,
    ) -> io.NodeOutput:
        settings = EditSettings(method, negative, image_cfg, guidance, size)
        drawing = KSamplerSettings(steps, cfg, sampler_name, scheduler)
        custom = CustomSampling(sampler, sigmas)
        return io.NodeOutput(ComfyEditor(edit_model, edit_clip, edit_vae, settings, drawing, custom))


class XLARDEditInstruction(io.ComfyNode):
    """What is wrong with pictures as instructions for an edit model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDEditInstruction",
            display_name="xLARD Edit Instruction",
            category="xLARD/loop",
            **inputs.search_aliases("edit prompt", "repair prompt", "fix it", "kontext prompt"),
            description=(
                "Writes what is wrong with a picture as an instruction for any model that edits, an API node too: "
                "'remove one of the three red cups; make the car blue; keep everything else as it is'. By rules, "
                "or in the words of a critic that can write, which are checked."
            ),
            inputs=[
                sockets.Critique.Input("critique", tooltip="From xLARD Critique, or from xLARD Loop Start."),
                io.Image.Input("image", tooltip="The pictures of the critique. The mask has their size."),
                sockets.Critic.Input(
                    "critic",
                    optional=True,
                    tooltip=(
                        "Optional: a critic that can write. It words the instruction; where it names too little or too "
                        "much, the rules do, and note says why. Unconnected: the rules."
                    ),
                ),
            ],
            outputs=sockets.named(
                io.String.Output(
                    "instruction",
                    is_output_list=True,
                    tooltip="For each picture what to change and what to keep, for CLIP Text Encode or an API node.",
                ),
                io.String.Output(
                    "keep", is_output_list=True, tooltip="For each picture what to keep: the end of the instruction."
                ),
                io.Mask.Output(
                    "mask",
                    tooltip=(
                        "1 where the picture may change: what the changes are about, all that is free where something "
                        "is added or moved, and everything where nobody knows where it is wrong."
                    ),
                ),
                io.Int.Output(
                    "failed",
                    is_output_list=True,
                    tooltip="For each picture how many failed claims the instruction names.",
                ),
                io.String.Output(
                    "note",
                    is_output_list=True,
                    tooltip=(
                        "For each picture why its instruction is not in the critic's words; empty where it is, and "
                        "without a critic."
                    ),
                ),
            ),
        )

    @classmethod
    def execute(cls, critique: object, image: Tensor, critic: object | None = None) -> io.NodeOutput:
        images, critiques = shaped_images(image), as_critiques(critique)
        if len(images) != len(critiques):
            raise ValueError(
                f"There are {len(critiques)} critiques and {len(images)} pictures. Connect the pictures that were "
                "judged."
            )
        size = (images.shape[1], images.shape[2])
        by_rules = [instruction_of(without_ground(judged, size)) for judged in critiques]
        write = WrittenInstruction.of_rules if critic is None else InstructionWriter(critic)
        written = list(map(write, by_rules))
        return io.NodeOutput(
            [instruction.text for instruction in written],
            [instruction.to_keep for instruction in by_rules],
            torch.stack([instruction.may_change(size).float() for instruction in by_rules]),
            [len(instruction.claims) for instruction in by_rules],
            [instruction.note for instruction in written],
        )
