"""Nodes of the critic: load one, and have it judge pictures."""

from __future__ import annotations

from comfy_api.latest import io, ui

from . import folders, sockets
from .adapters.critic import ManagedCritic
from .adapters.pictures import annotated_images, checked_images, critique_text, mean_score, readable_claims, wrong_masks


class XLARDLoadCritic(io.ComfyNode):
    """A folder of a transformers image-text-to-text model as critic."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDLoadCritic", display_name="xLARD Load Critic", category="xLARD/critic",
            description="Loads a vision-language model that judges pictures. Nothing is downloaded: put the model's "
                        "folder into models/xlard/critics or models/LLM.",
            inputs=[
                io.Combo.Input("critic_name", options=folders.critics(),
                               tooltip="A folder in models/xlard/critics or models/LLM that holds a config.json."),
                io.Combo.Input("dtype", options=["auto", "fp32", "fp16", "bf16"], default="auto",
                               tooltip="Precision of the weights; auto takes what the folder was saved in."),
                io.Combo.Input("attention", options=["sdpa", "eager"], default="sdpa",
                               tooltip="How attention is computed: sdpa is fast, eager runs everywhere."),
            ],
            outputs=sockets.named(
                sockets.Critic.Output("critic", tooltip="The critic. Its weights load when it first judges.")))

    @classmethod
    def fingerprint_inputs(cls, critic_name: str, dtype: str, attention: str) -> str:
        folder = folders.critic_folder(critic_name)
        return folders.fingerprint(*sorted(folder.glob("*.json")), *sorted(folder.glob("*.safetensors")))

    @classmethod
    def execute(cls, critic_name: str, dtype: str, attention: str) -> io.NodeOutput:
        return io.NodeOutput(ManagedCritic(folders.critic_folder(critic_name), dtype, attention))


class XLARDCritique(io.ComfyNode):
    """What is wrong with pictures, claim by claim."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDCritique", display_name="xLARD Critique", category="xLARD/critic", is_output_node=True,
            description="Shows which claims of the prompt hold in a picture and which do not: counts, colours and "
                        "positions, with boxes.",
            inputs=[
                io.Image.Input("images", tooltip="The pictures to judge, each against the same prompt."),
                sockets.Critic.Input("critic", tooltip="The critic that judges."),
                io.String.Input("prompt", multiline=True, default="",
                                tooltip="What the pictures should show, for example 'two red circles left of a blue "
                                        "square'. Its claims are read out of it."),
            ],
            outputs=sockets.named(
                sockets.Critique.Output("critique", tooltip="The critique of each picture, for other xLARD nodes."),
                io.Image.Output("annotated", tooltip="Each picture with boxes, beside a card of its claims, ticked or "
                                                     "crossed."),
                sockets.Boxes.Output("boxes", tooltip="The objects that the critic sees, one list for each picture: x, "
                                                      "y, width, height in pixels, label, score."),
                io.Mask.Output("mask", tooltip="What is wrong: 1 inside the boxes of objects that failed claims rest "
                                               "on."),
                io.Float.Output("score", tooltip="Share of the claims that hold, in [0, 1], partly right ones in part; "
                                                 "the mean over the pictures."),
                io.Boolean.Output("passed", tooltip="Whether every claim holds in every picture."),
                io.String.Output("report", tooltip="The critique in words."),
            ))

    @classmethod
    def execute(cls, images, critic, prompt: str) -> io.NodeOutput:
        images, claims = checked_images(images), readable_claims(prompt)
        critiques = critic.judge(images, [claims] * len(images))
        annotated = annotated_images(images, critiques)
        boxes = [[detection.to_bounding_box() for detection in critique.detections] for critique in critiques]
        return io.NodeOutput(
            critiques, annotated, boxes, wrong_masks(images, critiques), mean_score(critiques),
            all(critique.passed for critique in critiques), critique_text(critiques),
            ui=ui.PreviewImage(annotated, cls=cls))
