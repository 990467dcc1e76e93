"""Nodes of detectors: one as critic, and one beside a language model."""

from __future__ import annotations

from pathlib import Path

from comfy_api.latest import io

from ..xlard.critics.critic_pair import CriticPair
from ..xlard.critics.detector.transformers import OVERLAP, THRESHOLD
from ..xlard.critics.registry import as_judge
from . import inputs, sockets
from .comfy import folders
from .comfy.critic.folder import load_detector

BY_PIXELS = "pixels"
"""Colours by a rule over hue, saturation and value, without a model."""


class XLARDDetectorCritic(io.ComfyNode):
    """A folder of an object detector of transformers as critic."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDDetectorCritic",
            display_name="xLARD Detector Critic",
            category="xLARD/critic",
            **inputs.search_aliases("detect", "detect objects", "count objects", "grounding dino"),
            description=(
                "Loads an object detector that judges pictures: whether things are there, how many, where and in which "
                "colour. It says of what it cannot judge that it has no verdict. Nothing is downloaded: put the "
                "model's folder into models/xlard/detectors."
            ),
            inputs=[
                io.Combo.Input(
                    "detector_name",
                    options=folders.model_folders(folders.DETECTORS),
                    tooltip=(
                        "A folder in models/xlard/detectors that holds a config.json. Grounding DINO, OWLv2 and "
                        "OmDet-Turbo look for any noun, D-FINE, RT-DETR and RF-DETR for the labels they were trained "
                        "on."
                    ),
                ),
                io.Float.Input(
                    "threshold",
                    default=THRESHOLD,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip=(
                        "Score from which a box counts. About 0.3 for Grounding DINO and OmDet-Turbo, 0.2 for OWLv2, "
                        "0.5 for D-FINE and RT-DETR. Lower finds more, and more that is not there."
                    ),
                ),
                io.Float.Input(
                    "most_overlap",
                    default=OVERLAP,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip=(
                        "Two boxes of one noun that overlap by more than this (intersection over union) are one "
                        "object. Raise it for crowds, lower it if one thing gets several boxes."
                    ),
                ),
                io.Combo.Input(
                    "colors",
                    options=[BY_PIXELS, *folders.model_folders(folders.CLIPS)],
                    default=BY_PIXELS,
                    optional=True,
                    tooltip=(
                        "What tells colours. pixels: the hue, saturation and value that half of the pixels in the "
                        "middle of a box have. Or a folder in models/xlard/clips with a CLIP of transformers, which "
                        "takes the likeliest caption of what is in the box."
                    ),
                ),
            ],
            outputs=sockets.named(
                sockets.Critic.Output("critic", tooltip="The critic. Its weights load when it first judges.")
            ),
        )

    @classmethod
    def validate_inputs(cls, detector_name: str | None = None, colors: str | None = None) -> bool | str:
        detector = folders.is_there(folders.DETECTORS, detector_name)
        if detector is not True or colors == BY_PIXELS:
            return detector
        return folders.is_there(folders.CLIPS, colors)

    @classmethod
    def fingerprint_inputs(cls, detector_name: str, colors: str = BY_PIXELS, **settings: object) -> str:
        detector, clip = _folders(detector_name, colors)
        return " ".join(folders.folder_fingerprint(folder) for folder in (detector, clip) if folder)

    @classmethod
    def execute(
        cls, detector_name: str, threshold: float, most_overlap: float, colors: str = BY_PIXELS
    ) -> io.NodeOutput:
        detector, clip = _folders(detector_name, colors)
        return io.NodeOutput(load_detector(detector, threshold, most_overlap, clip))


def _folders(detector_name: str, colors: str) -> tuple[Path, Path | None]:
    clip = None if colors == BY_PIXELS else folders.model_folder(folders.CLIPS, colors)
    return folders.model_folder(folders.DETECTORS, detector_name), clip


class XLARDCriticPair(io.ComfyNode):
    """A detector and a language model that judge together."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDCriticPair",
            display_name="xLARD Critic Pair",
            category="xLARD/critic",
            **inputs.search_aliases("judge", "second opinion", "combine critics"),
            description=(
                "Two critics as one: the detector says what is there, how many and where, the language model judges "
                "the rest. Where both have a verdict and they disagree, there is none, and the loop blames nothing "
                "for it."
            ),
            inputs=[
                sockets.Critic.Input("detector", tooltip="The critic whose boxes count, from xLARD Detector Critic."),
                sockets.Critic.Input(
                    "language",
                    tooltip=(
                        "The critic that is asked in words, from xLARD Load Critic, xLARD Critic Server or xLARD "
                        "Critic From CLIP, through xLARD Scoring if you like."
                    ),
                ),
            ],
            outputs=sockets.named(
                sockets.Critic.Output(
                    "critic",
                    tooltip="Both as one critic. Nodes that ask in words, like xLARD Claims, ask the language model.",
                )
            ),
        )

    @classmethod
    def execute(cls, detector: object, language: object) -> io.NodeOutput:
        return io.NodeOutput(CriticPair(as_judge(detector), as_judge(language)))
