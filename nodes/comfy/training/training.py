"""Training inside ComfyUI: the device, the progress bar, the curves, and where results are saved."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import comfy.model_management as memory
import comfy.utils
import numpy as np
import torch
from torch import Tensor

from ....xlard.training.plot import Curve, loss_plot
from ... import folders
from ..managed import ManagedModule

if TYPE_CHECKING:
    from ....xlard.training.dataset import Dataset
    from ....xlard.training.trainer import TrainingProgress

_ALL = 1e30
_BAR_SECONDS, _PREVIEW_SECONDS = 0.2, 3.0


@contextmanager
def training_device() -> Iterator[str]:
    """ComfyUI's device, emptied of models for as long as it trains, and gradients, which ComfyUI switches off for
    nodes."""
    device = memory.get_torch_device()
    with torch.inference_mode(False), torch.enable_grad():
        memory.free_memory(_ALL, device)
        try:
            yield str(device)
        finally:
            memory.soft_empty_cache()


class TrainingBar:
    """Shows a training on its node, with its curves every few seconds; call it with each step's progress.

    Raises ComfyUI's interrupt exception when the artist cancels.
    """

    def __init__(self, name: str):
        self._name, self._bar = name, comfy.utils.ProgressBar(1)
        self._told = self._drawn = 0.0

    def __call__(self, progress: TrainingProgress) -> None:
        memory.throw_exception_if_processing_interrupted()
        now, done = time.monotonic(), progress.step == progress.steps
        preview = None
        if progress.losses and (done or now - self._drawn > _PREVIEW_SECONDS):
            self._drawn, picture = now, loss_plot(progress.losses, progress.validation, self._title(progress))
            preview = ("JPEG", picture, max(picture.size))
        if preview or done or now - self._told > _BAR_SECONDS:
            self._told = now
            self._bar.update_absolute(progress.step, progress.steps, preview)

    def _title(self, progress: TrainingProgress) -> str:
        return (
            f"{self._name}: step {progress.step} of {progress.steps}, about {progress.seconds_left / 60:.1f} min left"
        )


def run_folder(dataset: Dataset, name: str) -> Path:
    """Where the state of a run is kept; raises ValueError for a name that leads elsewhere."""
    return folders.inside(dataset.folder / "runs", name)


def loss_map(losses: Curve) -> dict[str, list[float]]:
    """A LOSS_MAP for ComfyUI's loss graph."""
    values = [value for _, value in losses]
    if max(values) == min(values):
        # The graph divides by the distance of highest and lowest: the smallest there is keeps it from failing.
        values.append(math.nextafter(values[-1], math.inf))
    return {"loss": values}


def plot_image(losses: Curve, validation: Curve, title: str) -> Tensor:
    """The curves of a run as an IMAGE (1, H, W, 3)."""
    return torch.from_numpy(np.asarray(loss_plot(losses, validation, title), dtype=np.float32) / 255)[None]


def save(managed: ManagedModule, kind: str, name: str, overwrite: bool) -> Path:
    """Save a head or corrector (``folders.HEADS`` or ``CORRECTORS``), whole or not at all; returns where."""
    path = folders.new_file(kind, name, overwrite)
    managed.module.save(path)
    return path
