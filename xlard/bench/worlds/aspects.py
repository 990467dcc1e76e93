"""``python -m xlard.bench aspects FOLDER``: what methods do for each aspect of the prompts, by the world's checker on a
run's pictures.

An aspect of a picture is right if all claims about it hold.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ...aspects import ASPECT_OF, ASPECTS
from ...prompts import claims_from_prompt
from ...worlds.world import Checker
from ..statistics import shares
from .pictures import read_picture
from .results import world_of_run
from .tables import markdown, share, with_interval

Held = dict[tuple[int, int, str], bool]
"""Whether an aspect holds, by prompt index, seed and aspect."""

SUMMARY = "what the methods of a run do for each aspect"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("folder", type=Path, help="what --out was")


def run(options: argparse.Namespace) -> None:
    """Print a table of a run of the bench."""
    print(table(held_aspects(options.folder, world_of_run(options.folder).checker)))


def held_aspects(folder: Path, checker: Checker) -> dict[str, Held]:
    """For each method which aspects hold in its pictures. Raises FileNotFoundError if the folder is not of a run."""
    held: dict[str, Held] = defaultdict(dict)
    for row in json.loads((folder / "results.json").read_text()):
        critique = checker.check(read_picture(folder / row["picture"]), claims_from_prompt(row["prompt"]))
        for verdict in critique.verdicts:
            key = row["prompt_index"], row["seed"], ASPECT_OF[verdict.claim.type]
            held[row["method"]][key] = held[row["method"]].get(key, True) and bool(verdict.passed)
    return held


def table(held: dict[str, Held]) -> str:
    """As Markdown: accuracy of each aspect with its interval; fixed and broken compared with the first method."""
    present = {key[-1] for held_of_method in held.values() for key in held_of_method}
    lines, (first, *_) = [], held.values()
    for method, held_of_method in held.items():
        for aspect in (aspect for aspect in ASPECTS if aspect in present):
            keys = [key for key in held_of_method if key[-1] == aspect]
            lines.append([method, aspect, str(len(keys)), *_figures(keys, held_of_method, first)])
    return markdown(["method", "aspect", "pictures", "accuracy [95 %]", "fix", "break"], lines)


def _figures(keys: Sequence[tuple[int, int, str]], held: Held, first: Held) -> tuple[str, str, str]:
    right = [held[key] for key in keys]
    before = None if held is first else [first[key] for key in keys]
    figures = shares(right, [key[0] for key in keys], [""] * len(keys), before)
    return with_interval(figures["accuracy"]), share(figures["fix_rate"]), share(figures["break_rate"])
