"""``python -m xlard.bench pool``: runs of the same prompts, in folders of their own, as one.

A comparison may so be spread over processes and machines, by seeds, by methods, or both.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from ..statistics import shares
from .tables import curves, differences, table, tasks
from .tasks import read_task

_MEANS = ("nfe", "seconds", "critic_calls", "critic_passed", "change", "diversity")


def main(arguments: Sequence[str]) -> None:
    """Print the tables of several runs together."""
    parser = argparse.ArgumentParser(
        prog="python -m xlard.bench pool", description="Print the tables of several runs as those of one."
    )
    parser.add_argument("folders", nargs="+", type=Path, help="what --out was in each run")
    parser.add_argument(
        "--methods",
        default="",
        help=(
            "comma-separated, in the order of the table; the last one is compared with the "
            "others (all, in the order of the runs)"
        ),
    )
    options = parser.parse_args(arguments)
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

    Raises ValueError for runs of other prompts or steps, and for a method that was not run with every seed, or twice
    with one."""
    runs = [json.loads((folder / "summary.json").read_text()) for folder in folders]
    if any((run["prompts"], run["steps"]) != (runs[0]["prompts"], runs[0]["steps"]) for run in runs):
        raise ValueError("These runs are of different prompts or numbers of steps, and cannot be pooled.")
    prompts, seeds = runs[0]["prompts"], sorted({seed for run in runs for seed in run["seeds"]})
    found = {}
    for name in dict.fromkeys(name for run in runs for name in run["methods"]):
        having = [run for run in runs if name in run["methods"]]
        if sorted(seed for run in having for seed in run["seeds"]) != seeds:
            raise ValueError(
                f"{name} was run with the seeds {sorted(seed for run in having for seed in run['seeds'])} and not once"
                f" with each of {seeds}."
            )
        found[name] = having
    # Fix and break are against base, which is needed first.
    before = _ordered(found["base"], "base", seeds) if "base" in found else None
    return {name: _summary(having, name, seeds, prompts, before) for name, having in found.items()}, seeds, prompts


def _summary(
    runs: Sequence[dict], name: str, seeds: Sequence[int], prompts: Sequence[str], before: list[bool] | None
) -> dict:
    parts = [(run["methods"][name], len(run["seeds"])) for run in runs]
    before = None if name == "base" else before
    caps = [cap for cap in parts[0][0]["caps"] if all(cap in part["caps"] for part, _ in parts)]
    return {
        **_shares(_ordered(runs, name, seeds), prompts, before),
        **_means(parts, _MEANS),
        "caps": {
            cap: {
                **_shares(_ordered(runs, name, seeds, cap), prompts, before),
                **_means([(part["caps"][cap], number) for part, number in parts], ("nfe", "seconds")),
            }
            for cap in caps
        },
    }


def _ordered(runs: Sequence[dict], name: str, seeds: Sequence[int], cap: str | None = None) -> list[bool]:
    """Which pictures are right, by seed and then by prompt."""
    columns = {}
    for run in runs:
        method = run["methods"][name]
        right = method["caps"][cap]["right"] if cap else method["right"]
        columns |= {seed: right[place :: len(run["seeds"])] for place, seed in enumerate(run["seeds"])}
    return [value for seed in seeds for value in columns[seed]]


def _shares(right: list[bool], prompts: Sequence[str], before: list[bool] | None) -> dict:
    repeats = len(right) // len(prompts)
    return shares(
        right, list(range(len(prompts))) * repeats, [read_task(prompt) for prompt in prompts] * repeats, before
    )


def _means(parts: Sequence[tuple[dict, int]], names: Sequence[str]) -> dict:
    """Means of figures, weighted by how many seeds each stands for; None where one has none."""
    total = sum(number for _, number in parts)
    return {
        name: (
            None
            if any(part[name] is None for part, _ in parts)
            else sum(part[name] * number for part, number in parts) / total
        )
        for name in names
    }
