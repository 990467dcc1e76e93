"""Progress of the loop in ComfyUI's progress bar."""

from __future__ import annotations

import comfy.utils

from ...xlard.loop.state import Round
from ...xlard.report.drawing import annotate

PREVIEW_SIDE = 512


class RoundProgress:
    """Shows each judged picture with its boxes on the node while the loop runs; call it with (row, round).

    ``best`` holds the best round of each picture so far, by row.
    """

    def __init__(self, total: int):
        self._bar = comfy.utils.ProgressBar(total)
        self.best: dict[int, Round] = {}

    def __call__(self, row: int, entry: Round) -> None:
        if entry.accepted:
            self.best[row] = entry
        preview = ("JPEG", annotate(entry.image, entry.critique), PREVIEW_SIDE)
        self._bar.update_absolute(self._bar.current + 1, preview=preview)
