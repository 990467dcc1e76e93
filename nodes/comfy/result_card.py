"""The card of results on a node: files in ComfyUI's temporary folder, and what its page reads of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path

import folder_paths
from comfy_api.latest import io
from PIL import Image
from torch import Tensor

from ...xlard.critique import Critique
from ...xlard.loop.state import LoopState
from ...xlard.report.shown import shown_batch, shown_critiques, shown_states
from .compat.jobs import JobGraph, tell_page

KEY = "xlard_card"
"""The name of the card among a node's outputs; web/result_card.js reads it."""

BATCH_KEY = "xlard_batch"
"""The name of the pictures to choose from among a node's outputs; web/pick_best.js reads it."""

PROGRESS = "xlard.progress"
"""The event that brings a running node's text to its card."""


def critiques_card(images: Tensor, critiques: Sequence[Critique], notes: Sequence[str]) -> dict[str, list[str]]:
    """The card of judged images (B, H, W, 3) in [0, 1], as part of what a node puts out for its page."""
    return {KEY: [json.dumps(shown_critiques(images, critiques, notes, _keep))]}


def states_card(states: Sequence[LoopState]) -> dict[str, list[str]]:
    """The card of a loop's pictures and rounds, as part of what a node puts out for its page."""
    return {KEY: [json.dumps(shown_states(states, _keep))]}


def batch_card(images: Tensor, critiques: Sequence[Critique], chosen: Sequence[int]) -> dict[str, list[str]]:
    """The images (B, H, W, 3) in [0, 1] of a batch to choose from, as part of what a node puts out for its page."""
    return {BATCH_KEY: [json.dumps(shown_batch(images, critiques, chosen, _keep))]}


def show_progress(node: type[io.ComfyNode], text: str) -> None:
    """Let the card of a running node, or of the artist's node that expanded into it, say how far it is."""
    job = JobGraph(node)
    tell_page(PROGRESS, {"node": job.shown_as(job.own_id), "text": text})


def _keep(picture: Image.Image) -> dict[str, str]:
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    name = f"xlard_{uuid.uuid4().hex}.png"
    picture.save(folder / name, compress_level=1)
    return {"filename": name, "subfolder": "", "type": "temp"}
