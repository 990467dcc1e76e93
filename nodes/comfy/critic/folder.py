"""Folders of critics and detectors under ComfyUI's memory manager."""

from __future__ import annotations

from pathlib import Path

import comfy.model_management
import comfy.utils
from torch import nn

from ....xlard.critics.detector.clip_colors import ClipColors, ClipFolder
from ....xlard.critics.detector.critic import DetectorCritic
from ....xlard.critics.detector.folder import DetectorFolder
from ....xlard.critics.detector.judging import PIXELS
from ....xlard.critics.detector.transformers import OVERLAP, THRESHOLD, TransformersDetector
from ....xlard.critics.folder import CriticFolder
from ....xlard.critics.mllm import MLLMCritic
from ....xlard.critics.segmenter.critic import Segmenter
from ....xlard.critics.segmenter.folder import SegmenterFolder
from ....xlard.critics.segmenter.grab_cut import GrabCut
from ....xlard.critics.segmenter.transformers import TransformersSegmenter
from ....xlard.critics.transformers import TransformersBackend
from ..compat.sampling import free_device
from ..managed import ManagedModule

check_interrupt = comfy.model_management.throw_exception_if_processing_interrupted


def show_progress(done: float, total: int) -> None:
    """Shows on the running node how many of its questions a critic has answered."""
    # A bar may belong to the node that made it, and a critic is asked by several.
    comfy.utils.ProgressBar(100).update_absolute(min(round(100 * done / max(total, 1)), 100), 100)


class _Module:
    """The model of a folder: read at the first call, loaded at each, left to ComfyUI to take off the GPU."""

    def __init__(self, folder: CriticFolder | DetectorFolder | SegmenterFolder | ClipFolder):
        self._folder = folder
        self._managed: ManagedModule | None = None

    def __call__(self) -> nn.Module:
        if self._managed is None:
            check_interrupt()
            self._managed = ManagedModule(self._folder.load_module())
        return self._managed.load()

    def make_room(self) -> None:
        """Take all other models off the device; they come back when they are used."""
        free_device(keep=None if self._managed is None else self._managed.patcher)
        comfy.model_management.soft_empty_cache()


def load_critic(
    folder: Path, dtype: str = "auto", attention: str = "sdpa", quantization: str = "none", max_tokens: int = 1024
) -> MLLMCritic:
    """A critic whose weights are read at the first picture, not before; stops at any token when the artist cancels."""
    files = CriticFolder(folder, dtype, attention, quantization)
    module = _Module(files)
    return MLLMCritic(
        TransformersBackend(
            files, module, check_interrupt, show_progress, max_tokens=max_tokens, make_room=module.make_room
        )
    )


def load_detector(
    folder: Path, threshold: float = THRESHOLD, most_overlap: float = OVERLAP, clip: Path | None = None
) -> DetectorCritic:
    """A detector as critic, with colours by pixels or by the CLIP of a folder; weights are read at the first picture.

    Raises CriticError for what is no detector and no CLIP.
    """
    files = DetectorFolder(folder)
    module = _Module(files)
    detector = TransformersDetector(files, module, threshold, most_overlap, check_interrupt, module.make_room)
    return DetectorCritic(detector, PIXELS if clip is None else _load_clip_colors(clip))


def _load_clip_colors(folder: Path) -> ClipColors:
    files = ClipFolder(folder)
    files.check()
    module = _Module(files)
    return ClipColors(files, module, check_interrupt, module.make_room)


def load_segmenter(folder: Path | None) -> Segmenter:
    """A segmenter, whose weights are read at the first picture; without a folder GrabCut, which has none.

    Raises CriticError for what is no segmenter, and for GrabCut without OpenCV.
    """
    if folder is None:
        return GrabCut(check_interrupt)
    files = SegmenterFolder(folder)
    files.check()
    module = _Module(files)
    return TransformersSegmenter(files, module, check_interrupt, module.make_room)
