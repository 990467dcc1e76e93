"""Train the demo corrector in one of the ways, on pictures of the corrector split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ....models.corrector import CorrectorConfig, LatentCorrector, relative_norm
from ....models.head import RewardHead
from ....prompts import claims_from_prompt
from ....training.distillation import Distillation, two_errors
from ....training.drafting import Drafting
from ....training.objectives import CorrectorObjective, predictions, sized_like, tensors
from ....training.pathwise import Pathwise
from ....training.records import Encode, Records, pick
from ....training.repair_pairs import RepairPairs
from ....training.trainer import Trainer, decay_for, default_device, machine
from ...training.expert_iteration import Expert
from ...training.ppo import Ppo
from ...training.rollouts import Draw, Outcome, Situations
from ..architecture import BASE_MODEL, CONTEXT_WIDTH, LATENT_CHANNELS
from ..world import ShapesWorld
from .records import encoder, load_records
from .relabel import allowed_prompts

WAYS = ("distillation", "drafting", "mending", "path-wise", "ppo", "expert")

ROLLOUTS = ("ppo", "expert")
"""Those that draw and ask the critic while they learn."""

DRAFT_LEVELS = (0.5, 0.75)
"""Noise levels of the predictions that drafting learns from: what stands where is readable there, and can still be
changed."""


def train(
    folder: Path,
    steps: int,
    batch: int,
    seed: int,
    pool: int = 0,
    max_seconds: float | None = None,
    learning_rate: float = 1e-3,
    way: str = "distillation",
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
) -> dict:
    """Train and write ``folder/<name>.safetensors``; ``pool`` limits the latents. It learns from all noise levels from
    ``lowest`` on, and acts at all from ``acts_from`` on, or ``once``, at that level; drafting's and those of
    ``ROLLOUTS`` always do, and drafting's may also be one that ``moves_noise`` (see ``CorrectorConfig``).

    Drafting, mending, the path-wise way and ``ROLLOUTS`` may begin with the weights of the corrector in the file
    ``begin``, of the same sizes; without it they begin with a residual of zero."""
    device = default_device()
    torch.manual_seed(seed)
    world = ShapesWorld(folder, device)
    encode, records = encoder(world), load_records(folder, "corrector")
    records = records.rows(range(min(pool, len(records)))) if pool else records
    held_out = load_records(folder, "validation")
    config = CorrectorConfig(
        LATENT_CHANNELS,
        CONTEXT_WIDTH,
        BASE_MODEL,
        width=width,
        layers=layers,
        noise_level_range=(lowest, 1.0),
        trust_region=trust_region,
    )
    if way in ("drafting", "mending"):
        config = sized_like(config, world.head())
    if way == "drafting":
        config = replace(config, noise_level_range=DRAFT_LEVELS)
    if way == "path-wise":
        # Above, the head's gradient leads nowhere.
        config = replace(config, noise_level_range=(lowest, world.head().config.noise_level_range[1]))
    start = LatentCorrector.load(begin) if begin else None
    if way in ROLLOUTS:
        config = replace(start.config if start else config, trust_region=trust_region)
        situations = _situations(world, records, encode, acts_from, device)
        chosen, validate = (Ppo if way == "ppo" else Expert)(config, situations, device, start), None
    else:
        chosen, validate = _way(way, config, records, held_out, world, encode, batch, device, emphasis)
        if start is not None:
            chosen.module.load_state_dict(start.state_dict())
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
        settings={"way": way},
    )
    trainer.run(lambda step, generator: chosen.loss(generator), max_seconds=max_seconds)
    corrector = chosen.corrector(trainer.kept)
    if once or way in ("drafting", *ROLLOUTS):
        corrector.config = replace(
            config, single_step_level=acts_from, reward_threshold=threshold, moves_noise=moves_noise
        )
    else:
        corrector.config = replace(config, noise_level_range=(acts_from, config.noise_level_range[1]))
    figures = {
        "model": "corrector",
        "way": way,
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


def _way(
    way: str,
    config: CorrectorConfig,
    records: Records,
    held_out: Records,
    world: ShapesWorld,
    encode: Encode,
    batch: int,
    device: str,
    emphasis: float,
) -> tuple[CorrectorObjective, Callable[[nn.Module], float] | None]:
    """The way of a name, but for PPO, and what it is validated by."""
    if way == "distillation":
        return Distillation(config, records, encode, batch, device, emphasis), _held_out_error(
            config, held_out, encode, device
        )
    if way == "drafting":
        drafting = Drafting(config, records, encode, batch, device, world.head(), sorted(allowed_prompts("corrector")))
        return drafting, _held_out_drafts(drafting, held_out)
    if way == "mending":
        return RepairPairs(config, records, encode, batch, device, world.head()), None
    if way == "path-wise":
        return Pathwise(config, records, encode, batch, device, world.head()), None
    raise ValueError(f"There is no way '{way}' of training a corrector; there are {', '.join(WAYS)}.")


def _held_out_error(
    config: CorrectorConfig, records: Records, encode: Encode, device: str
) -> Callable[[nn.Module], float]:
    """The error on passed pictures of other prompts."""
    kept = predictions(records, config.noise_level_range, renoised=True)
    kept = kept.where(kept.passed.bool())

    @torch.no_grad()
    def validate(module: nn.Module) -> float:
        total = 0.0
        for start in range(0, len(kept), 250):
            part = kept.rows(range(start, min(start + 250, len(kept))))
            latents, context, noise_level, _ = tensors(part, encode, device)
            errors = two_errors(module, latents, context, noise_level, part.targets.to(device), part.passed.to(device))
            total += errors[0].item() * len(part)
        return total / len(kept)

    return validate


def _held_out_drafts(drafting: Drafting, records: Records) -> Callable[[nn.Module], float]:
    """The error on predictions of other prompts' pictures, with those prompts."""
    kept = drafting.choose(records)
    kept = kept.rows(range(0, len(kept), max(1, len(kept) // 500)))

    @torch.no_grad()
    def validate(module: nn.Module) -> float:
        return drafting.error_on(module, kept)

    return validate


def _situations(world: ShapesWorld, records: Records, encode: Encode, level: float, device: str) -> Draw:
    """Pictures that failed, renoised to a noise level: what the model predicts there, and what the critic says of the
    outcome."""
    critic, first = world.critic(), _first_rows(records)
    failed = torch.tensor([row for row in first if not records.passed[row]])

    def draw(number: int, generator: torch.Generator) -> Situations:
        drawn = records.rows(pick(failed, number, generator))
        sampler, rows = world.sampler(drawn.prompts), list(range(number))
        seeds = torch.randint(0, 2**40, (number,), generator=generator).tolist()
        latents, claims = drawn.targets.to(device), [claims_from_prompt(prompt) for prompt in drawn.prompts]
        predicted = sampler.predict(latents, level, rows, seeds)

        def play(changed: Tensor) -> Outcome:
            # Shifting a latent shifts its prediction as much under the same noise.
            after = sampler.resume(latents + changed - predicted, level, rows, seeds)
            judged = critic.judge(world.decoder.decode(after), claims)
            return Outcome(after, torch.tensor([float(critique.passed) for critique in judged]))

        return Situations(
            predicted, encode(drawn.prompts).to(device), torch.full((number,), level, device=device), play
        )

    return draw


def _first_rows(records: Records) -> list[int]:
    """The first latent of each picture."""
    first: dict[int, int] = {}
    for row, picture in enumerate(records.pictures.tolist()):
        first.setdefault(picture, row)
    return list(first.values())


@torch.no_grad()
def _opinion(corrector, head: RewardHead, records: Records, encode: Encode, device: str) -> dict:
    """What the head thinks of held-out failures before and after, and how far they were moved: no judgement of
    pictures."""
    found = predictions(records, corrector.config.noise_level_range)
    found = found.where(~found.passed.bool())
    latents, context, noise_level, known = tensors(found.rows(range(min(1000, len(found)))), encode, device)
    delta = corrector(latents, context, noise_level)

    def mean_reward(z: Tensor) -> float:
        return round(((head(z, context, noise_level).rewards * known).sum() / known.sum()).item(), 3)

    return {
        "head_before": mean_reward(latents),
        "head_after": mean_reward(latents + delta),
        "change": round(relative_norm(delta, latents).mean().item(), 4),
    }
