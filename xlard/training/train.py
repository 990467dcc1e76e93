"""Train a head or a corrector on datasets: the same for ComfyUI's nodes and for the command line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..models.corrector import CorrectorConfig, LatentCorrector
from ..models.head import HeadConfig, RewardHead
from .data import TrainingData, judged_records, training_data
from .dataset import Dataset
from .head import HeadBatches, calibrate_on, head_figures, head_loss, loss_on, predict, usable_level
from .objectives import ObjectiveInputs, evenly_chosen, sized_like
from .records import FINAL, NO_REWARD, Encode, Records, chunk_mean
from .regional_head import RegionalHead, seen_labels
from .registry import objective_specs, spec_of
from .settings import CorrectorSettings, TrainingSettings
from .trainer import Trainer, TrainingProgress, decay_for, machine

OnStep = Callable[[TrainingProgress], None]

_REGIONAL_WEIGHT = 0.3
_VALIDATIONS = 20


@dataclass(frozen=True)
class TrainedHead:
    """A head on the CPU; pairs of step and training or validation loss; and figures on prompts that nothing was chosen
    by.
    """

    head: RewardHead
    losses: list[list[float]]
    validation: list[list[float]]
    figures: dict[str, Any]


@dataclass(frozen=True)
class TrainedCorrector:
    """A corrector, as ``TrainedHead``."""

    corrector: LatentCorrector
    losses: list[list[float]]
    validation: list[list[float]]
    figures: dict[str, Any]


def train_head(
    datasets: Sequence[Dataset], settings: TrainingSettings, folder: Path, device: str, on_step: OnStep | None = None
) -> TrainedHead:
    """Fit a head to the critic's rewards; its figures are ``head_figures`` on held-out prompts.

    The run is kept in ``folder`` and continues from there. An exception from ``on_step`` cancels it. Raises ValueError
    for data that cannot be trained with (see ``training_data``) and for a folder that holds another run.
    """
    data = training_data(datasets, settings.seed)
    config = HeadConfig(
        data.source.latent_channels,
        data.source.context_width,
        data.source.base_model,
        aspects=data.training.aspects,
        width=settings.width,
        layers=settings.layers,
        family=data.source.family,
    )
    with _seeded(settings.seed):
        regional = RegionalHead(RewardHead(config), seen_labels(data.training))
    regional.head.body.scale_to(data.training.finals)
    batches = HeadBatches(data.training, data.encode, settings.batch, device, regional.head.body.spread)
    tuning = evenly_chosen(data.tuning)

    def validation_loss(module: RegionalHead) -> float:
        return chunk_mean(tuning, lambda chunk: loss_on(module.head, chunk, data.encode, device))

    trainer = _trainer(folder, regional, settings, device, data, {"training": "head"}, validation_loss)

    def loss_of(step: int, generator: torch.Generator) -> torch.Tensor:
        inputs, shown = batches(generator)
        prediction = regional.head(*inputs)
        reward_loss = head_loss(prediction, shown.rewards.to(device), shown.confidence.to(device))
        return reward_loss + _REGIONAL_WEIGHT * regional.loss(prediction, shown)

    trainer.run(loss_of, max_seconds=settings.max_seconds, on_step=on_step)
    head = trainer.kept.head.requires_grad_(False)
    calibrate_on(head, data.tuning, data.encode, device)
    head.figures = {**_about("head", trainer, settings, data), **measured(head, data.held_out, data.encode, device)}
    head.config = replace(head.config, noise_level_range=(0.0, usable_level(head.figures["auc"])))
    return TrainedHead(head.cpu(), trainer.losses, trainer.validation, head.figures)


def measured(head: RewardHead, records: Records, encode: Encode, device: str) -> dict[str, Any]:
    """``head_figures``, and ``predicted_minus_judged``: how much higher the head's rewards are than the critic's, the
    mean over finished latents and their known aspects.
    """
    finished = records.where(records.kinds == FINAL).with_aspects(head.config.aspects)
    excess = predict(head, finished, encode, device).sigmoid() - finished.rewards
    known = finished.rewards > NO_REWARD
    return {
        **head_figures(head, records, encode, device),
        "predicted_minus_judged": round(excess[known].mean().item(), 3) if known.any() else None,
    }


def measure_head(head: RewardHead, datasets: Sequence[Dataset], device: str) -> dict[str, Any]:
    """``measured`` on all pictures of datasets with a verdict, for example on those drawn with a corrector."""
    records, encode = judged_records(datasets)
    return {
        "pictures": len(records.pictures.unique()),
        "prompts": len(set(records.prompts)),
        **measured(head.to(device).eval(), records, encode, device),
    }


def train_corrector(
    datasets: Sequence[Dataset],
    corrector_settings: CorrectorSettings,
    settings: TrainingSettings,
    folder: Path,
    device: str,
    head: RewardHead | None = None,
    on_step: OnStep | None = None,
) -> TrainedCorrector:
    """Train a corrector by its objective; ``registry`` says which ones need a head, and which start with the weights of
    one if it is given.

    Figures are on held-out prompts. Most are errors, without the corrector and with it; those of the path-wise
    objective are the head's opinion of failed pictures and not the critic's. Runs, cancels and raises as
    ``train_head``; also ValueError for a missing head, one of another model, or noise levels without records.
    """
    data = training_data(datasets, settings.seed)
    spec = spec_of(corrector_settings.objective)
    if spec.head == "required" and head is None:
        headless = next(other.name for other in objective_specs() if other.head == "unused")
        raise ValueError(
            f"The {spec.name} objective trains through a reward head. Connect or name one, trained on this dataset; or "
            f"choose {headless}, which needs none."
        )
    if spec.head == "unused":
        head = None
    start, end = corrector_settings.noise_level_start, corrector_settings.noise_level_end
    config = CorrectorConfig(
        data.source.latent_channels,
        data.source.context_width,
        data.source.base_model,
        width=settings.width,
        layers=settings.layers,
        trust_region=corrector_settings.trust_region,
        noise_level_range=(min(corrector_settings.learns_until, end), start),
        family=data.source.family,
    )
    if spec.single_step:
        config = replace(
            config,
            noise_level_range=(end, start),
            single_step_level=end,
            reward_threshold=corrector_settings.reward_threshold,
            moves_noise=corrector_settings.moves_noise,
        )
    if spec.head == "start" and head is not None:
        config = sized_like(config, head)
    inputs = ObjectiveInputs(
        config, data.training, data.encode, settings.batch, device, settings=corrector_settings, head=head
    )
    with _seeded(settings.seed):
        objective = spec.load().build(inputs)
    tuning = evenly_chosen(objective.choose(data.tuning))
    # Whether the noise is moved later makes no difference to the run.
    about = {name: value for name, value in asdict(corrector_settings).items() if name != "moves_noise"}
    if head is not None:
        about["head"] = _weights(head)
    trainer = _trainer(
        folder,
        objective.module,
        settings,
        device,
        data,
        {"training": "corrector", **about},
        lambda module: chunk_mean(tuning, lambda chunk: objective.validation_loss(module, chunk)),
    )
    trainer.run(lambda step, generator: objective.loss(generator), max_seconds=settings.max_seconds, on_step=on_step)
    kept = trainer.kept
    corrector = objective.corrector(kept).requires_grad_(False)
    corrector.config = replace(config, noise_level_range=(end, start))
    corrector.figures = {
        **_about("corrector", trainer, settings, data),
        **asdict(corrector_settings),
        **objective.figures(kept, corrector, objective.choose(data.held_out)),
    }
    return TrainedCorrector(corrector.cpu(), trainer.losses, trainer.validation, corrector.figures)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """First weights that follow from a seed; the caller's random numbers stay as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _trainer(
    folder: Path,
    module: nn.Module,
    settings: TrainingSettings,
    device: str,
    data: TrainingData,
    about: dict[str, Any],
    validate: Callable[[Any], float],
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


def _about(model: str, trainer: Trainer, settings: TrainingSettings, data: TrainingData) -> dict[str, Any]:
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
