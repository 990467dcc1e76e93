"""``python -m xlard.bench check FOLDER PROMPTS``: accuracy per task of pictures from anywhere, by a world's checker."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...prompts import claims_from_prompt
from ...prompts.unclaimed import prompts_with_claims, skipped_note
from ...worlds.registry import add_world_option, load_world
from ...worlds.world import Checker
from ..statistics import interval
from .pictures import numbered_pictures, read_picture
from .prompts import read_prompts
from .tables import markdown, with_interval
from .tasks import read_task

SUMMARY = "judge a folder of pictures with a world's checker"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    add_world_option(parser)
    parser.add_argument("folder", type=Path, help="folder of pictures, named PROMPT-INDEX_SEED.png")
    parser.add_argument("prompts", type=Path, help="file with one prompt a line; the first has the index 0")


def run(options: argparse.Namespace) -> None:
    """Print a table of the pictures."""
    world, prompts = load_world(options.world), read_prompts(options.prompts)
    _, without = prompts_with_claims(prompts)
    right = right_pictures(options.folder, prompts, world.checker)
    if without:
        print(skipped_note(without))
    print(f"{world.title}: {len(right)} pictures of {len({index for index, _ in right})} prompts\n")
    print(table(right, prompts))


def right_pictures(folder: Path, prompts: Sequence[str], checker: Checker) -> dict[tuple[int, int], bool]:
    """Whether every claim holds in each picture of a folder, by prompt index and seed; pictures of prompts without
    claims are left out.

    Raises ValueError for a folder without pictures, for a picture without a prompt, and if no prompt has claims.
    """
    pictures = numbered_pictures(folder)
    last = max(index for index, _ in pictures)
    if last >= len(prompts):
        raise ValueError(f"There is a picture of prompt {last}, and prompts only up to {len(prompts) - 1}.")
    claims = [claims_from_prompt(prompt) for prompt in prompts]
    return {
        key: checker.check(read_picture(path), claims[key[0]]).passed
        for key, path in pictures.items()
        if claims[key[0]]
    }


def table(right: Mapping[tuple[int, int], bool], prompts: Sequence[str]) -> str:
    """As Markdown: pictures and accuracy of each task and overall, with intervals over prompts."""
    task_of = {key: read_task(prompts[key[0]]) for key in right}
    lines = []
    for task in ("overall", *sorted(set(task_of.values()))):
        keys = [key for key in right if task in ("overall", task_of[key])]
        accuracy = interval([right[key] for key in keys], [index for index, _ in keys])
        lines.append([task, str(len(keys)), with_interval(accuracy)])
    return markdown(["task", "pictures", "accuracy [95 %]"], lines)
