"""Write a report's files; a reader never sees half of one."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from ..files import make_folder, write_together
from ..loop.state import LoopState
from .before_after import before_after
from .page import report_page


@dataclass(frozen=True)
class ReportFiles:
    """Where a report's page, its before/after picture and its history lie."""

    html: Path
    picture: Path
    history: Path


def write_report(
    states: Sequence[LoopState], folder: Path, name: str, texts: Mapping[str, str] | None = None
) -> ReportFiles:
    """Write ``name.html``, ``name.png`` and ``name.json`` into ``folder``, which is made if it is missing.

    The picture carries ``texts`` as metadata, by keyword.
    All are finished before any takes its place: an error leaves an earlier report as it was. Raises ValueError for a
    name with a folder in it, for no states and for a state without an accepted round, and OSError if the disk is full.
    """
    if not name or name in (".", "..") or Path(name).name != name or "\\" in name:
        raise ValueError(f"A report's name must be a plain file name, not {name!r}. Give the folder separately.")
    _check(states)
    folder = Path(folder)
    make_folder(folder)
    png = io.BytesIO()
    metadata = PngInfo()
    for keyword, text in (texts or {}).items():
        metadata.add_text(keyword, text)
    before_after(states).save(png, "PNG", pnginfo=metadata)
    contents = {
        f"{name}.html": report_page(states, name).encode("utf-8"),
        f"{name}.png": png.getvalue(),
        f"{name}.json": history_json(states).encode("utf-8"),
    }
    write_together(folder, contents)
    return ReportFiles(*(folder / file_name for file_name in contents))


def history_json(states: Sequence[LoopState]) -> str:
    """The history of all states as JSON text, without pictures; a number that is not finite becomes null."""
    return json.dumps([_finite(state.to_dict()) for state in states], indent=2, ensure_ascii=False, allow_nan=False)


def _check(states: Sequence[LoopState]) -> None:
    if not states:
        raise ValueError("There is nothing to report: the list of states is empty.")
    for number, state in enumerate(states, 1):
        if not any(loop_round.accepted for loop_round in state.rounds):
            raise ValueError(
                f"Picture {number} ({state.prompt!r}) has no accepted round: there is no picture to show. "
                "Run the loop on it before you report it."
            )


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
