"""``python -m xlard.bench sheet FOLDER METHOD``: pictures of a run before and after a method, side by side."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from ...fonts.text import TextFont

SUMMARY = "draw a sheet of pictures before and after a method"

_COLUMNS, _GAP, _TEXT_SIZE, _LINES = 4, 10, 11, 3
_PAPER, _INK, _RIGHT, _WRONG = (252, 252, 250), (28, 30, 34), (11, 110, 79), (178, 34, 52)
_FRAME = 3
"""Width in pixels of the frame around a picture: green where the checker finds it right, else red."""

Row = Mapping[str, Any]
"""A row of results.json."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("folder", type=Path, help="what --out was")
    parser.add_argument("method", help="one of the run's methods; it is compared with the run's first")
    parser.add_argument("--number", type=int, default=24, help="pairs at most")
    parser.add_argument("--out", type=Path, default=Path("output/sheet.png"), help="the sheet, PNG or JPEG")


def run(options: argparse.Namespace) -> None:
    """Write the sheet. Raises ValueError for a method that the run has not, or that left every picture as it was."""
    rows = json.loads((options.folder / "results.json").read_text())
    chosen = changed_pairs(rows, options.method)[: options.number]
    if not chosen:
        raise ValueError(f"{options.method} changed no picture of the run in {options.folder}.")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    drawn(options.folder, chosen).save(options.out)
    print(f"{options.out}: {len(chosen)} pair{'s' * (len(chosen) > 1)}")


def changed_pairs(rows: Sequence[Row], method: str) -> list[tuple[Row, Row]]:
    """Of a run's first method and another one, the rows of the same prompt and seed where that one went on.

    Raises ValueError for a method that the run has not.
    """
    methods = list(dict.fromkeys(row["method"] for row in rows))
    if method not in methods[1:]:
        raise ValueError(
            f"The run has no method '{method}' beside its first; it has {', '.join(methods[1:]) or 'none'}."
        )
    first = {(row["prompt_index"], row["seed"]): row for row in rows if row["method"] == methods[0]}
    return [
        (first[row["prompt_index"], row["seed"]], row)
        for row in rows
        if row["method"] == method and any(round_["accepted"] for round_ in row["rounds"][1:])
    ]


def drawn(folder: Path, pairs: Sequence[tuple[Row, Row]]) -> Image.Image:
    """The sheet: of each pair the prompt, the first picture, and beside it the other."""
    side = max(Image.open(folder / row["picture"]).width for row in pairs[0]) + 2 * _FRAME
    width, text_height = 2 * side + _GAP, _LINES * (_TEXT_SIZE + 3)
    height = text_height + side + _GAP
    font = TextFont(_TEXT_SIZE)
    columns = min(_COLUMNS, len(pairs))
    sheet = Image.new("RGB", (columns * (width + _GAP) + _GAP, -(-len(pairs) // columns) * height + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, pair in enumerate(pairs):
        left, top = _GAP + index % columns * (width + _GAP), _GAP + index // columns * height
        caption = textwrap.wrap(pair[0]["prompt"], width // (_TEXT_SIZE // 2))[:_LINES]
        for number, line in enumerate(caption):
            font.write(draw, (left, top + number * (_TEXT_SIZE + 3)), line, _INK)
        for offset, row in zip((0, side), pair):
            picture = Image.open(folder / row["picture"]).convert("RGB")
            framed = Image.new("RGB", (picture.width + 2 * _FRAME,) * 2, _RIGHT if row["right"] else _WRONG)
            framed.paste(picture, (_FRAME, _FRAME))
            sheet.paste(framed, (left + offset, top + text_height))
    return sheet
