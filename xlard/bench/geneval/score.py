"""Scoring: what the detector finds on each picture, and whether that is what its prompt asks for."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence

from PIL import Image

from ...files import append_lines, read_lines
from ..errors import BenchError
from .detector import Detector
from .draw import PICTURE_NODES, RunFolder
from .prompts import GenEvalPrompt
from .rules import DetectedObject, counted_objects, judge

NameColors = Callable[[Image.Image, Sequence[DetectedObject], str], list[str]]
"""The colours of objects of one class in a picture, given with the class's name."""

_PRINT_EVERY = 50


def check_classes(detector: Detector, prompts: Sequence[GenEvalPrompt]) -> None:
    """Raises BenchError for classes that the prompts ask for and the detector does not know."""
    unknown = sorted(set().union(*(prompt.classes for prompt in prompts)) - detector.classes)
    if unknown:
        raise BenchError(
            f"The detector {detector.name} does not know {len(unknown)} of the prompts' classes, among them"
            f" {', '.join(unknown[:5])}; it knows {', '.join(sorted(detector.classes)[:5])} and so on. Take a detector"
            " for COCO's 80 classes, or prompts for its own."
        )


def score(
    run: RunFolder,
    prompts: Sequence[GenEvalPrompt],
    seeds: Sequence[int],
    detector: Detector,
    name_colors: NameColors | None,
    judges: str,
) -> list[dict]:
    """A row for each picture: prompt, tag, seed, kind, ``correct`` and what is wrong. Saved rows are used again.

    ``judges`` names detector and CLIP: rows of other judges do not count, nor do rows of a picture that was redrawn
    since. Prompts with colours are left out without ``name_colors``.
    """
    scorable = [prompt for prompt in prompts if name_colors or not prompt.needs_colors]
    saved_rows = {
        (row["prompt"], row["seed"], row["kind"]): row for row in read_lines(run.scored) if row["judges"] == judges
    }
    drawn = run.rows()
    rows: list[dict] = []
    new_rows = 0
    for prompt in scorable:
        for seed in (seed for seed in seeds if (prompt.prompt, seed) in drawn):
            for version in PICTURE_NODES:
                content = run.picture(version, prompt.prompt, seed).read_bytes()
                checksum = zlib.crc32(content)
                row = saved_rows.get((prompt.prompt, seed, version))
                if row is None or row.get("checksum") != checksum:
                    row = {
                        "prompt": prompt.prompt,
                        "tag": prompt.tag,
                        "seed": seed,
                        "kind": version,
                        "judges": judges,
                        "checksum": checksum,
                        **_judgement(content, prompt, detector, name_colors),
                    }
                    append_lines(run.scored, [row])
                    new_rows += 1
                    if new_rows % _PRINT_EVERY == 0:
                        print(f"{new_rows} pictures scored", flush=True)
                rows.append(row)
    return rows


def _judgement(content: bytes, prompt: GenEvalPrompt, detector: Detector, name_colors: NameColors | None) -> dict:
    with Image.open(io.BytesIO(content)) as file:
        picture = file.convert("RGB")

    def colors_of(objects: Sequence[DetectedObject], name: str) -> list[str]:
        if name_colors is None:
            raise ValueError(f"The prompt {prompt.prompt!r} asks for colours, and nothing names them.")
        return name_colors(picture, objects, name)

    objects = counted_objects(detector.find(picture), prompt.tag)
    correct, wrong = judge(prompt, objects, colors_of)
    boxes = {
        name: [[*(round(side, 1) for side in detected.box), round(detected.score, 4)] for detected in of_class]
        for name, of_class in objects.items()
    }
    return {"correct": correct, "wrong": wrong, "objects": boxes}
