"""Accuracy with prompt-clustered bootstrap intervals, overall and by task, fix and break rates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch

DRAWS = 2000


def interval(values: Sequence[float], clusters: Sequence[int], seed: int = 0) -> tuple[float, float, float]:
    """Mean and its 95 % bootstrap interval; whole clusters (prompts) are drawn, since their seeds are alike."""
    groups = defaultdict(list)
    for value, cluster in zip(values, clusters):
        groups[cluster].append(float(value))
    sums = torch.tensor([sum(group) for group in groups.values()])
    sizes = torch.tensor([float(len(group)) for group in groups.values()])
    picks = torch.randint(0, len(sums), (DRAWS, len(sums)), generator=torch.Generator().manual_seed(seed))
    means = sums[picks].sum(dim=1) / sizes[picks].sum(dim=1)
    low, high = torch.quantile(means, torch.tensor([0.025, 0.975])).tolist()
    return (sums.sum() / sizes.sum()).item(), low, high


def fix_and_break(before: Sequence[bool], after: Sequence[bool]) -> tuple[float | None, float | None]:
    """Share of wrong pictures made right and of right ones made wrong, on paired seeds; None where there were none."""
    wrong = [new for old, new in zip(before, after) if not old]
    right = [not new for old, new in zip(before, after) if old]
    return (sum(wrong) / len(wrong) if wrong else None), (sum(right) / len(right) if right else None)


def shares(right: Sequence[bool], clusters: Sequence[int], tasks: Sequence[str], before: Sequence[bool] | None) -> dict:
    """Accuracy of pictures that are ``right`` or not, and that of each of their ``tasks``, with intervals; fix and
    break rates where it is known which were right ``before``."""
    rows = {task: [row for row, own in enumerate(tasks) if own == task] for task in sorted(set(tasks))}
    fixed, broken = fix_and_break(before, right) if before else (None, None)
    return {
        "accuracy": interval(right, clusters),
        "fix_rate": fixed,
        "break_rate": broken,
        "right": list(right),
        "tasks": {
            task: interval([right[row] for row in own], [clusters[row] for row in own]) for task, own in rows.items()
        },
    }
