"""Every demo workflow run from ComfyUI's page, in both of its ways to draw nodes: each node shows what it found."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from tests.conftest import WORKFLOWS, skip_on_older
from tests.support.comfy.browser import ComfyPage
from tests.support.comfy.node_boxes import set_vue_nodes
from tests.support.demo_jobs import FEW

pytestmark = pytest.mark.big

DEMOS = [path for path in WORKFLOWS if path.stem.startswith("demo_")]
SEEDS = itertools.count(1201)
SET = """([few, seed]) => window.app.graph._nodes.forEach(node => (node.widgets ?? []).forEach(widget => {
    if (widget.name === 'seed' && node.type !== 'XLARDCollect' && seed) widget.value = seed
    if (widget.name === 'name' && node.type in few) widget.value += `_${seed}`
    if (widget.name in (few[node.type] ?? {})) widget.value = few[node.type][widget.name]
}))"""
# What stands on the cards of nodes that are neither off nor bypassed.
CARDS = """() => window.app.graph._nodes.filter(node => node.mode === 0).flatMap(node => (node.widgets ?? [])
    .filter(widget => ['xlard.card', 'xlard.batch', 'xlard.claims'].includes(widget.name))
    .map(widget => [node.type, widget.element.isConnected, widget.element.innerText]))"""
NOTHING_YET = "Run the workflow"


@pytest.fixture(scope="module", params=[False, True], ids=["classic", "nodes_2"])
def canvas(request: pytest.FixtureRequest, comfy_page: ComfyPage):
    """The page in each of its ways to draw nodes; the classic one again afterwards."""
    set_vue_nodes(comfy_page, request.param)
    yield comfy_page
    set_vue_nodes(comfy_page, False)


@pytest.mark.parametrize("path", DEMOS, ids=[path.stem for path in DEMOS])
def test_a_demo_runs_on_the_page_and_its_nodes_show_what_they_found(
    comfy, canvas: ComfyPage, path: Path, request: pytest.FixtureRequest
):
    skip_on_older(comfy, path)
    canvas.load(path, fit=False)
    # The instruction of an edit is about what its seed draws.
    is_edit = "XLARDEditClaims" in {node["type"] for node in json.loads(path.read_text(encoding="utf-8"))["nodes"]}
    canvas.page.evaluate(SET, [FEW, 0 if is_edit else next(SEEDS)])
    canvas.queue()
    canvas.wait_for_outputs()
    assert canvas.failed_nodes() == []
    cards = canvas.page.evaluate(CARDS)
    assert [kind for kind, is_shown, text in cards if not is_shown or not text or NOTHING_YET in text] == []
    canvas.screenshot(f"ran_{request.node.callspec.id}")
    assert canvas.our_errors() == []
