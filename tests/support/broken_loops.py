"""A loop on a server with faults: the pictures that it has after each round, and what a fault leaves of it."""

from __future__ import annotations

import io
import itertools

import numpy as np
from PIL import Image

from tests.support.faulty_server import FaultyServer
from tests.support.graphs import loop_graph, shown, text

HOPELESS = "nine red circles left of nine blue squares"
"""Asks for more than the demo world can draw, so that every round is needed."""

PLAIN = {"prompt": HOPELESS, "rearrange": False, "region": False, "correct": False}
_RUNS = itertools.count()


def broken_loop(rounds: int = 2, **settings) -> dict:
    """A loop that only redraws; ComfyUI takes none of these for one that it has run."""
    fresh = {"most_claims": 12 + next(_RUNS) % 50}
    graph = shown(loop_graph(**{**PLAIN, "rounds": rounds, **fresh, **settings}), report=("loop", 6))
    graph["picture"] = {"class_type": "SaveImage", "inputs": {"images": ["loop", 1], "filename_prefix": "best"}}
    return graph


def best(server: FaultyServer, result) -> np.ndarray:
    """The best first picture of a loop that succeeded, (H, W, 3) as bytes."""
    assert result.status == "success", result.error
    file, *_ = result.outputs["picture"]["images"]
    return np.asarray(Image.open(io.BytesIO(server.view(file))))


def after_rounds(server: FaultyServer, **settings) -> list[np.ndarray]:
    """The best picture after no round, one and two, where nothing fails."""
    return [best(server, server.run(broken_loop(rounds, **settings))) for rounds in range(3)]


def report(result) -> str:
    """What a loop says of its rounds."""
    return text(result, "report")
