"""Collect what head and corrector learn from: the demo generator's trajectories, judged by the demo critic."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from ...prompts import claims_from_prompt
from ...protocols import Judge
from ...training.records import Records, reward_rows
from ..prompts import sample_prompts
from ..sampling import FlowSampler

LEVELS = (0.95, 0.9, 0.8, 0.7, 0.5)
"""Noise levels at which x0 predictions are kept."""

RESUMED = (0.9, 0.8)
"""Noise levels from which failed pictures are renoised and resumed, as the loop will do."""


def prompt_list(split: str, number: int, repeats: int, seed: int) -> list[str]:
    """``number`` prompts of a split, each ``repeats`` times in a row."""
    chosen = sample_prompts(split, number, random.Random(seed))
    return [prompt.text for prompt in chosen for _ in range(repeats)]


def _judged(prompts: Sequence[str], latents: Tensor, decoder, judge: Judge):
    return judge.judge(decoder.decode(latents), [claims_from_prompt(prompt) for prompt in prompts])


def _records(prompts, latents, seen, critiques) -> Records:
    kept = {0.0: latents.cpu(), **{level: part.cpu() for level, part in seen.items()}}
    return Records(list(prompts), kept, reward_rows(critiques), torch.tensor([c.passed for c in critiques]),
                   torch.tensor([c.confidence for c in critiques]), [list(c.detections) for c in critiques])


def judge_again(records: Records, decoder, judge: Judge) -> Records:
    """The same pictures with the judge's present critiques: for a critic that has changed since they were collected."""
    latents = records.latents[0.0]
    critiques = [critique for start in range(0, len(records), 100) for critique in
                 _judged(records.prompts[start:start + 100], latents[start:start + 100], decoder, judge)]
    return _records(records.prompts, latents, {level: part for level, part in records.latents.items() if level}, critiques)


def collect(sampler: FlowSampler, prompts: Sequence[str], decoder, judge: Judge, seed: int,
            batch: int = 100) -> tuple[Records, list[Records]]:
    """Draw every prompt once, then resume the failed ones from each level of ``RESUMED``.

    Returns the records of the fresh draws, and of the resumed ones a part per level; a resumed record holds the x0
    predictions from its level down.
    """
    from ...training.records import join

    fresh, resumed = [], {level: [] for level in RESUMED}
    for start in range(0, len(prompts), batch):
        rows = list(range(start, min(start + batch, len(prompts))))
        texts = [prompts[row] for row in rows]
        seeds = [seed + row for row in rows]
        empty = torch.zeros(len(rows), *sampler.shape)
        latents, seen = sampler.trajectory(empty, 1.0, rows, seeds, LEVELS)
        critiques = _judged(texts, latents, decoder, judge)
        fresh.append(_records(texts, latents, seen, critiques))
        failed = [index for index, critique in enumerate(critiques) if not critique.passed]
        for level in RESUMED if failed else ():
            again = [rows[index] for index in failed]
            after, watched = sampler.trajectory(latents[failed], level, again, [seed + 10_000_000 + row for row in again], LEVELS)
            outcome = _judged([prompts[row] for row in again], after, decoder, judge)
            resumed[level].append(_records([prompts[row] for row in again], after, watched, outcome))
        print(f"collect: {rows[-1] + 1}/{len(prompts)} pictures, "
              f"{sum(int(part.passed.sum()) for part in fresh)} passed", flush=True)
    return join(fresh), [join(parts) for parts in resumed.values() if parts]
