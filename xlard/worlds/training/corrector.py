"""Train a world's corrector by one of the objectives, on pictures of the corrector split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...models.corrector import CorrectorConfig, LatentCorrector, relative_norm
from ...models.head import RewardHead
from ...prompts import claims_from_prompt
from ...training.distillation import Distillation, TwoOutputs
from ...training.drafting import Drafting
from ...training.minimal_repair import MinimalRepair
from ...training.objectives import (
    CorrectorObjective,
    MeasuredObjective,
    ObjectiveInputs,
    predictions,
    sized_like,
    tensors,
)
from ...training.records import Encode, Records, pick
from ...training.registry import ObjectiveSpec, spec_of
from ...training.settings import CorrectorSettings
from ...training.trainer import Trainer, decay_for, default_device, machine
from ..world import World
from .objectives import ROLLOUT_OBJECTIVES
from .records import encoder, load_records
from .relabel import allowed_prompts
from .rollouts import Draw, Outcome, Situations

DRAFT_LEVELS = (0.5, 0.75)
"""Noise levels of the predictions that drafting learns from: what stands where is readable there, and can still be
changed.
"""

_VALIDATED = 500
_TOGETHER = 250


def train(
    world: World,
    folder: Path,
    steps: int,
    batch: int,
    seed: int,
    pool: int = 0,
    max_seconds: float | None = None,
    learning_rate: float = 1e-3,
    objective: str = "distillation",
    lowest: float = 0.5,
    acts_from: float = 0.9,
    trust_region: float = 0.7,
    width: int = 128,
    layers: int = 4,
    emphasis: float = 0.0,
    threshold: float = 1.0,
    once: bool = False,
    moves_noise: bool = False,
    begin: Path | None = None,
    name: str = "corrector",
) -> dict[str, Any]:
    """Train and write ``folder/<name>.safetensors``; ``pool`` limits the latents.

    It learns from all noise levels from ``lowest`` on. It acts at all levels from ``acts_from`` on, or ``once``, at
    that level; drafting's correctors and those with rollouts always act once, and drafting's may also be one that
    ``moves_noise`` (see ``CorrectorConfig``). All but distillation may begin with the weights of the corrector in the
    file ``begin``, of the same sizes; without it they begin with a residual of zero.
    """
    device = default_device()
    torch.manual_seed(seed)
    encode, records = encoder(world), load_records(world, folder, "corrector")
    records = records.rows(range(min(pool, len(records)))) if pool else records
    held_out = load_records(world, folder, "validation")
    config = CorrectorConfig(
        world.latent_size[0],
        world.context_width,
        world.base_model,
        width=width,
        layers=layers,
        noise_level_range=(lowest, 1.0),
        trust_region=trust_region,
    )
    start = LatentCorrector.load(begin) if begin else None
    chosen: CorrectorObjective
    validate: Callable[[Any], float] | None = None
    if objective in ROLLOUT_OBJECTIVES:
        config = replace(start.config if start else config, trust_region=trust_region)
        situations = _situations(world, records, encode, acts_from, device)
        chosen = ROLLOUT_OBJECTIVES[objective]()(config, situations, device, start)
        single_step = True
    else:
        spec = spec_of(objective)
        config = _config_for(spec, config, world)
        chosen = spec.load().build(
            ObjectiveInputs(
                config,
                records,
                encode,
                batch,
                device,
                settings=CorrectorSettings(objective, emphasis=emphasis),
                head=None if spec.head == "unused" else world.head(),
                prompts=sorted(allowed_prompts(world, "corrector")),
            )
        )
        validate = _validation(chosen, held_out)
        if start is not None:
            chosen.module.load_state_dict(start.state_dict())
        single_step = once or spec.single_step
    trainer = Trainer(
        folder / f"{name}_run",
        chosen.module,
        steps,
        learning_rate,
        seed,
        device,
        decay=decay_for(steps, 0.995),
        weight_decay=0.05,
        validate=validate,
        validate_every=250 if validate else 0,
        settings={"objective": objective},
    )
    trainer.run(lambda step, generator: chosen.loss(generator), max_seconds=max_seconds)
    corrector = chosen.corrector(trainer.kept)
    if single_step:
        corrector.config = replace(
            config, single_step_level=acts_from, reward_threshold=threshold, moves_noise=moves_noise
        )
    else:
        corrector.config = replace(config, noise_level_range=(acts_from, config.noise_level_range[1]))
    figures = {
        "model": "corrector",
        "objective": objective,
        "steps": trainer.step,
        "batch": batch,
        "seed": seed,
        "records": len(records),
        "pictures": len(records.finals),
        "seconds": round(trainer.seconds),
        "machine": machine(),
        "validation": trainer.validation[-1:],
        **_opinion(corrector, world.head(), held_out, encode, device),
    }
    corrector.figures = figures
    corrector.save(folder / f"{name}.safetensors")
    return figures


def _config_for(spec: ObjectiveSpec, config: CorrectorConfig, world: World) -> CorrectorConfig:
    """The config with the sizes and noise levels that the objective needs in this world."""
    if spec.head == "start":
        config = sized_like(config, world.head())
    if spec.single_step:
        config = replace(config, noise_level_range=DRAFT_LEVELS)
    if spec.head == "required":
        # Above, the head's gradient leads nowhere.
        highest = world.head().config.noise_level_range[1]
        config = replace(config, noise_level_range=(config.noise_level_range[0], highest))
    return config


def _validation(objective: MeasuredObjective, records: Records) -> Callable[[Any], float] | None:
    """What some objectives are validated by, on prompts of other pictures; None for the others."""
    if isinstance(objective, Distillation):
        return _held_out_error(objective, records)
    return _held_out_targets(objective, records) if isinstance(objective, (Drafting, MinimalRepair)) else None


def _held_out_error(distillation: Distillation, records: Records) -> Callable[[TwoOutputs], float]:
    """The error on passed pictures."""
    chosen = distillation.choose(records)
    chosen = chosen.where(chosen.passed.bool())

    @torch.no_grad()
    def validate(module: TwoOutputs) -> float:
        total = 0.0
        for start in range(0, len(chosen), _TOGETHER):
            chunk = chosen.rows(range(start, min(start + _TOGETHER, len(chosen))))
            total += distillation.errors(module, chunk)[0].item() * len(chunk)
        return total / len(chosen)

    return validate


def _held_out_targets(objective: Drafting | MinimalRepair, records: Records) -> Callable[[LatentCorrector], float]:
    """The error on predictions, with their own prompts."""
    chosen = objective.choose(records)
    chosen = chosen.rows(range(0, len(chosen), max(1, len(chosen) // _VALIDATED)))

    @torch.no_grad()
    def validate(module: LatentCorrector) -> float:
        return objective.validation_loss(module, chosen)

    return validate


def _situations(world: World, records: Records, encode: Encode, level: float, device: str) -> Draw:
    """Failed pictures, renoised to a noise level: the model's predictions there, and the critic's verdicts on what
    sampling makes of them when corrected.
    """
    critic, first = world.critic(), _first_rows(records)
    failed = torch.tensor([row for row in first if not records.passed[row]])

    def draw(number: int, generator: torch.Generator) -> Situations:
        examples = records.rows(pick(failed, number, generator))
        sampler, rows = world.sampler(examples.prompts), list(range(number))
        seeds = torch.randint(0, 2**40, (number,), generator=generator).tolist()
        latents, claims = examples.targets.to(device), [claims_from_prompt(prompt) for prompt in examples.prompts]
        predicted = sampler.predict(latents, level, rows, seeds)

        def play(corrected: Tensor) -> Outcome:
            # Under the same noise a shifted latent has a prediction that is shifted as much.
            finals = sampler.resume(latents + corrected - predicted, level, rows, seeds)
            critiques = critic.judge(world.decoder.decode(finals), claims)
            return Outcome(finals, torch.tensor([float(critique.passed) for critique in critiques]))

        return Situations(
            predicted, encode(examples.prompts).to(device), torch.full((number,), level, device=device), play
        )

    return draw


def _first_rows(records: Records) -> list[int]:
    """The first latent of each picture."""
    first: dict[int, int] = {}
    for row, picture in enumerate(records.pictures.tolist()):
        first.setdefault(picture, row)
    return list(first.values())


@torch.no_grad()
def _opinion(
    corrector: LatentCorrector, head: RewardHead, records: Records, encode: Encode, device: str
) -> dict[str, float]:
    """The head's mean reward of held-out failures before and after, and how far they are moved: no verdict on
    pictures.
    """
    in_range = predictions(records, corrector.config.noise_level_range).with_aspects(head.config.aspects)
    failed = in_range.where(~in_range.passed.bool())
    latents, context, noise_level, known = tensors(failed.rows(range(min(1000, len(failed)))), encode, device)
    delta = corrector(latents, context, noise_level)

    def mean_reward(z: Tensor) -> float:
        return round(((head(z, context, noise_level).rewards * known).sum() / known.sum()).item(), 3)

    return {
        "head_before": mean_reward(latents),
        "head_after": mean_reward(latents + delta),
        "change": round(relative_norm(delta, latents).mean().item(), 4),
    }
