"""ComfyUI nodes: each declares its sockets and calls the library."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from .checked import checked
from .claims import XLARDClaims
from .clip_critic import XLARDCriticFromCLIP
from .collect import XLARDCollect, XLARDPrompts
from .comfy import folders
from .corrector import XLARDCorrectLatent, XLARDLoadCorrector
from .critic import XLARDCritique, XLARDLoadCritic, XLARDScoring
from .demo import XLARDDemo
from .detector import XLARDCriticPair, XLARDDetectorCritic
from .edit import XLARDEditClaims
from .edit_model import XLARDEditInstruction, XLARDEditModel
from .fill_model import XLARDFillModel
from .gate import XLARDGate
from .given_boxes import XLARDCritiqueFromBoxes
from .guide import XLARDGuideModel
from .loop import XLARDSelfCorrect
from .loop_graph import XLARDLoopEnd, XLARDLoopStart
from .loop_result import XLARDLoopResult
from .noise import XLARDSearchNoise
from .pick import XLARDPickBest
from .report import XLARDReport
from .reward import XLARDLoadHead, XLARDPredictReward
from .second_model import XLARDSecondModel
from .segmenter import XLARDCriticWithMasks
from .server import XLARDCriticServer
from .training import XLARDSaveCorrector, XLARDSaveHead, XLARDTrainCorrector, XLARDTrainHead

NODES = [
    checked(node)
    for node in (
        XLARDDemo,
        XLARDLoadCritic,
        XLARDCriticFromCLIP,
        XLARDCriticServer,
        XLARDDetectorCritic,
        XLARDCriticPair,
        XLARDCriticWithMasks,
        XLARDScoring,
        XLARDClaims,
        XLARDEditClaims,
        XLARDCritique,
        XLARDCritiqueFromBoxes,
        XLARDGate,
        XLARDLoadHead,
        XLARDPredictReward,
        XLARDSearchNoise,
        XLARDLoadCorrector,
        XLARDCorrectLatent,
        XLARDGuideModel,
        XLARDSecondModel,
        XLARDEditModel,
        XLARDEditInstruction,
        XLARDFillModel,
        XLARDSelfCorrect,
        XLARDLoopStart,
        XLARDLoopEnd,
        XLARDLoopResult,
        XLARDPickBest,
        XLARDReport,
        XLARDPrompts,
        XLARDCollect,
        XLARDTrainHead,
        XLARDTrainCorrector,
        XLARDSaveHead,
        XLARDSaveCorrector,
    )
]
"""All nodes; none runs with values that it does not declare."""


class XLARDExtension(ComfyExtension):
    """The pack as ComfyUI sees it."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """The pack's nodes; registers the pack's model folders first, because the nodes' combos list them."""
        folders.register()
        return list(NODES)
