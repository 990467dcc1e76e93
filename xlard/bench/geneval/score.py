"""Scoring: what the detector finds on each picture, and whether that is what its prompt asks for."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence

from PIL import Image

from ...comfy_server.errors import BenchError
from ...files import append_lines, read_lines
from .detector import Detector
from .draw import KINDS, Run
from .prompts import GenEvalPrompt
from .rules import Found, counted, judge

NameColors = Callable[[Image.Image, Sequence[Found], str], list[str]]
"""The colour of each of some objects of a class on a picture."""

_TELL_EVERY = 50


def check_classes(detector: Detector, prompts: Sequence[GenEvalPrompt]) -> None:
    """Raises BenchError for classes that the prompts ask for and the detector does not know."""
    lacking = sorted(set().union(*(prompt.classes for prompt in prompts)) - detector.classes)
    if lacking:
        raise BenchError(
            f"The detector {detector.name} does not know {len(lacking)} of the prompts' classes, among them"
            f" {', '.join(lacking[:5])}; it knows {', '.join(sorted(detector.classes)[:5])} and so on. Take a detector"
            " for COCO's 80 classes, or prompts for its own."
        )


def score(
    run: Run,
    prompts: Sequence[GenEvalPrompt],
    seeds: Sequence[int],
    detector: Detector,
    name_colors: NameColors | None,
    judges: str,
) -> list[dict]:
    """A row for each picture: prompt, tag, seed, kind, ``correct`` and what is wrong; rows that are there are not made
    again.

    ``judges`` names detector and CLIP: rows of others do not count, nor do those of a picture that was drawn anew
    since. Prompts with colours are left out without ``name_colors``."""
    asked = [prompt for prompt in prompts if name_colors or not prompt.needs_colors]
    there = {
        (row["prompt"], row["seed"], row["kind"]): row for row in read_lines(run.scored) if row["judges"] == judges
    }
    drawn, rows, made = run.rows(), [], 0
    for prompt in asked:
        for seed in (seed for seed in seeds if (prompt.prompt, seed) in drawn):
            for kind in KINDS:
                row, content = (
                    there.get((prompt.prompt, seed, kind)),
                    run.picture(kind, prompt.prompt, seed).read_bytes(),
                )
                checksum = zlib.crc32(content)
                if row is None or row.get("checksum") != checksum:
                    row = {
                        "prompt": prompt.prompt,
                        "tag": prompt.tag,
                        "seed": seed,
                        "kind": kind,
                        "judges": judges,
                        "checksum": checksum,
                        **_judged(content, prompt, detector, name_colors),
                    }
                    append_lines(run.scored, [row])
                    made += 1
                    if made % _TELL_EVERY == 0:
                        print(f"{made} pictures scored", flush=True)
                rows.append(row)
    return rows


def _judged(content: bytes, prompt: GenEvalPrompt, detector: Detector, name_colors: NameColors | None) -> dict:
    with Image.open(io.BytesIO(content)) as file:
        picture = file.convert("RGB")
    objects = counted(detector.find(picture), prompt.tag)
    correct, wrong = judge(prompt, objects, lambda found, name: name_colors(picture, found, name))
    boxes = {
        name: [[*(round(side, 1) for side in each.box), round(each.score, 4)] for each in found]
        for name, found in objects.items()
    }
    return {"correct": correct, "wrong": wrong, "objects": boxes}
