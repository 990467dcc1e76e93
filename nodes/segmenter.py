"""The node that gives a critic's objects masks."""

from __future__ import annotations

from comfy_api.latest import io

from ..xlard.critics.registry import as_judge
from ..xlard.critics.segmenter.critic import MaskedCritic
from . import inputs, sockets
from .comfy import folders
from .comfy.critic.folder import load_segmenter


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
                "models/xlard/segmenters."
            ),
            inputs=[
                sockets.Critic.Input("critic", tooltip="The critic whose verdicts count; it must give boxes."),
                io.Combo.Input(
                    "segmenter_name",
                    options=folders.model_folders(folders.SEGMENTERS),
                    tooltip=(
                        "A folder in models/xlard/segmenters that holds a config.json: SAM, SAM 2, SAM-HQ or EdgeTAM, "
                        "as transformers has them."
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
    def fingerprint_inputs(cls, segmenter_name: str, **settings: object) -> str:
        return folders.folder_fingerprint(folders.model_folder(folders.SEGMENTERS, segmenter_name))

    @classmethod
    def execute(cls, critic: object, segmenter_name: str) -> io.NodeOutput:
        segmenter = load_segmenter(folders.model_folder(folders.SEGMENTERS, segmenter_name))
        return io.NodeOutput(MaskedCritic(as_judge(critic), segmenter))
