"""Early decisions: of two candidates that are drawn halfway, the head's better one is finished, the other is dropped.

As TTSnap and PARM drop candidates that a reward model holds for hopeless, with our head and by pairs. Needs a world's
sampler, which can be run step by step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...guidance.base import X0Guidance
from ...loop.engine import Attempt, Engine, better, derived_seed
from ...loop.head_reader import expected_reward, step_reader, watched
from ...loop.state import LoopState, StepReward
from ...worlds.sampling import FlowSampler
from .engine_models import sampler_of

CANDIDATES = 2
"""Drawn for each picture that is finished."""


def early_best_of(engine: Engine, number: int, noise_level: float, until_passed: bool = False) -> list[LoopState]:
    """As many pictures as ``number`` generations pay for, each the head's better one of two at ``noise_level``; the
    critic's best returned.

    With ``until_passed`` no more are drawn once the critic accepts one. Raises TypeError for another sampler than a
    world's.
    """
    sampler, rows = sampler_of(engine), list(range(len(engine.states)))
    for attempt in range(max(1, number * sampler.nfe() // nfe_of_picture(sampler, noise_level))):
        if rows:
            engine.try_rows(rows, lambda: _drawn(engine, sampler, rows, attempt, noise_level), better)
        rows = [row for row in rows if not (until_passed and engine.states[row].finished)]
    return engine.states


def nfe_of_picture(sampler: FlowSampler, noise_level: float) -> int:
    """Model calls for one finished picture: the dropped ones' up to the prediction at ``noise_level``, and all of its
    own.
    """
    whole, rest = sampler.nfe(), sampler.nfe(noise_level)
    return whole + (CANDIDATES - 1) * (whole - rest + 1)


def _drawn(engine: Engine, sampler: FlowSampler, rows: Sequence[int], number: int, noise_level: float) -> Attempt:
    """A draw of rows from their better candidates, which both come to ``noise_level`` first."""
    candidate_seeds = [
        [
            derived_seed(engine.seeds[row], number, candidate) if number or candidate else engine.seeds[row]
            for row in rows
        ]
        for candidate in range(CANDIDATES)
    ]
    context, levels = sampler.context(rows), sampler.noise_levels()
    half = sampler.nfe() - sampler.nfe(noise_level)
    readers = [step_reader(engine, rows) for _ in candidate_seeds]
    halves = [
        _half_way(sampler, seeds, levels[: half + 1], context, watched(None, reader))
        for seeds, reader in zip(candidate_seeds, readers)
    ]
    level = levels[half].item()
    predictions = [noisy - level * flow for noisy, flow in halves]
    rewards = torch.stack([expected_reward(engine, rows, prediction, level) for prediction in predictions])
    best, chosen = rewards.max(dim=0)
    noisy, flow = (torch.stack(tensors)[chosen, torch.arange(len(rows))] for tensors in zip(*halves))
    # The chosen one's prediction was the call that its next step needs.
    noisy = noisy + (levels[half + 1] - level).item() * flow
    last_reader = step_reader(engine, rows)
    latents = sampler.integrate(noisy, levels[half + 1 :], context, watched(None, last_reader))
    steps: list[tuple[StepReward, ...]] | None = None
    if last_reader is not None:
        before = [reader.steps for reader in readers if reader is not None]
        steps = [
            (*before[candidate][index], (level, best[index].item()), *last_reader.steps[index])
            for index, candidate in enumerate(chosen.tolist())
        ]
    return Attempt(
        "resample" if number else "sample",
        1.0,
        [candidate_seeds[candidate][index] for index, candidate in enumerate(chosen.tolist())],
        nfe_of_picture(sampler, noise_level),
        latents,
        predicted=best.tolist(),
        reasons=["the better one of two half way"] * len(rows),
        steps=steps,
    )


def _half_way(
    sampler: FlowSampler, seeds: Sequence[int], levels: Tensor, context: Tensor, guidance: X0Guidance | None
) -> tuple[Tensor, Tensor]:
    """Noisy latents at the last of the levels, and the flow there."""
    noisy = sampler.integrate(sampler.noise(seeds), levels, context, guidance)
    return noisy, sampler.flow(noisy, levels[-1], context)
