"""The kinds of files that the pack writes, each with something that was there before and something that is added."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import Linear

from tests.support.made_up_dataset import PROMPTS, made_up
from tests.support.report_states import RIGHT, WRONG, judged, judged_state
from xlard.models.head import HeadConfig, RewardHead
from xlard.report.write import write_report
from xlard.training.dataset import Dataset
from xlard.training.trainer import Trainer


class Written(NamedTuple):
    """``first`` and ``second`` write into a folder; ``read`` says what a reader finds there, ``fsyncs`` and
    ``replaces`` how often ``second`` asks the operating system for each.
    """

    first: Callable[[Path], object]
    second: Callable[[Path], object]
    read: Callable[[Path], Any]
    fsyncs: int
    replaces: int


def _pictures(folder: Path) -> dict[tuple[str, int], str]:
    """A fingerprint of the finished latent of each picture of a data set."""
    dataset = Dataset.load(folder)
    return {
        (picture.prompt, picture.seed): fingerprint([dataset.finals(picture.part)[picture.place]])
        for picture in dataset.pictures()
    }


def _head(seed: int) -> Callable[[Path], None]:
    def save(folder: Path) -> None:
        torch.manual_seed(seed)
        RewardHead(HeadConfig(4, 16, "a test model", width=32, layers=1)).save(folder / "head.safetensors")

    return save


def _report(name: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        torch.manual_seed(0)
        write_report([judged_state(judged(WRONG), judged(RIGHT))], folder, name)

    return write


def _reports(folder: Path) -> dict[str, str]:
    """A fingerprint of each file of the reports that are whole."""
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob("*.*")
        if path.suffix != ".part"
    }
    whole = {name for name in ("first", "second") if all(f"{name}.{end}" in files for end in ("html", "png", "json"))}
    return {name: digest for name, digest in files.items() if name.partition(".")[0] in whole}


def _trained(steps: int) -> Callable[[Path], Trainer]:
    def train(folder: Path) -> Trainer:
        torch.manual_seed(0)
        # Large enough for a small disk to be too small.
        trainer = Trainer(folder / "run", Linear(64, 64), steps, 0.01, 0, "cpu", schedule=lambda step, steps: 1.0)
        trainer.run(lambda step, generator: trainer.module(torch.randn(4, 64, generator=generator)).square().mean())
        return trainer

    return train


def fingerprint(tensors: list[Tensor]) -> str:
    """Tells tensors apart, to the last bit."""
    return hashlib.sha256(b"".join(tensor.detach().contiguous().numpy().tobytes() for tensor in tensors)).hexdigest()


def _weights(folder: Path) -> str:
    """The weights that a run of four steps ends with, however far it is."""
    return fingerprint(list(_trained(4)(folder).module.parameters()))


WRITTEN = {
    "data set": Written(
        lambda folder: made_up(folder, PROMPTS[:2]),
        lambda folder: made_up(folder, PROMPTS[2:3], seed=1),
        _pictures,
        3,
        2,
    ),
    "head": Written(
        _head(0),
        _head(1),
        lambda folder: fingerprint(list(RewardHead.load(folder / "head.safetensors").parameters())),
        1,
        1,
    ),
    "report": Written(_report("first"), _report("second"), _reports, 3, 3),
    "training": Written(_trained(2), _trained(4), _weights, 2, 2),
}
