"""What a corrector that draws perfect drafts would reach: drafts put in by hand, sampled on, scored by the checker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from ..prompts import claims_from_prompt
from ..training.drafts import Drafts
from ..training.records import FINAL, Records
from .world import World


def pictures_with_drafts(drafts: Drafts, records: Records, most: int) -> dict[int, str]:
    """Collected pictures whose own prompts have drafts, with these prompts: at most so many of each prompt."""
    chosen: dict[int, str] = {}
    taken: Counter[str] = Counter()
    for prompt, picture, kind in zip(records.prompts, records.pictures.tolist(), records.kinds.tolist()):
        if kind == FINAL and picture not in chosen and taken[prompt] < most and drafts.has(prompt):
            taken[prompt] += 1
            chosen[picture] = prompt
    return chosen


@torch.inference_mode()
def measure_drafts(
    world: World, pieces: Records, records: Records, most: int, levels: Sequence[float]
) -> dict[str, dict[str, float]]:
    """How many pictures of records are right: as they were drawn, as drafts of ``pieces`` on their backgrounds, and
    with these sampled on from each noise level; with the shares that were mended and broken.

    Raises ValueError where no prompt has a draft.
    """
    drafts = Drafts(pieces).over(records)
    chosen = pictures_with_drafts(drafts, records, most)
    if not chosen:
        raise ValueError("No prompt of these pictures has a draft. Collect more pictures of the corrector split.")
    prompts, claims = list(chosen.values()), [claims_from_prompt(prompt) for prompt in chosen.values()]
    sampler, rows = world.sampler(prompts), list(range(len(prompts)))
    finals = records.finals[list(chosen)]

    def right(latents: Tensor) -> Tensor:
        critiques = world.checker.judge(world.decoder.decode(latents).cpu(), claims)
        return torch.tensor([critique.passed for critique in critiques])

    before = right(finals)

    def figures(after: Tensor) -> dict[str, float]:
        return {
            "pictures": len(after),
            "right": _share(after),
            "fix": _share(after[~before]),
            "break": _share(~after[before]),
        }

    drawn = torch.stack([drafts.draft(prompt, picture) for picture, prompt in chosen.items()])
    measured = {"as drawn": figures(before), "draft": figures(right(drawn))}
    for level in levels:
        measured[f"from {level:g}"] = figures(right(sampler.resume(drawn, level, rows, rows)))
    return measured


def _share(values: Tensor) -> float:
    return round(values.float().mean().item(), 3) if len(values) else 0.0
