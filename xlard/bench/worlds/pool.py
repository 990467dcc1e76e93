"""``python -m xlard.bench pool``: runs of the same prompts, each in its folder, as a single run.

This spreads a comparison over processes and machines, by seeds, by methods, or both.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from ..statistics import shares
from .tables import curves, differences, table, tasks
from .tasks import read_task

_SAME = ("world", "prompts", "steps", "further looks")
_MEANS = ("nfe", "seconds", "critic_calls", "critic_passed", "change", "diversity")

SUMMARY = "put several runs of the same prompts into one table"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("folders", nargs="+", type=Path, help="what --out was in each run")
    parser.add_argument(
        "--methods",
        default="",
        help=(
            "comma-separated, in the order of the table; the last one is compared with the "
            "others (all, in the order of the runs)"
        ),
    )


def run(options: argparse.Namespace) -> None:
    """Print the tables of several runs together. Raises ValueError for a method that they do not have."""
    summaries, seeds, prompts = pooled(options.folders)
    if options.methods:
        missing = [name for name in options.methods.split(",") if name not in summaries]
        if missing:
            raise ValueError(f"These runs do not have {', '.join(missing)}; they have {', '.join(summaries)}.")
        summaries = {name: summaries[name] for name in options.methods.split(",")}
    print(f"{len(prompts)} prompts, seeds {', '.join(map(str, seeds))}")
    clusters = [index for _ in seeds for index in range(len(prompts))]
    print(table(summaries), curves(summaries), tasks(summaries), differences(summaries, clusters), sep="\n\n")


def pooled(folders: Sequence[Path]) -> tuple[dict[str, dict], list[int], list[str]]:
    """Summaries by method over all seeds, the seeds, and the prompts. ``right`` is by seed, then by prompt.

    Raises ValueError for runs of other worlds, prompts, steps or looks, and for a method that was not run with every
    seed, or twice with one.
    """
    runs = [json.loads((folder / "summary.json").read_text()) for folder in folders]
    different = [what for what in _SAME if any(run.get(what) != runs[0].get(what) for run in runs)]
    if different:
        raise ValueError(f"These runs differ in {', '.join(different)}, and cannot be pooled.")
    prompts, seeds = runs[0]["prompts"], sorted({seed for run in runs for seed in run["seeds"]})
    runs_with: dict[str, list[dict]] = {}
    for name in dict.fromkeys(name for run in runs for name in run["methods"]):
        runs_with[name] = [run for run in runs if name in run["methods"]]
        seeds_of_method = sorted(seed for run in runs_with[name] for seed in run["seeds"])
        if seeds_of_method != seeds:
            raise ValueError(f"{name} was run with the seeds {seeds_of_method} and not once with each of {seeds}.")
    # Fix and break are against base, which is needed first.
    before = _ordered(runs_with["base"], "base", seeds) if "base" in runs_with else None
    summaries = {
        name: _summary(runs_of_method, name, seeds, prompts, before) for name, runs_of_method in runs_with.items()
    }
    return summaries, seeds, prompts


def _summary(
    runs: Sequence[dict], name: str, seeds: Sequence[int], prompts: Sequence[str], before: list[bool] | None
) -> dict:
    before = None if name == "base" else before
    figures = [(run["methods"][name], len(run["seeds"])) for run in runs]
    caps = [cap for cap in figures[0][0]["caps"] if all(cap in of_run["caps"] for of_run, _ in figures)]
    return {
        **_shares(_ordered(runs, name, seeds), prompts, before),
        **_means(figures, _MEANS),
        "caps": {
            cap: {
                **_shares(_ordered(runs, name, seeds, cap), prompts, before),
                **_means([(of_run["caps"][cap], number) for of_run, number in figures], ("nfe", "seconds")),
            }
            for cap in caps
        },
    }


def _ordered(runs: Sequence[dict], name: str, seeds: Sequence[int], cap: str | None = None) -> list[bool]:
    """Which pictures are right, by seed and then by prompt."""
    columns: dict[int, list[bool]] = {}
    for run in runs:
        method = run["methods"][name]
        right = method["caps"][cap]["right"] if cap else method["right"]
        columns |= {seed: right[index :: len(run["seeds"])] for index, seed in enumerate(run["seeds"])}
    return [value for seed in seeds for value in columns[seed]]


def _shares(right: list[bool], prompts: Sequence[str], before: list[bool] | None) -> dict:
    repeats = len(right) // len(prompts)
    return shares(
        right, list(range(len(prompts))) * repeats, [read_task(prompt) for prompt in prompts] * repeats, before
    )


def _means(figures: Sequence[tuple[dict, int]], names: Sequence[str]) -> dict[str, float | None]:
    """Means of each run's figures, weighted by its number of seeds; None if a run has none."""
    total = sum(number for _, number in figures)
    means: dict[str, float | None] = {}
    for name in names:
        values = [(of_run[name], number) for of_run, number in figures]
        missing = any(value is None for value, _ in values)
        means[name] = None if missing else sum(value * number for value, number in values) / total
    return means
