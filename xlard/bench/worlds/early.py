"""Early decisions: of two candidates that are drawn half way the head's better one goes on, the other is dropped.

As TTSnap and PARM drop candidates that a reward model holds for hopeless, with our head and by pairs. Needs the demo
world's sampler, which can be run step by step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...guidance.base import X0Guidance
from ...loop.engine import Attempt, Engine, better, derived_seed
from ...loop.head_reader import expected_reward, step_reader, watched
from ...loop.state import LoopState
from ...worlds.shapes.sampling import FlowSampler

CANDIDATES = 2
"""Drawn for each picture that is finished."""


def early_best_of(engine: Engine, number: int, noise_level: float, until_passed: bool = False) -> list[LoopState]:
    """As many pictures as ``number`` generations pay for, each the head's better one of two at noise level
    ``noise_level``; the critic's best returned. With ``until_passed`` no more are drawn of what the critic accepts."""
    rows = list(range(len(engine.states)))
    for attempt in range(max(1, number * engine.sampler.nfe() // cost(engine.sampler, noise_level))):
        if rows:
            engine.try_rows(rows, lambda: _picked(engine, rows, attempt, noise_level), better)
        rows = [row for row in rows if not (until_passed and engine.states[row].passed)]
    return engine.states


def cost(sampler: FlowSampler, noise_level: float) -> int:
    """Model calls for one finished picture: the dropped ones' up to the prediction at ``noise_level``, and all of its
    own."""
    whole, rest = sampler.nfe(), sampler.nfe(noise_level)
    return whole + (CANDIDATES - 1) * (whole - rest + 1)


def _picked(engine: Engine, rows: Sequence[int], number: int, noise_level: float) -> Attempt:
    tried = [
        [derived_seed(engine.seeds[row], number, k) if number or k else engine.seeds[row] for row in rows]
        for k in range(CANDIDATES)
    ]
    sampler, context = engine.sampler, engine.sampler.context(rows)
    levels = sampler.noise_levels()
    half = sampler.nfe() - sampler.nfe(noise_level)
    readers = [step_reader(engine, rows) for _ in tried]
    noisy, flow = (
        torch.stack(each)
        for each in zip(
            *(
                _half_way(sampler, seeds, levels[: half + 1], context, watched(None, reader))
                for seeds, reader in zip(tried, readers)
            )
        )
    )
    level = levels[half].item()
    rewards = torch.stack([expected_reward(engine, rows, x - level * f, level) for x, f in zip(noisy, flow)])
    best, chosen = rewards.max(dim=0)
    noisy, flow = (each[chosen, torch.arange(len(rows))] for each in (noisy, flow))
    # The chosen one's prediction was the call that its next step needs.
    noisy = noisy + (levels[half + 1] - level).item() * flow
    rest = step_reader(engine, rows)
    latents = sampler.draw_on(noisy, levels[half + 1 :], context, watched(None, rest))
    seeds = [tried[k][index] for index, k in enumerate(chosen.tolist())]
    return Attempt(
        "resample" if number else "sample",
        1.0,
        seeds,
        cost(sampler, noise_level),
        latents,
        predicted=best.tolist(),
        reasons=["the better one of two half way"] * len(rows),
        steps=rest
        and [
            (*readers[k].steps[index], (level, best[index].item()), *rest.steps[index])
            for index, k in enumerate(chosen.tolist())
        ],
    )


def _half_way(
    sampler: FlowSampler, seeds: Sequence[int], levels: Tensor, context: Tensor, guidance: X0Guidance | None
) -> tuple[Tensor, Tensor]:
    """Noisy latents at the last of the levels, and the flow there."""
    noisy = sampler.draw_on(sampler.noise(seeds), levels, context, guidance)
    return noisy, sampler.flow(noisy, levels[-1], context)
