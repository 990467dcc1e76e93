"""The node that gives a critic's objects masks."""

from __future__ import annotations

from pathlib import Path

from comfy_api.latest import io

from ..xlard.critics.registry import as_judge
from ..xlard.critics.segmenter.critic import MaskedCritic
from . import inputs, sockets
from .comfy import folders
from .comfy.critic.folder import load_segmenter
from .comfy.critic.sam3 import Sam3

GRAB_CUT = "GrabCut"
"""The segmenter that needs no model."""


class XLARDCriticWithMasks(io.ComfyNode):
    """A critic whose objects have masks, by a segmenter."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDCriticWithMasks",
            display_name="xLARD Critic With Masks",
            category="xLARD/critic",
            **inputs.search_aliases("segment", "sam", "masks from boxes"),
            description=(
                "A critic as it is, and a segmenter that makes a mask of each box that it sees: object_masks of xLARD "
                "Critique are then the objects and not their boxes. Nothing is downloaded: put the model's folder into "
                "models/xlard/segmenters, choose GrabCut, or connect SAM 3."
            ),
            inputs=[
                sockets.Critic.Input("critic", tooltip="The critic whose verdicts count; it must give boxes."),
                io.Combo.Input(
                    "segmenter_name",
                    options=[GRAB_CUT, *folders.model_folders(folders.SEGMENTERS)],
                    tooltip=(
                        "A folder in models/xlard/segmenters that holds a config.json: SAM, SAM 2, SAM-HQ or EdgeTAM, "
                        "as transformers has them. Or GrabCut, which needs no model, but the package OpenCV: it takes "
                        "what differs in colour from what is around the box."
                    ),
                ),
                io.Model.Input(
                    "sam3",
                    optional=True,
                    tooltip=(
                        "The MODEL of a SAM 3 checkpoint, from Load Checkpoint: it makes the masks in place of the "
                        "segmenter above. Releases of ComfyUI without SAM 3 refuse it."
                    ),
                ),
            ],
            outputs=sockets.named(
                sockets.Critic.Output(
                    "masked",
                    display_name="critic",
                    tooltip="The critic with masks. Nodes that ask in words ask the critic inside of it.",
                )
            ),
        )

    @classmethod
    def validate_inputs(cls, segmenter_name: str | None = None) -> bool | str:
        return segmenter_name == GRAB_CUT or folders.is_there(folders.SEGMENTERS, segmenter_name)

    @classmethod
    def fingerprint_inputs(cls, segmenter_name: str, **settings: object) -> str:
        folder = _folder(segmenter_name)
        return folders.folder_fingerprint(folder) if folder else GRAB_CUT

    @classmethod
    def execute(cls, critic: object, segmenter_name: str, sam3: object | None = None) -> io.NodeOutput:
        segmenter = load_segmenter(_folder(segmenter_name)) if sam3 is None else Sam3(sam3)
        return io.NodeOutput(MaskedCritic(as_judge(critic), segmenter))


def _folder(segmenter_name: str) -> Path | None:
    return None if segmenter_name == GRAB_CUT else folders.model_folder(folders.SEGMENTERS, segmenter_name)
