"""``python -m xlard.bench preservation FOLDER``: what methods leave as it was, by a world's checker on their pictures.

Each method's pictures are compared with those of the run's first one for the same prompt and seed.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ...claims import Claim
from ...loop.preservation import Preserved, preserved
from ...prompts import claims_from_prompt
from ...worlds.world import Checker
from ..statistics import interval
from .pictures import read_picture
from .results import world_of_run
from .tables import markdown, with_interval

SUMMARY = "what the methods of a run leave as it was"


@dataclass(frozen=True)
class Kept(Preserved):
    """What the picture of a prompt kept."""

    prompt_index: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("folder", type=Path, help="what --out was")


def run(options: argparse.Namespace) -> None:
    """Print a table of a run of the bench."""
    print(table(kept_by_method(options.folder, world_of_run(options.folder).checker)))


def kept_by_method(folder: Path, checker: Checker) -> dict[str, list[Kept]]:
    """For each method but the first what its pictures kept. Raises FileNotFoundError if the folder is not of a run."""
    rows = json.loads((folder / "results.json").read_text())
    first = rows[0]["method"]
    before = {(row["prompt_index"], row["seed"]): row["picture"] for row in rows if row["method"] == first}
    kept: dict[str, list[Kept]] = defaultdict(list)
    for row in rows:
        if row["method"] != first:
            earlier = read_picture(folder / before[row["prompt_index"], row["seed"]])
            claims, later = claims_from_prompt(row["prompt"]), read_picture(folder / row["picture"])
            kept[row["method"]].append(compared(row["prompt_index"], earlier, later, claims, checker))
    return kept


def compared(prompt_index: int, before: Tensor, after: Tensor, claims: Sequence[Claim], checker: Checker) -> Kept:
    """What a picture (H, W, 3) kept of another one for the same claims."""
    kept = preserved(checker.check(before, claims), checker.check(after, claims), before, after)
    return Kept(kept.right, kept.kept, kept.outside, kept.changed, prompt_index)


def table(kept: dict[str, list[Kept]]) -> str:
    """As Markdown: right objects that are kept, of all pictures and of those that changed, with intervals over prompts;
    and the change of pixels outside of what was wrong.
    """
    lines = []
    for method, pictures in kept.items():
        changed = [picture for picture in pictures if picture.changed]
        outside = sum(picture.outside for picture in pictures) / len(pictures)
        share = len(changed) / len(pictures)
        lines.append([method, _preserved(pictures), _preserved(changed), f"{share:.2f}", f"{outside:.4f}"])
    heads = ["method", "preservation [95 %]", "of changed pictures", "changed", "change outside of what was wrong"]
    return markdown(heads, lines)


def _preserved(pictures: Sequence[Kept]) -> str:
    counted = [picture for picture in pictures if picture.right]
    if not counted:
        return ""
    return with_interval(
        interval([picture.kept / picture.right for picture in counted], [picture.prompt_index for picture in counted])
    )
