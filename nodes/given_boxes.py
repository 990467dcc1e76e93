"""The node that judges by boxes and masks of other nodes."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from ..xlard.critics.broken_pictures import broken_critique, fault_of
from ..xlard.critique import Critique, with_accepted
from . import inputs, sockets
from .comfy.accepted import needed_claims
from .comfy.critic.chosen import changed_claims
from .comfy.critic.pictures import checked_images, critique_output


class XLARDCritiqueFromBoxes(io.ComfyNode):
    """What is wrong with pictures, by boxes that another node found."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDCritiqueFromBoxes",
            display_name="xLARD Critique From Boxes",
            category="xLARD/critic",
            **inputs.search_aliases("judge", "detect", "count boxes", "sam3"),
            is_output_node=True,
            description=(
                "Judges claims by boxes and masks of any other node, such as SAM3 Detect and RT-DETR Detect: whether "
                "things are there, how many, where and in which colour. On other claims there is no verdict."
            ),
            inputs=[
                io.Image.Input("images", tooltip="The pictures that the boxes were found in."),
                sockets.Claims.Input("claims", tooltip="The claims, from xLARD Claims or xLARD Loop Start."),
                sockets.Boxes.Input(
                    "bboxes",
                    tooltip=(
                        "Boxes in pixels: a list for each picture, as detectors give them, or one box or list for all "
                        "pictures."
                    ),
                ),
                io.String.Input(
                    "label",
                    default="",
                    optional=True,
                    tooltip=(
                        "What was looked for, separated by commas, for example 'cat, dog'. It says what boxes without "
                        "a label show, and that a thing without a box is not there; nouns that are in neither have no "
                        "verdict."
                    ),
                ),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip=(
                        "Optional: the objects' exact shapes, from which their colours are read. One mask for each "
                        "picture, or for each box."
                    ),
                ),
                io.Boolean.Input(
                    "individual_masks",
                    default=False,
                    optional=True,
                    tooltip="As in SAM3 Detect: there is a mask for each box, not one for each picture.",
                ),
                inputs.claim_edits(),
            ],
            outputs=sockets.judgement(),
            hidden=[io.Hidden.dynprompt, io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        images: Tensor,
        claims: object,
        bboxes: object,
        label: str = "",
        masks: Tensor | None = None,
        individual_masks: bool = False,
        claim_edits: str = "",
    ) -> io.NodeOutput:
        # Imported late: pydantic is no part of ComfyUI's start.
        from ..xlard.critics.detector.given_boxes import critiques_of_boxes

        images, checked_claims = checked_images(images), changed_claims(needed_claims(claims), claim_edits)
        critiques = [Critique(())] * len(images)
        if checked_claims:
            critiques = critiques_of_boxes(images, checked_claims, bboxes, label, masks, individual_masks)
            faults = map(fault_of, images)
            critiques = [
                broken_critique(checked_claims, fault) if fault else with_accepted(critique)
                for critique, fault in zip(critiques, faults)
            ]
        return critique_output(cls, images, critiques, checked_claims.notes)
