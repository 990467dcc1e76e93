"""ComfyUI started with other options: the demo's loops draw the same, in one node and as a graph."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.support.demo_jobs import demo_job
from tests.support.faulty_server import FaultyServer
from xlard.comfy_server.server import device_arguments

pytestmark = pytest.mark.faults

LOOPS = ("demo_self_correct", "demo_loop_graph")
OPTIONS = ["--cache-none", "--cache-lru 1", "--lowvram", "--cpu", "--disable-metadata"]


def pictures(server: FaultyServer, name: str, seed: int) -> list[tuple[np.ndarray, dict]]:
    """The pictures that a workflow shows and saves, and what their files say beside them."""
    result = server.run(demo_job(server, name, seed))
    assert (result.status, result.node_errors) == ("success", {}), result.error
    files = [Image.open(io.BytesIO(server.view(file))) for file in result.files() if file["filename"].endswith(".png")]
    assert files
    return [(np.asarray(file), dict(file.info)) for file in files]


@pytest.fixture(scope="module")
def expected(faulty) -> dict[str, list[tuple[np.ndarray, dict]]]:
    """The same of a server without other options."""
    return {name: pictures(faulty, name, 7) for name in LOOPS}


@pytest.mark.parametrize("options", OPTIONS)
def test_the_demos_loops_draw_the_same(expected, options: str) -> None:
    if options == "--lowvram" and "--cpu" in device_arguments():
        pytest.skip("ComfyUI takes --lowvram only where there is a GPU.")
    with FaultyServer(arguments=tuple(options.split())) as server:
        # Twice, since a cache may hold a part of the first run.
        for name in 2 * LOOPS:
            drawn = pictures(server, name, 7)
            assert len(drawn) == len(expected[name])
            for (picture, texts), (plain, _) in zip(drawn, expected[name]):
                assert (picture == plain).all()
                assert options != "--disable-metadata" or "prompt" not in texts
        assert "Traceback" not in server.log().split("To see the GUI go to", 1)[-1]
