"""Training inside ComfyUI: the device, the progress bar, the curves, and where results are saved."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import comfy.model_management as memory
import comfy.utils
import numpy as np
import torch
from torch import Tensor

from ....xlard.training.plot import Curve, loss_plot
from .. import folders
from ..compat.sampling import free_device
from ..managed import ManagedModule

if TYPE_CHECKING:
    from ....xlard.models.corrector import LatentCorrector
    from ....xlard.models.head import RewardHead
    from ....xlard.training.dataset import Dataset
    from ....xlard.training.settings import CorrectorSettings, TrainingSettings
    from ....xlard.training.trainer import TrainingProgress

_BAR_SECONDS, _PREVIEW_SECONDS = 0.2, 3.0


def trained_head(dataset: Dataset, settings: TrainingSettings, name: str) -> tuple[ManagedModule, dict, Tensor, str]:
    """A head trained on a dataset as run ``name``: the head, its LOSS_MAP, the plot of its curves, and a report."""
    from ....xlard.training.report import head_report
    from ....xlard.training.train import train_head

    with _training_device() as device:
        trained = train_head([dataset], settings, _run_folder(dataset, name), device, _TrainingBar(name))
        head = ManagedModule(trained.head)
    report = head_report(trained.figures, head.config.noise_level_range)
    return head, _loss_map(trained.losses), _plot_image(trained.losses, trained.validation, name), report


def trained_corrector(
    dataset: Dataset, goal: CorrectorSettings, settings: TrainingSettings, name: str, head: ManagedModule | None
) -> tuple[ManagedModule, dict, Tensor, str]:
    """A corrector trained on a dataset as run ``name``: the corrector, its LOSS_MAP, the plot of its curves, and a
    report.
    """
    from ....xlard.training.report import corrector_report
    from ....xlard.training.train import train_corrector

    module: Any = None if head is None else head.module
    folder = _run_folder(dataset, name)
    with _training_device() as device:
        trained = train_corrector([dataset], goal, settings, folder, device, module, _TrainingBar(name))
        corrector = ManagedModule(trained.corrector)
    plot = _plot_image(trained.losses, trained.validation, name)
    return corrector, _loss_map(trained.losses), plot, corrector_report(trained.figures)


def save(managed: ManagedModule, kind: str, name: str, overwrite: bool) -> Path:
    """Save a head or corrector (``folders.HEADS`` or ``CORRECTORS``), whole or not at all; returns where."""
    path, module = folders.new_file(kind, name, overwrite), managed.module
    cast("RewardHead | LatentCorrector", module).save(path)
    return path


@contextmanager
def _training_device() -> Iterator[str]:
    """ComfyUI's device, emptied of models for as long as it trains, and gradients, which ComfyUI switches off for
    nodes.
    """
    device = memory.get_torch_device()
    with torch.inference_mode(False), torch.enable_grad():
        free_device()
        try:
            yield str(device)
        finally:
            memory.soft_empty_cache()


class _TrainingBar:
    """Shows a training on its node, with its curves every few seconds; call it with each step's progress.

    Raises ComfyUI's interrupt exception when the artist cancels.
    """

    def __init__(self, name: str):
        self._name, self._bar = name, comfy.utils.ProgressBar(1)
        self._bar_moved = self._curves_shown = 0.0

    def __call__(self, progress: TrainingProgress) -> None:
        memory.throw_exception_if_processing_interrupted()
        now, done = time.monotonic(), progress.step == progress.steps
        preview = None
        if progress.losses and (done or now - self._curves_shown > _PREVIEW_SECONDS):
            self._curves_shown, picture = now, loss_plot(progress.losses, progress.validation, self._title(progress))
            preview = ("JPEG", picture, max(picture.size))
        if preview or done or now - self._bar_moved > _BAR_SECONDS:
            self._bar_moved = now
            self._bar.update_absolute(progress.step, progress.steps, preview)

    def _title(self, progress: TrainingProgress) -> str:
        return (
            f"{self._name}: step {progress.step} of {progress.steps}, about {progress.seconds_left / 60:.1f} min left"
        )


def _run_folder(dataset: Dataset, name: str) -> Path:
    """Where the state of a run is kept; raises ValueError for a name that leads elsewhere."""
    return folders.inside(dataset.folder / "runs", name)


def _loss_map(losses: Curve) -> dict[str, list[float]]:
    """A LOSS_MAP for ComfyUI's loss graph."""
    values = [value for _, value in losses]
    if max(values) == min(values):
        # The graph divides by the distance of highest and lowest: the smallest there is keeps it from failing.
        values.append(math.nextafter(values[-1], math.inf))
    return {"loss": values}


def _plot_image(losses: Curve, validation: Curve, title: str) -> Tensor:
    """The curves of a run as an IMAGE (1, H, W, 3)."""
    return torch.from_numpy(np.asarray(loss_plot(losses, validation, title), dtype=np.float32) / 255)[None]
