"""Carrying out plans: renoise, let head and corrector act where a plan asks for them, sample on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..guidance.corrector import corrector_guidance, single_step_guidance
from ..models.corrector import attribution_map, relative_norm
from ..protocols import SingleStepGuidance, X0Guidance
from .engine import Attempt, Engine, derived_seed
from .head_reader import asked_aspects, expected_reward, step_reader, watched
from .plan import Plan
from .settings import LoopSettings
from .state import SOURCE
from .strategies import Correct


def carry_out(engine: Engine, rows: Sequence[int], plans: Sequence[Plan], settings: LoopSettings) -> Attempt:
    """Attempts for rows whose plans share strategy, noise level and wording, each from its best latent so far."""
    plan = plans[0]
    attempt = _carried_out(engine.with_prompt(plan.prompt), rows, plans, settings)
    attempt.prompt, attempt.claims = plan.prompt, [each.claims for each in plans] if plan.claims else None
    if plan.claims:
        # They are of the whole picture's claims, and this is one object of it.
        attempt.steps = None
    return attempt


def _carried_out(engine: Engine, rows: Sequence[int], plans: Sequence[Plan], settings: LoopSettings) -> Attempt:
    plan = plans[0]
    seeds = [plan.seed for plan in plans]
    regions = None if plan.region is None else torch.stack([plan.region for plan in plans])
    if plan.strategy == Correct.name:
        return correct(engine, rows, plan.noise_level, seeds, settings, regions)
    reasons = [plan.reason for plan in plans]
    if plan.noise_level == 1.0 and regions is None:
        return draw(engine, rows, plan.strategy, seeds, settings if plan.corrected else None, reasons, doubted=False)
    latents = torch.stack(
        [best if plan.latent is None else plan.latent for plan, best in zip(plans, _best(engine, rows))]
    )
    reader = step_reader(engine, rows, latents, regions)
    drawn = engine.sampler.resume(latents, plan.noise_level, rows, seeds, watched(None, reader), regions)
    return Attempt(
        plan.strategy,
        plan.noise_level,
        seeds,
        engine.sampler.calls(plan.noise_level),
        drawn,
        reasons=reasons,
        regions=regions,
        steps=reader and reader.steps,
    )


def first(engine: Engine, rows: Sequence[int], settings: LoopSettings) -> Attempt:
    """The first pictures: a draw with their own seeds, or what is to be edited, which costs no model call."""
    seeds = [engine.seeds[row] for row in rows]
    if engine.sources is None:
        corrected = settings.first != "plain" and draws_corrected(engine, settings)
        return draw(engine, rows, "sample", seeds, settings if corrected else None, doubted=settings.first == "doubted")
    latents = engine.sources[list(rows)]
    return Attempt(
        SOURCE, 0.0, seeds, 0, latents, regions=torch.zeros(len(rows), *latents.shape[-2:], dtype=torch.bool)
    )


def draw(
    engine: Engine,
    rows: Sequence[int],
    strategy: str,
    seeds: Sequence[int],
    settings: LoopSettings | None = None,
    reasons: Sequence[str] | None = None,
    doubted: bool = True,
) -> Attempt:
    """Fresh draws from pure noise; with ``settings``, with the corrector at work, see ``corrector_steering``."""
    trace = Trace()
    steer = corrector_steering(engine, rows, settings, trace, doubted) if settings else None
    reader = step_reader(engine, rows)
    latents = engine.sampler.generate(rows, seeds, watched(steer, reader))
    # Asked afterwards: a sampler may know its calls per step only once it has run.
    nfe = engine.sampler.calls() + (steer.calls if isinstance(steer, SingleStepGuidance) else 0)
    return Attempt(
        strategy,
        1.0,
        seeds,
        nfe,
        latents,
        trace.changes,
        None,
        trace.attributions,
        reasons,
        steps=reader and reader.steps,
    )


def correct(
    engine: Engine,
    rows: Sequence[int],
    noise_level: float,
    seeds: Sequence[int],
    settings: LoopSettings,
    regions: Tensor | None = None,
) -> Attempt:
    """The whole picture renoised, or what ``regions`` (B, h, w) open of it, with head and corrector.

    A head picks the noise whose x0 prediction promises most; the corrector moves predictions. Shifting a latent z by d
    moves x0 by d under the same noise, so that x' = x + (1 - noise_level)(x0' - x0) is a resume from z + d.
    """
    latents, calls = _best(engine, rows), predictions(engine, noise_level, settings)
    predicted = steer = prediction = None
    if calls:
        prediction, seeds, predicted = _pick(engine, rows, latents, noise_level, seeds, calls)
    trace = Trace()
    if steers(engine, settings):
        steer = corrector_steering(engine, rows, settings, trace)
    elif corrects(engine, settings):
        everywhere = corrector_guidance(
            engine.corrector, engine.sampler.context(rows), (0.0, 1.0), settings.strength, trace
        )
        latents = latents.to(prediction.device) + everywhere(prediction, noise_level) - prediction
    if regions is not None:
        latents = torch.where(regions.to(latents.device)[:, None], latents, _best(engine, rows).to(latents))
    reader = step_reader(engine, rows, latents, regions)
    resumed = engine.sampler.resume(latents, noise_level, rows, seeds, watched(steer, reader), regions)
    return Attempt(
        Correct.name,
        noise_level,
        seeds,
        calls + engine.sampler.calls(noise_level),
        resumed,
        trace.changes,
        predicted,
        trace.attributions,
        regions=regions,
        steps=reader and reader.steps,
    )


def picks(engine: Engine, noise_level: float) -> bool:
    """Whether there is a head that can read predictions at ``noise_level``."""
    readable = engine.head is not None and noise_level <= engine.head.config.noise_level_range[1]
    return readable and not acts_once(engine)


def acts_once(engine: Engine) -> bool:
    """Whether there is a corrector that is made for acting once."""
    return engine.corrector is not None and engine.corrector.config.single_step_level > 0


def draws_corrected(engine: Engine, settings: LoopSettings) -> bool:
    """Whether fresh draws may be corrected on their way: by a corrector that acts once, where ``correct`` is not
    switched off."""
    return corrects(engine, settings) and acts_once(engine) and Correct.name in settings.strategies


def corrects(engine: Engine, settings: LoopSettings) -> bool:
    """Whether there is a corrector, and it is not switched off."""
    return engine.corrector is not None and settings.strength > 0


def steers(engine: Engine, settings: LoopSettings) -> bool:
    """Whether the corrector acts at every step of its window."""
    return corrects(engine, settings) and settings.where == "window" and not acts_once(engine)


def predictions(engine: Engine, noise_level: float, settings: LoopSettings) -> int:
    """x0 predictions before a correcting round: one per candidate where a head picks, one for a corrector that acts
    once."""
    if picks(engine, noise_level):
        return settings.candidates
    return 1 if corrects(engine, settings) and not steers(engine, settings) else 0


def corrector_steering(
    engine: Engine, rows: Sequence[int], settings: LoopSettings, trace: Trace, doubted: bool = True
) -> X0Guidance | SingleStepGuidance:
    """The engine's corrector at work in its window, for some rows; one that acts once, only on what the head
    ``doubted``."""
    if acts_once(engine):
        return single_step_guidance(
            engine.corrector,
            engine.sampler.context(rows),
            0.0,
            settings.strength,
            trace,
            engine.head if doubted else None,
            [asked_aspects(engine, row) for row in rows],
        )
    window = settings.window or engine.corrector.config.noise_level_range
    return corrector_guidance(engine.corrector, engine.sampler.context(rows), window, settings.strength, trace)


class Trace:
    """What a corrector did in a run: the largest norm(delta) / norm(x0) of each row, and where it acted in all."""

    def __init__(self):
        self._sizes, self._residuals = [], []

    def __call__(self, level: float, delta: Tensor, x0: Tensor) -> None:
        self._sizes.append(relative_norm(delta.float(), x0.float()).cpu())
        self._residuals.append(delta.abs().float().cpu())

    @property
    def changes(self) -> list[float] | None:
        """For each row; None where the corrector did not act."""
        return torch.stack(self._sizes).amax(dim=0).tolist() if self._sizes else None

    @property
    def attributions(self) -> Tensor | None:
        """LAM over all steps, (B, h, w) in [0, 1]; None where the corrector did not act."""
        return attribution_map(torch.stack(self._residuals).sum(dim=0)) if self._residuals else None


def _best(engine: Engine, rows: Sequence[int]) -> Tensor:
    return torch.stack([engine.states[row].best.latent for row in rows])


def _pick(
    engine: Engine, rows: Sequence[int], latents: Tensor, noise_level: float, seeds: Sequence[int], candidates: int
) -> tuple[Tensor, list[int], list[float] | None]:
    """Per row, the x0 prediction and seed that the head rates highest; where none can pick, the first."""
    tried = [list(seeds), *([derived_seed(seed, k) for seed in seeds] for k in range(1, candidates))]
    found = torch.stack([engine.sampler.predict(latents, noise_level, rows, own) for own in tried])
    if not picks(engine, noise_level):
        return found[0], tried[0], None
    rewards = torch.stack([expected_reward(engine, rows, prediction, noise_level) for prediction in found])
    best, chosen = rewards.max(dim=0)
    picked = found[chosen, torch.arange(len(rows), device=found.device)]
    return picked, [tried[k][index] for index, k in enumerate(chosen.tolist())], best.tolist()
