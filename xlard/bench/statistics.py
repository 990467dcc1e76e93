"""Accuracy with Wilson and prompt-clustered bootstrap intervals, overall and by task, fix and break rates."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence

import torch

DRAWS = 2000

_Z = 1.959964


def wilson(right: int, number: int) -> tuple[float, float, float]:
    """A share and its 95 % Wilson interval, for independent trials."""
    share, z2 = right / number, _Z**2
    middle, half = share + z2 / (2 * number), _Z * math.sqrt(share * (1 - share) / number + z2 / (4 * number**2))
    return share, (middle - half) / (1 + z2 / number), (middle + half) / (1 + z2 / number)


def interval(values: Sequence[float], clusters: Sequence[Hashable], seed: int = 0) -> tuple[float, float, float]:
    """Mean and its 95 % bootstrap interval; whole clusters (prompts) are drawn, because their pictures are alike."""
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for value, cluster in zip(values, clusters):
        groups[cluster].append(float(value))
    sums = torch.tensor([sum(group) for group in groups.values()])
    sizes = torch.tensor([float(len(group)) for group in groups.values()])
    picks = torch.randint(0, len(sums), (DRAWS, len(sums)), generator=torch.Generator().manual_seed(seed))
    means = sums[picks].sum(dim=1) / sizes[picks].sum(dim=1)
    low, high = torch.quantile(means, torch.tensor([0.025, 0.975])).tolist()
    return (sums.sum() / sizes.sum()).item(), low, high


def fix_and_break(before: Sequence[bool], after: Sequence[bool]) -> tuple[float | None, float | None]:
    """Share of wrong pictures made right and of right ones made wrong, on paired seeds; None if there were none."""
    fixed = [is_right for was_right, is_right in zip(before, after) if not was_right]
    broken = [not is_right for was_right, is_right in zip(before, after) if was_right]
    return (sum(fixed) / len(fixed) if fixed else None), (sum(broken) / len(broken) if broken else None)


def shares(
    right: Sequence[bool], clusters: Sequence[Hashable], tasks: Sequence[str], before: Sequence[bool] | None
) -> dict:
    """Accuracy of pictures that are ``right`` or not, overall and for each of their ``tasks``, with intervals.

    Fix and break rates are None unless it is known which pictures were right ``before``.
    """
    rows_of = {name: [row for row, task in enumerate(tasks) if task == name] for name in sorted(set(tasks))}
    fix_rate, break_rate = fix_and_break(before, right) if before else (None, None)
    return {
        "accuracy": interval(right, clusters),
        "fix_rate": fix_rate,
        "break_rate": break_rate,
        "right": list(right),
        "tasks": {
            task: interval([right[row] for row in rows], [clusters[row] for row in rows])
            for task, rows in rows_of.items()
        },
    }
