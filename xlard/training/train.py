"""Train a head or a corrector on datasets: the same for ComfyUI's nodes and for the command line."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from ..models.corrector import CorrectorConfig, LatentCorrector
from ..models.head import HeadConfig, RewardHead
from .data import TrainingData, judged_records, training_data
from .dataset import Dataset
from .distillation import Distillation
from .drafting import Drafting
from .head import HeadBatches, calibrated, head_figures, head_loss, predict, usable_level
from .objectives import CorrectorObjective, sized_like
from .pathwise import Pathwise, PathwiseSettings
from .records import FINAL, NO_REWARD, Encode, Records
from .regional_head import RegionalHead, seen_labels
from .repair_pairs import RepairPairs
from .trainer import Trainer, TrainingProgress, decay_for, machine
from .validation import DraftErrors, Errors, Opinions, RepairPairErrors, Validation, mean, some

Kind = Literal["distillation", "mending", "path-wise", "drafting"]
OnStep = Callable[[TrainingProgress], None]

_REGIONS = 0.3
_VALIDATIONS = 20


@dataclass(frozen=True)
class TrainingSettings:
    """Steps, latents in a batch, AdamW's peak learning rate, and the size of the transformer; ``width`` is a multiple
    of 32.

    ``max_seconds`` stops early; a later run goes on.
    """

    steps: int = 2000
    batch: int = 32
    learning_rate: float = 1e-3
    width: int = 128
    layers: int = 4
    seed: int = 0
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.width < 32 or self.width % 32:
            raise ValueError(
                f"The width is {self.width}; it must be a multiple of 32, so that attention can part it. Take 128."
            )


@dataclass(frozen=True)
class CorrectorSettings:
    """What a corrector is trained for: the noise levels in [0, 1] that it corrects at, from ``noise_level_start`` down
    to ``noise_level_end``, and its trust region. It also learns from the levels below, down to ``learns_until``.

    ``emphasis`` is distillation's (see ``Distillation``), ``anchor`` the path-wise way's (see ``PathwiseSettings``).
    Drafting learns from ``noise_level_start`` down to ``noise_level_end``, where its corrector then acts once, on
    pictures whose predicted reward is below ``reward_threshold`` where a head is there to tell. With ``moves_noise`` it
    also moves the noise before the first step."""

    way: Kind = "drafting"
    trust_region: float = 2.0
    noise_level_start: float = 0.75
    noise_level_end: float = 0.5
    learns_until: float = 0.5
    emphasis: float = 0.0
    reward_threshold: float = 0.6
    anchor: float = PathwiseSettings.anchor
    moves_noise: bool = False

    def __post_init__(self) -> None:
        if self.noise_level_end > self.noise_level_start:
            raise ValueError(
                f"The corrector is to act from noise level {self.noise_level_start:g} to {self.noise_level_end:g}, but sampling"
                " goes from 1 down to 0: noise_level_start must be the higher one."
            )


@dataclass(frozen=True)
class TrainedHead:
    """A head on the CPU; pairs of step and training or validation loss; and figures on prompts that nothing was chosen
    by."""

    head: RewardHead
    losses: list[list[float]]
    validation: list[list[float]]
    figures: dict


@dataclass(frozen=True)
class TrainedCorrector:
    """A corrector, as ``TrainedHead``."""

    corrector: LatentCorrector
    losses: list[list[float]]
    validation: list[list[float]]
    figures: dict


def train_head(
    datasets: Sequence[Dataset], settings: TrainingSettings, folder: Path, device: str, on_step: OnStep | None = None
) -> TrainedHead:
    """Fit a head to the critic's rewards; its figures are ``head_figures`` on held-out prompts.

    The run is kept in ``folder`` and goes on from there. An exception from ``on_step`` cancels it. Raises ValueError
    for data that cannot be trained with (see ``training_data``) and for a folder that holds another run."""
    data = training_data(datasets, settings.seed)
    config = HeadConfig(
        data.source.latent_channels,
        data.source.context_width,
        data.source.base_model,
        width=settings.width,
        layers=settings.layers,
        family=data.source.family,
    )
    with _seeded(settings.seed):
        regional = RegionalHead(RewardHead(config), seen_labels(data.training))
    regional.head.body.scale_to(data.training.finals)
    batches = HeadBatches(data.training, data.encode, settings.batch, device, regional.head.body.spread)
    tuning = some(data.tuning)
    trainer = _trainer(
        folder,
        regional,
        settings,
        device,
        data,
        {"training": "head"},
        lambda module: mean(tuning, lambda part: _judged_loss(module.head, part, data.encode, device)),
    )

    def loss_of(step: int, generator: torch.Generator) -> torch.Tensor:
        inputs, shown = batches(generator)
        prediction = regional.head(*inputs)
        judged = head_loss(prediction, shown.rewards.to(device), shown.confidence.to(device))
        return judged + _REGIONS * regional.loss(prediction, shown)

    trainer.run(loss_of, max_seconds=settings.max_seconds, on_step=on_step)
    head = trainer.kept.head.requires_grad_(False)
    calibrated(head, data.tuning, data.encode, device)
    head.figures = {**_about("head", trainer, settings, data), **measured(head, data.held_out, data.encode, device)}
    head.config = replace(head.config, noise_level_range=(0.0, usable_level(head.figures["auc"])))
    return TrainedHead(head.cpu(), trainer.losses, trainer.validation, head.figures)


def measured(head: RewardHead, records: Records, encode: Encode, device: str) -> dict:
    """``head_figures``, and ``predicted_minus_judged``: how much more the head promises than the critic grants, the
    mean over finished latents and their known aspects."""
    finished = records.where(records.kinds == FINAL)
    excess = predict(head, finished, encode, device).sigmoid() - finished.rewards
    known = finished.rewards > NO_REWARD
    return {
        **head_figures(head, records, encode, device),
        "predicted_minus_judged": round(excess[known].mean().item(), 3) if known.any() else None,
    }


def measure_head(head: RewardHead, datasets: Sequence[Dataset], device: str) -> dict:
    """``measured`` on all pictures of datasets with a verdict, for example those that a corrector has drawn."""
    records, encode = judged_records(datasets)
    return {
        "pictures": len(records.pictures.unique()),
        "prompts": len(set(records.prompts)),
        **measured(head.to(device).eval(), records, encode, device),
    }


def train_corrector(
    datasets: Sequence[Dataset],
    kind: CorrectorSettings,
    settings: TrainingSettings,
    folder: Path,
    device: str,
    head: RewardHead | None = None,
    on_step: OnStep | None = None,
) -> TrainedCorrector:
    """Train a corrector in one of the ways; ``path-wise`` needs a head, ``mending`` and ``drafting`` begin with
    one's weights if it is given.

    Figures on held-out prompts: distillation's, mending's and drafting's are how far the residual, and none at all,
    stay from what it should be; path-wise, what the head thinks of failed pictures before and after, which is the
    head's opinion and not the critic's. Runs, cancels and raises as ``train_head``; also ValueError for a missing head,
    one of another model, or noise levels without records."""
    data = training_data(datasets, settings.seed)
    config = CorrectorConfig(
        data.source.latent_channels,
        data.source.context_width,
        data.source.base_model,
        width=settings.width,
        layers=settings.layers,
        trust_region=kind.trust_region,
        noise_level_range=(min(kind.learns_until, kind.noise_level_end), kind.noise_level_start),
        family=data.source.family,
    )
    if kind.way == "drafting":
        config = replace(
            config,
            noise_level_range=(kind.noise_level_end, kind.noise_level_start),
            single_step_level=kind.noise_level_end,
            reward_threshold=kind.reward_threshold,
            moves_noise=kind.moves_noise,
        )
    if kind.way in ("mending", "drafting") and head is not None:
        config = sized_like(config, head)
    with _seeded(settings.seed):
        way, measure = _way(kind, config, data, settings.batch, device, head)
    tuning = some(measure.choose(data.tuning))
    # Whether the noise is moved later is nothing to the run.
    kept_apart = {name: value for name, value in asdict(kind).items() if name != "moves_noise"}
    about = {
        "training": "corrector",
        **kept_apart,
        **({"head": _weights(head)} if head is not None and kind.way != "distillation" else {}),
    }
    trainer = _trainer(
        folder,
        way.module,
        settings,
        device,
        data,
        about,
        lambda module: mean(tuning, lambda part: measure.loss(module, part)),
    )
    trainer.run(lambda step, generator: way.loss(generator), max_seconds=settings.max_seconds, on_step=on_step)
    kept = trainer.kept
    corrector = way.corrector(kept).requires_grad_(False)
    corrector.config = replace(config, noise_level_range=(kind.noise_level_end, kind.noise_level_start))
    corrector.figures = {
        **_about("corrector", trainer, settings, data),
        **asdict(kind),
        **measure.figures(kept, corrector, measure.choose(data.held_out)),
    }
    return TrainedCorrector(corrector.cpu(), trainer.losses, trainer.validation, corrector.figures)


def _way(
    kind: CorrectorSettings,
    config: CorrectorConfig,
    data: TrainingData,
    batch: int,
    device: str,
    head: RewardHead | None,
) -> tuple[CorrectorObjective, Validation]:
    if kind.way == "distillation":
        way = Distillation(config, data.training, data.encode, batch, device, kind.emphasis)
        return way, Errors(config, data.encode, device)
    if kind.way == "mending":
        mending = RepairPairs(config, data.training, data.encode, batch, device, head)
        return mending, RepairPairErrors(mending)
    if kind.way == "drafting":
        drafting = Drafting(config, data.training, data.encode, batch, device, head)
        return drafting, DraftErrors(drafting)
    if head is None:
        raise ValueError(
            "The path-wise way trains through a reward head. Connect or name one, trained on this dataset; or choose "
            "distillation, which needs none."
        )
    settings = PathwiseSettings(anchor=kind.anchor)
    # A copy: the head of a workflow may lie on another device, and stays as it is.
    way = Pathwise(config, data.training, data.encode, batch, device, copy.deepcopy(head), settings)
    return way, Opinions(config, way.head, settings, data.encode, device)


def _judged_loss(head: RewardHead, part: Records, encode: Encode, device: str) -> float:
    read = head(
        part.latents.to(device), encode(part.prompts).to(device), part.noise_level.to(device), part.kinds.to(device)
    )
    return head_loss(read, part.rewards.to(device), part.confidence.to(device)).item()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """First weights that follow from a seed, while the caller's random numbers go on as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _trainer(
    folder: Path,
    module: nn.Module,
    settings: TrainingSettings,
    device: str,
    data: TrainingData,
    about: dict,
    validate: Callable[[nn.Module], float],
) -> Trainer:
    return Trainer(
        folder,
        module,
        settings.steps,
        settings.learning_rate,
        settings.seed,
        device,
        decay=decay_for(settings.steps),
        weight_decay=0.05,
        validate=validate,
        validate_every=max(1, settings.steps // _VALIDATIONS),
        settings={
            **about,
            "batch": settings.batch,
            "width": settings.width,
            "layers": settings.layers,
            "data": data.digest,
        },
    )


def _about(model: str, trainer: Trainer, settings: TrainingSettings, data: TrainingData) -> dict:
    return {
        "model": model,
        "steps": trainer.step,
        "batch": settings.batch,
        "learning_rate": settings.learning_rate,
        "seed": settings.seed,
        "seconds": round(trainer.seconds),
        "machine": machine(),
        "data": data.digest,
        **data.counts(),
    }


def _weights(head: RewardHead) -> str:
    """A few letters that stand for a head's weights."""
    content = hashlib.sha256()
    for tensor in head.state_dict().values():
        content.update(tensor.detach().float().cpu().numpy().tobytes())
    return content.hexdigest()[:16]
