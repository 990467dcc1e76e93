"""The figures of a run: right pictures per task, plain and corrected, with intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from ..statistics import DRAWS, fix_and_break, interval, wilson


def figures(rows: Sequence[dict]) -> dict:
    """Of rows of ``score.score``, for each task and ``overall``: pictures, shares right, their difference, fix and
    break rates.

    Overall is the mean of the tasks, as in GenEval. Differences come with a bootstrap interval over prompts, because a
    prompt's pictures are alike. Raises ValueError for no rows.
    """
    if not rows:
        raise ValueError("There is no scored picture.")
    correct: dict[tuple[str, str, int], dict[str, bool]] = defaultdict(dict)
    for row in rows:
        correct[row["tag"], row["prompt"], row["seed"]][row["kind"]] = row["correct"]
    by_task: dict[str, list[tuple[str, bool, bool]]] = defaultdict(list)
    for (tag, prompt, _), versions in correct.items():
        by_task[tag].append((prompt, versions["base"], versions["corrected"]))
    return {
        "tasks": {tag: _of_task(pairs_of_task) for tag, pairs_of_task in by_task.items()},
        "overall": _overall(by_task),
    }


def _of_task(pairs: Sequence[tuple[str, bool, bool]]) -> dict:
    prompts, base, corrected = zip(*pairs)
    fix_rate, break_rate = fix_and_break(base, corrected)
    return {
        "prompts": len(set(prompts)),
        "pictures": len(pairs),
        "base": wilson(sum(base), len(base)),
        "corrected": wilson(sum(corrected), len(corrected)),
        "fix_rate": fix_rate,
        "break_rate": break_rate,
        "difference": interval([after - before for before, after in zip(base, corrected)], prompts),
    }


def _overall(by_task: dict[str, list[tuple[str, bool, bool]]]) -> dict:
    """Means over tasks; the bootstrap draws prompts within their task."""
    all_pairs = [pair for pairs in by_task.values() for pair in pairs]
    fix_rate, break_rate = fix_and_break([before for _, before, _ in all_pairs], [after for *_, after in all_pairs])
    generator = torch.Generator().manual_seed(0)
    # (tasks, DRAWS + 1, 2), then their mean: the shares right, plain and corrected, first those of the data.
    shares = torch.stack([_bootstrap_shares(pairs, generator) for pairs in by_task.values()]).mean(dim=0)
    columns = {"base": shares[:, 0], "corrected": shares[:, 1], "difference": shares[:, 1] - shares[:, 0]}
    return {
        "prompts": len({prompt for prompt, *_ in all_pairs}),
        "pictures": len(all_pairs),
        "fix_rate": fix_rate,
        "break_rate": break_rate,
        **{name: _with_interval(column) for name, column in columns.items()},
    }


def _bootstrap_shares(pairs: Sequence[tuple[str, bool, bool]], generator: torch.Generator) -> Tensor:
    """Shares right (DRAWS + 1, 2), plain and corrected: those of the data, then those of each draw."""
    groups: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for prompt, before, after in pairs:
        groups[prompt].append((before, after))
    sums = torch.tensor([[sum(column) for column in zip(*group)] for group in groups.values()], dtype=torch.float64)
    sizes = torch.tensor([float(len(group)) for group in groups.values()], dtype=torch.float64)
    picks = torch.cat(
        [torch.arange(len(sums))[None], torch.randint(0, len(sums), (DRAWS, len(sums)), generator=generator)]
    )
    return sums[picks].sum(dim=1) / sizes[picks].sum(dim=1, keepdim=True)


def _with_interval(column: Tensor) -> tuple[float, float, float]:
    low, high = torch.quantile(column[1:], torch.tensor([0.025, 0.975], dtype=column.dtype)).tolist()
    return column[0].item(), low, high
