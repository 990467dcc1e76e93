"""The correcting strategy: renoise to a mid sigma, correct the x0 prediction there, resume, judge, keep the best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..claims import Claim
from ..corrector import attribution_map, relative_norm
from ..head import overall_reward
from ..protocols import Decoder, Judge, Sampler, Steer
from ..steering import corrector_steer
from .engine import Attempt, Corrector, Engine, Head, OnRound, better, derived_seed
from .state import LoopState

ASPECT_SIGMA = {"count": 0.9, "position": 0.9, "color": 0.8}
"""Noise level to resume from, by the earliest-decided aspect that failed."""

WHERE = ("window", "once")
"""Where a corrector acts: at every step of its window of noise levels, or once, on the prediction that a round starts from."""


@dataclass(frozen=True)
class LoopSettings:
    """``rounds`` after the first picture; ``candidates`` noises per round up to the head's highest readable level, of which
    the head picks one (one model call each); ``strength`` of the corrector and ``where`` it acts, in its own window of noise
    levels unless ``window`` (lowest, highest) names another; ``sigma`` to resume from (None: by failed aspect); ``budget`` in
    model calls."""

    rounds: int = 4
    candidates: int = 4
    strength: float = 1.0
    where: str = "window"
    window: tuple[float, float] | None = None
    sigma: float | None = None
    budget: int | None = None


def self_correct(prompts: Sequence[str], claims: Sequence[Sequence[Claim]], seeds: Sequence[int], sampler: Sampler,
                 decoder: Decoder, judge: Judge, head: Head | None = None, corrector: Corrector | None = None,
                 settings: LoopSettings = LoopSettings(), on_round: OnRound | None = None) -> list[LoopState]:
    """Draw each picture, then correct those that the critic fails, until they pass or rounds or budget are spent.

    The best picture by the critic is kept. Raises ValueError where a prompt has no claims.
    """
    return correct_all(Engine(sampler, decoder, judge, prompts, claims, seeds, head, corrector, on_round), settings)


def correct_all(engine: Engine, settings: LoopSettings) -> list[LoopState]:
    """The loop on an engine; see ``self_correct``."""
    rows = list(range(len(engine.states)))
    engine.try_rows(rows, lambda: engine.draw(rows, "sample"), better)
    for number in range(1, settings.rounds + 1):
        groups = defaultdict(list)
        for row in rows:
            state = engine.states[row]
            sigma = settings.sigma or sigma_for(state)
            affordable = settings.budget is None or state.nfe + cost(engine, sigma, settings) <= settings.budget
            if not state.passed and affordable:
                groups[sigma].append(row)
        for sigma, group in groups.items():
            engine.try_rows(group, lambda: correct(engine, group, sigma, number, settings), better)
    return engine.states


def sigma_for(state: LoopState) -> float:
    """The noise level for a picture's next round: high enough for its earliest-decided failed aspect."""
    failed = state.best.critique.failed_aspects or tuple(ASPECT_SIGMA)
    return max(ASPECT_SIGMA.get(aspect, 0.8) for aspect in failed)


def cost(engine: Engine, sigma: float, settings: LoopSettings) -> int:
    """Model calls of one correcting round."""
    return predictions(engine, sigma, settings) + engine.sampler.calls(sigma)


def picks(engine: Engine, sigma: float) -> bool:
    """Whether there is a head that can read predictions at ``sigma``."""
    return engine.head is not None and sigma <= engine.head.config.sigma_range[1]


def corrects(engine: Engine, settings: LoopSettings) -> bool:
    """Whether there is a corrector, and it is not switched off."""
    return engine.corrector is not None and settings.strength > 0


def predictions(engine: Engine, sigma: float, settings: LoopSettings) -> int:
    """x0 predictions of one round: one per candidate where a head picks, one for a corrector that acts once, else none."""
    if picks(engine, sigma):
        return settings.candidates
    return 1 if corrects(engine, settings) and settings.where == "once" else 0


def correct(engine: Engine, rows: Sequence[int], sigma: float, number: int, settings: LoopSettings) -> Attempt:
    """One correcting round for rows, each from its best latent so far.

    A head picks the noise whose x0 prediction promises most; the corrector moves predictions. Shifting a latent z by d
    moves x0 by d under the same noise, so that x' = x + (1 - sigma)(x0' - x0) is a resume from z + d.
    """
    latents = torch.stack([engine.states[row].best.latent for row in rows])
    calls = predictions(engine, sigma, settings)
    seeds = [derived_seed(engine.seeds[row], number, 0) for row in rows]
    predicted = steer = prediction = None
    if calls:
        prediction, seeds, predicted = _pick(engine, rows, latents, sigma, number, calls)
    trace = Trace()
    if corrects(engine, settings):
        if settings.where == "window":
            steer = corrector_steering(engine, rows, settings, trace)
        else:
            everywhere = corrector_steer(engine.corrector, engine.sampler.context(rows), (0.0, 1.0), settings.strength, trace)
            latents = latents.to(prediction.device) + everywhere(prediction, sigma) - prediction
    resumed = engine.sampler.resume(latents, sigma, rows, seeds, steer)
    return Attempt("correct", sigma, seeds, calls + engine.sampler.calls(sigma), resumed, trace.changes, predicted,
                   trace.attributions)


def corrector_steering(engine: Engine, rows: Sequence[int], settings: LoopSettings, trace: Trace) -> Steer:
    """The engine's corrector at work in its window, for some rows."""
    window = settings.window or engine.corrector.config.sigma_range
    return corrector_steer(engine.corrector, engine.sampler.context(rows), window, settings.strength, trace)


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


def _pick(engine: Engine, rows: Sequence[int], latents: Tensor, sigma: float, number: int,
          candidates: int) -> tuple[Tensor, list[int], list[float] | None]:
    """Per row, the x0 prediction and seed that the head rates highest; where none can pick, the first."""
    seeds = [[derived_seed(engine.seeds[row], number, k) for row in rows] for k in range(candidates)]
    found = torch.stack([engine.sampler.predict(latents, sigma, rows, own) for own in seeds])
    if not picks(engine, sigma):
        return found[0], seeds[0], None
    rewards = torch.stack([promise(engine, rows, prediction, sigma) for prediction in found])
    best, chosen = rewards.max(dim=0)
    picked = found[chosen, torch.arange(len(rows), device=found.device)]
    return picked, [seeds[k][index] for index, k in enumerate(chosen.tolist())], best.tolist()


def promise(engine: Engine, rows: Sequence[int], latents: Tensor, sigma: float) -> Tensor:
    """The head's product of rewards (B,) over each picture's own aspects."""
    levels = torch.full((len(rows),), sigma, device=latents.device)
    prediction = engine.head(latents, engine.sampler.context(rows), levels)
    index = [prediction.index({claim.type for claim in engine.claims[row]}) for row in rows]
    return overall_reward(prediction, index)
