"""Choosing a picture by a click on xLARD Pick Best, in ComfyUI's page: classic, and Nodes 2.0."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.comfy.browser import ComfyPage
from tests.support.paths import CHECKOUT

NODE = "window.app.graph._nodes.find(node => node.type === 'XLARDPickBest')"
CHOICE = f"() => {NODE}.widgets.find(widget => widget.name === 'choice').value"
PICTURES = ".xlard-batch [data-index]"


@pytest.fixture(params=["classic", "nodes-2"])
def page(comfy_page: ComfyPage, request: pytest.FixtureRequest) -> Iterator[ComfyPage]:
    """The page in both ways of drawing nodes."""
    comfy_page.use_vue_nodes(request.param == "nodes-2")
    yield comfy_page
    comfy_page.use_vue_nodes(False)


def test_a_click_chooses_a_picture_for_the_next_run(page: ComfyPage, request: pytest.FixtureRequest):
    page.load(CHECKOUT / "workflows" / "demo_pick_best.json")
    page.set_widgets({"steps": 4})
    page.queue()
    page.wait_for_outputs()
    pictures = page.page.locator(PICTURES)
    pictures.first.wait_for(timeout=20_000)
    assert pictures.count() == 6
    # By the keyboard: the last one, and not any more, and again.
    pictures.last.focus()
    for chosen in (5, -1, 5):
        page.page.keyboard.press("Enter")
        assert page.page.evaluate(CHOICE) == chosen
    assert pictures.last.get_attribute("aria-pressed") == "true"
    page.page.keyboard.press("Tab")
    # By the mouse, and saved with the workflow.
    pictures.nth(4).dispatch_event("click")
    page.screenshot(f"pick_by_hand_{request.node.callspec.id}")
    page.load(page.page.evaluate("() => window.app.graph.serialize()"))
    assert page.page.evaluate(CHOICE) == 4 and pictures.nth(4).get_attribute("aria-pressed") == "true"
    assert "You chose picture 5" in page.page.locator(".xlard-batch").first.inner_text()
    page.queue()
    outputs = page.wait_for_outputs()
    assert any("Chosen by hand: picture 5 (index 4)" in str(shown) for shown in outputs.values())
    assert page.our_errors() == []
