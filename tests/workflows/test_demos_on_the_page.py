"""The demo workflows, run on the page in each of its ways to draw nodes: all show what they made, and none overlap."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import WORKFLOWS, skip_on_older
from tests.support.comfy.browser import ComfyPage
from tests.support.comfy.node_boxes import drawn_boxes, set_vue_nodes, too_close

FEW = {"steps": 4, "rounds": 1, "number": 4}
"""Settings with which every demo is done soon."""

WITH_CARDS = ("demo_critique", "demo_edit", "demo_gate", "demo_loop_graph", "demo_pick_best", "demo_things")
"""Quick ones, with most of the nodes that grow when they show their results."""

DEMOS = [
    pytest.param(path, id=path.stem, marks=[] if path.stem in WITH_CARDS else pytest.mark.big)
    for path in WORKFLOWS
    if path.stem.startswith("demo_")
]


@pytest.fixture(scope="module", params=[pytest.param(False, marks=pytest.mark.big), True], ids=["classic", "nodes_2"])
def canvas(request: pytest.FixtureRequest, comfy_page: ComfyPage):
    """The page in each of its ways to draw nodes; the classic one again afterwards."""
    set_vue_nodes(comfy_page, request.param)
    yield comfy_page
    set_vue_nodes(comfy_page, False)


@pytest.mark.parametrize("demo", DEMOS)
def test_a_demo_runs_from_the_page_and_its_nodes_keep_apart_with_their_results(
    comfy, canvas: ComfyPage, demo: Path, request: pytest.FixtureRequest
) -> None:
    skip_on_older(comfy, demo)
    canvas.load(demo, fit=False)
    canvas.set_widgets(FEW)
    canvas.queue()
    assert canvas.wait_for_outputs()
    nodes, groups = drawn_boxes(canvas)
    canvas.screenshot(f"run_{request.node.callspec.id}")
    assert canvas.failed_nodes() == [] and canvas.our_errors() == []
    more = "Write what the node needs into tests/support/node_sizes.json, and lay out again."
    assert too_close(nodes) == [], more
    assert [node.name for node in nodes if not any(group.encloses(node) for group in groups)] == [], more
