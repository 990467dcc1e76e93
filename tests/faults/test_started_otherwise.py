"""ComfyUI started with other options: the demo's loops draw the same, in one node and as a graph."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.support.demo_jobs import few_steps
from tests.support.faulty_server import FaultyServer
from tests.support.graphs import SIDE
from xlard.comfy_server.server import device_arguments

pytestmark = pytest.mark.faults

LOOPS = ("demo_self_correct", "demo_loop_graph")
CORRECTED = "demo_step_by_step"
OPTIONS = ["--cache-none", "--cache-lru 1", "--lowvram", "--cpu", "--disable-metadata"]


Shown = list[tuple[np.ndarray, dict]]


def pictures(server: FaultyServer, name: str, seed: int) -> Shown:
    """The pictures that a workflow shows, in the order of its nodes, and what their files say beside them.

    Those of another size than the world's are reports, which name seconds.
    """
    result = server.run(few_steps(server, name, seed))
    assert (result.status, result.node_errors) == ("success", {}), result.error
    files = sorted(result.files(), key=lambda file: file["node"])
    shown = [Image.open(io.BytesIO(server.view(file))) for file in files if file["filename"].endswith(".png")]
    drawn = [(np.asarray(picture), dict(picture.info)) for picture in shown if picture.size == (SIDE, SIDE)]
    assert drawn
    return drawn


@pytest.fixture(scope="module")
def expected(faulty) -> dict[str, Shown]:
    """The same of a server without other options."""
    return {name: pictures(faulty, name, 7) for name in (*LOOPS, CORRECTED)}


@pytest.mark.parametrize("options", OPTIONS)
def test_the_demos_loops_draw_the_same(expected: dict[str, Shown], options: str) -> None:
    if options == "--lowvram" and "--cpu" in device_arguments():
        pytest.skip("ComfyUI takes --lowvram only without --cpu, which it needs where there is no GPU.")
    with FaultyServer(arguments=tuple(options.split())) as server:
        # Twice, since a cache may hold a part of the first run.
        for name in 2 * LOOPS:
            drawn = pictures(server, name, 7)
            assert len(drawn) == len(expected[name])
            for (picture, texts), (plain, _) in zip(drawn, expected[name]):
                assert (picture == plain).all()
                assert options != "--disable-metadata" or "prompt" not in texts
        assert "Traceback" not in server.log().split("To see the GUI go to", 1)[-1]


def test_models_that_are_loaded_in_part_draw_the_same(expected: dict[str, Shown]) -> None:
    """What ``--lowvram`` is for: MODEL and VAE do not fit, and most of their weights are cast where they are used."""
    with FaultyServer("low_vram.py") as server:
        for name in 2 * (*LOOPS, CORRECTED):
            drawn = pictures(server, name, 7)
            assert len(drawn) == len(expected[name])
            assert all((picture == plain).all() for (picture, _), (plain, _) in zip(drawn, expected[name]))
        assert "loaded partially" in server.log()
