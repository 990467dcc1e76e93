"""The card of results on a node: files in ComfyUI's temporary folder, and what its page reads of them."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io, ui
from PIL import Image
from torch import Tensor

from ...xlard.critique import Critique
from ...xlard.loop.state import LoopState
from ...xlard.report.shown import Keep, shown_batch, shown_critiques, shown_states
from .compat.jobs import JobGraph

KEY = "xlard_card"
"""The name of the card among a node's outputs; web/result_card.js reads it."""

BATCH_KEY = "xlard_batch"
"""The name of the pictures to choose from among a node's outputs; web/pick_best.js reads it."""

_KEPT_RUNS, _KEPT_PREVIEWS = 8, 64
"""How many cards and previews of each of the artist's nodes stay; a loop over a whole night would fill a disk."""

_previews: defaultdict[str, deque[list[Path]]] = defaultdict(deque)
"""The files of each node's previews, the oldest first. ComfyUI empties the folder where it starts."""

_LOG = logging.getLogger(__name__)


def critiques_card(
    node: type[io.ComfyNode], images: Tensor, critiques: Sequence[Critique], notes: Sequence[str]
) -> dict[str, list[str]]:
    """The card of judged images (B, H, W, 3) in [0, 1], as part of what a running node puts out for its page."""
    return _card(node, lambda keep: shown_critiques(images, critiques, notes, keep))


def states_card(node: type[io.ComfyNode], states: Sequence[LoopState]) -> dict[str, list[str]]:
    """The card of a loop's pictures and rounds, as part of what a running node puts out for its page."""
    return _card(node, lambda keep: shown_states(states, keep))


def preview_files(images: Tensor, node: type[io.ComfyNode]) -> dict:
    """Images (B, H, W, 3) in [0, 1] as ComfyUI's Preview Image shows them; none where they cannot be written.

    They carry the workflow if the running node has it, and stay until it has shown ``_KEPT_PREVIEWS`` times others.
    """
    try:
        shown = ui.PreviewImage(images, cls=node).as_dict()
    except OSError as error:
        _LOG.warning("xLARD: a preview could not be written to ComfyUI's temporary folder (%s).", error)
        # Under the same names: ComfyUI joins what a node shows for each item of a list.
        return {"images": [], "animated": (False,)}
    job, folder = JobGraph(node), Path(folder_paths.get_temp_directory())
    previews = _previews[job.shown_as(job.own_id)]
    previews.append([folder / file["subfolder"] / file["filename"] for file in shown["images"]])
    while len(previews) > _KEPT_PREVIEWS:
        _remove(previews.popleft())
    return shown


def batch_card(
    node: type[io.ComfyNode], images: Tensor, critiques: Sequence[Critique], chosen: Sequence[int]
) -> dict[str, list[str]]:
    """The images (B, H, W, 3) in [0, 1] of a batch to choose from, as part of what a running node puts out for its
    page.
    """
    return _card(node, lambda keep: shown_batch(images, critiques, chosen, keep), BATCH_KEY)


def _card(
    node: type[io.ComfyNode], shown_with: Callable[[Keep], list[dict[str, Any]]], key: str = KEY
) -> dict[str, list[str]]:
    try:
        shown = shown_with(_Files(node).keep)
    except OSError as error:
        # What was drawn does not hang on a card.
        note = f"Its pictures could not be written to ComfyUI's temporary folder ({error})."
        _LOG.warning("xLARD: a card has no pictures. %s", note)
        shown = [
            {**picture, "notes": [*picture.get("notes", ()), note]}
            for picture in shown_with(lambda picture: {"filename": "", "subfolder": "", "type": "temp"})
        ]
    return {key: [json.dumps(shown)]}


class _Files:
    """The pictures of one run of a node in ComfyUI's temporary folder, which only a start of ComfyUI empties: of each
    of the artist's nodes the last ``_KEPT_RUNS`` runs stay. Raises OSError where they cannot be written.
    """

    def __init__(self, node: type[io.ComfyNode]):
        job = JobGraph(node)
        self._folder = Path(folder_paths.get_temp_directory())
        self._folder.mkdir(parents=True, exist_ok=True)
        # Ids of nodes may hold what no file's name does.
        self._of_node = f"xlard_{hashlib.sha256(ascii(job.shown_as(job.own_id)).encode()).hexdigest()[:12]}"
        self._run, self._number = f"{time.time_ns():020}", 0
        self._remove_old()

    def keep(self, picture: Image.Image) -> dict[str, str]:
        """Writes a picture and says where; see ``report.shown.Keep``."""
        name = f"{self._of_node}_{self._run}_{self._number}.png"
        self._number += 1
        _write(picture, self._folder / name)
        return {"filename": name, "subfolder": "", "type": "temp"}

    def _remove_old(self) -> None:
        runs: dict[str, list[Path]] = {}
        for path in self._folder.glob(f"{self._of_node}_*.png"):
            runs.setdefault(path.name.split("_")[2], []).append(path)
        for run in sorted(runs, reverse=True)[_KEPT_RUNS - 1 :]:
            _remove(runs[run])


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        # Windows keeps a file that the page is just reading.
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _write(picture: Image.Image, path: Path) -> None:
    picture.save(path, compress_level=1)
