"""What a head or a corrector is trained with: collected pictures, in groups by prompt, checked before hours are spent
on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .dataset import Dataset, Source
from .records import Encode, Records, join

VALIDATION = 0.25
"""Share of the prompts that is kept out of training."""

FEWEST_PICTURES = 8
"""Fewer pictures with a verdict are refused."""

_SMALLEST_SIDE = 4


@dataclass(frozen=True)
class TrainingData:
    """Judged records of three groups of prompts: ``training``; ``tuning``, by which weights are chosen and calibrated;
    and ``held_out``, on which only the figures are measured.

    ``digest`` names the data: it changes with the pictures, their prompts and the critic's rewards.
    """

    source: Source
    training: Records
    tuning: Records
    held_out: Records
    encode: Encode
    digest: str

    def counts(self) -> dict[str, int]:
        """How much there is, for the figures saved with weights."""
        held_out = self.held_out
        return {
            "pictures": len(self.training.pictures.unique()),
            "latents": len(self.training),
            "prompts": len(set(self.training.prompts)),
            "held_out_pictures": len(held_out.pictures.unique()),
            "held_out_prompts": len(set(held_out.prompts)),
        }


def training_data(datasets: Sequence[Dataset], seed: int) -> TrainingData:
    """The records of datasets of one model, in groups by ``seed``; a prompt is in one group only, whichever dataset it
    is in.

    Raises ValueError for what cannot be trained with: no verdicts, too few pictures or prompts, all right or all wrong,
    different models or sizes, latents that are tiny or not finite.
    """
    source = _source(datasets)
    _check_pictures(datasets)
    prompts, validation = _split(datasets, seed)
    kept_out = set(validation)
    training = _judged(datasets, [prompt for prompt in prompts if prompt not in kept_out], prompts, "training")
    tuning = _judged(datasets, validation[::2], prompts, "tuning")
    held_out = _judged(datasets, validation[1::2], prompts, "held-out")
    _check_records(training)
    return TrainingData(source, training, tuning, held_out, _encoder(datasets), _digest((training, tuning, held_out)))


def judged_records(datasets: Sequence[Dataset]) -> tuple[Records, Encode]:
    """All records of datasets of one model with a verdict, and their prompts' embeddings. Raises ValueError for
    none.
    """
    _source(datasets)
    prompts = list(dict.fromkeys(picture.prompt for dataset in datasets for picture in dataset.pictures()))
    return _judged(datasets, prompts, prompts, "datasets'"), _encoder(datasets)


def _encoder(datasets: Sequence[Dataset]) -> Encode:
    return datasets[0].encode if len(datasets) == 1 else _Encoder(datasets)


def _source(datasets: Sequence[Dataset]) -> Source:
    if not datasets:
        raise ValueError("There is no dataset to train with. Connect or name one.")
    for dataset in datasets[1:]:
        if dataset.source != datasets[0].source:
            raise ValueError(
                f"{dataset.folder} was collected with {dataset.source}, {datasets[0].folder} with {datasets[0].source}."
                " A head or corrector belongs to one model: train with the datasets of one."
            )
    return datasets[0].source


def _check_pictures(datasets: Sequence[Dataset]) -> None:
    folders = _folders(datasets)
    pictures = [picture for dataset in datasets for picture in dataset.pictures()]
    judged = [picture for picture in pictures if picture.confidence > 0]
    if not judged:
        raise ValueError(
            f"The critic gave no verdict on any of the {len(pictures)} pictures in {folders}. Look at its answers with "
            "xLARD Critique, and collect again with a critic that answers."
        )
    if len(judged) < FEWEST_PICTURES:
        raise ValueError(
            f"There are {len(judged)} pictures with a verdict in {folders}; {FEWEST_PICTURES} is the least, some"
            " hundreds are useful. Collect more."
        )
    _check_classes([picture.passed for picture in judged], "pictures")


def _check_classes(passed: list[bool], what: str) -> None:
    if all(passed) or not any(passed):
        outcome, prompts = ("passed", "harder") if all(passed) else ("failed", "easier")
        raise ValueError(
            f"All {len(passed)} {what} {outcome}: there is nothing to tell apart. Collect {prompts} prompts too, which"
            " the model gets right sometimes and wrong sometimes."
        )


def _folders(datasets: Sequence[Dataset]) -> str:
    return " and ".join(str(dataset.folder) for dataset in datasets)


def _split(datasets: Sequence[Dataset], seed: int) -> tuple[list[str], list[str]]:
    """All prompts, and those kept out of training: at least two, one for each of two groups."""
    share = VALIDATION
    prompts: list[str] = []
    validation: list[str] = []
    while len(validation) < 2 and share < 1:
        splits = [dataset.split(share, seed) for dataset in datasets]
        validation = list(dict.fromkeys(prompt for _, kept_out in splits for prompt in kept_out))
        prompts = list(dict.fromkeys(prompt for groups in splits for group in groups for prompt in group))
        share += 0.05
    return prompts, validation


def _judged(datasets: Sequence[Dataset], group: list[str], prompts: list[str], name: str) -> Records:
    """The records of a group's pictures, without those that are read with another group's prompt."""
    chosen, others = set(group), set(prompts) - set(group)
    collections = [
        dataset.records(chosen)
        for dataset in datasets
        if any(picture.prompt in chosen for picture in dataset.pictures())
    ]
    if not collections:
        raise ValueError(f"There are no pictures in {_folders(datasets)}. Collect some.")
    records = join(collections)
    keep = (records.confidence > 0) & torch.tensor([prompt not in others for prompt in records.prompts])
    if not keep.any():
        raise ValueError(
            f"None of the {name} prompts' pictures has a verdict. Collect more pictures, or with a critic that answers."
        )
    return records.where(keep)


def _check_records(records: Records) -> None:
    height, width = records.latents.shape[-2:]
    if min(height, width) < _SMALLEST_SIDE:
        raise ValueError(
            f"The latents are {width} x {height}; smaller than {_SMALLEST_SIDE} x {_SMALLEST_SIDE} they show nothing."
            " Collect larger pictures."
        )
    for name in ("latents", "finals", "rewards", "noise_level"):
        if not torch.isfinite(getattr(records, name)).all():
            raise ValueError(
                f"The dataset's {name} hold NaN or infinite values: a sampler failed, or a file is damaged. Collect"
                " again into a new dataset, with a lower CFG or the model in fp32 or bf16."
            )
    _check_classes(records.passed.bool().tolist(), "latents of the training prompts")


def _digest(groups: Sequence[Records]) -> str:
    """A few letters that stand for the records: their prompts, levels and rewards."""
    content = hashlib.sha256()
    for records in groups:
        content.update("\n".join(records.prompts).encode())
        for values in (records.noise_level, records.rewards, records.confidence, records.pictures):
            content.update(values.double().numpy().tobytes())
    return content.hexdigest()[:16]


class _Encoder:
    """The embeddings of prompts that lie in several datasets."""

    def __init__(self, datasets: Sequence[Dataset]):
        self._datasets = datasets

    def __call__(self, prompts: list[str]) -> Tensor:
        contexts = [
            next((dataset for dataset in self._datasets if dataset.knows(prompt)), self._datasets[0]).encode([prompt])
            for prompt in prompts
        ]
        return torch.nn.utils.rnn.pad_sequence([context[0] for context in contexts], batch_first=True)
