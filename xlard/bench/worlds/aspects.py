"""``python -m xlard.bench.worlds.aspects FOLDER``: what methods do for each aspect of the prompts, by the exact checker
on a run's pictures.

An aspect of a picture is right where all claims about it hold.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ...aspects import ASPECT_OF, ASPECTS
from ...prompts import claims_from_prompt
from ...worlds.shapes.checker import Checker
from ..statistics import shares
from .tables import markdown, share, with_interval


def main() -> None:
    """Print a table of a run of the bench."""
    parser = argparse.ArgumentParser(
        prog="python -m xlard.bench.worlds.aspects", description=__doc__.split(": ", 1)[1].strip()
    )
    parser.add_argument("folder", type=Path, help="what --out was")
    options = parser.parse_args()
    print(table(held_aspects(options.folder)))


def held_aspects(folder: Path) -> dict[str, dict[tuple, bool]]:
    """For each method whether (prompt, seed, aspect) is right in its picture. Raises FileNotFoundError for what is no
    run."""
    held: dict[str, dict[tuple, bool]] = defaultdict(dict)
    checker = Checker()
    for row in json.loads((folder / "results.json").read_text()):
        picture = torch.from_numpy(np.array(Image.open(folder / row["picture"]).convert("RGB"))).float() / 255
        (critique,) = checker.judge(picture[None], [claims_from_prompt(row["prompt"])])
        for verdict in critique.verdicts:
            key = row["prompt_index"], row["seed"], ASPECT_OF[verdict.claim.type]
            held[row["method"]][key] = held[row["method"]].get(key, True) and verdict.passed
    return held


def table(held: dict[str, dict[tuple, bool]]) -> str:
    """As Markdown: accuracy of each aspect with its interval; fixed and broken compared with the first method."""
    asked = {key[-1] for keys in held.values() for key in keys}
    lines, (first, *_) = [], held.values()
    for method, keys in held.items():
        for aspect in (aspect for aspect in ASPECTS if aspect in asked):
            own = [key for key in keys if key[-1] == aspect]
            lines.append([method, aspect, str(len(own)), *_figures(own, keys, first)])
    return markdown(["method", "aspect", "pictures", "accuracy [95 %]", "fix", "break"], lines)


def _figures(own: Sequence[tuple], keys: dict[tuple, bool], first: dict[tuple, bool]) -> tuple[str, str, str]:
    found = shares(
        [keys[key] for key in own],
        [key[0] for key in own],
        [""] * len(own),
        None if keys is first else [first[key] for key in own],
    )
    return with_interval(found["accuracy"]), share(found["fix_rate"]), share(found["break_rate"])


if __name__ == "__main__":
    main()
