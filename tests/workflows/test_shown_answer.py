"""What a critic said, word for word, stands on the card of results behind *Show answer*."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator

from tests.support.comfy.browser import ComfyPage
from tests.support.paths import CHECKOUT

CRITIQUE = "window.app.graph._nodes.find(node => node.type === 'XLARDCritique')"
CARD = f"() => JSON.parse({CRITIQUE}.properties['xlard.card'])"
SEED = """window.app.graph._nodes.flatMap(node => node.widgets ?? [])
    .filter(widget => widget.name === 'seed').forEach(widget => { widget.value = 733 })"""
NEAR = f"""() => {{
    const [x, y] = {CRITIQUE}.pos
    Object.assign(window.app.canvas.ds, {{ scale: 1, offset: [300 - x, 80 - y] }})
    window.app.canvas.setDirty(true, true)
}}"""
MARKUP = '<img src="x" onerror="window.harmed = true"><script>window.harmed = true</script>{"objects": []}'


@pytest.fixture(params=["classic", "nodes-2"])
def page(comfy_page: ComfyPage, request: pytest.FixtureRequest) -> Iterator[ComfyPage]:
    """The page in both ways of drawing nodes, with a critique to run."""
    comfy_page.use_vue_nodes(request.param == "nodes-2")
    comfy_page.page.set_viewport_size({"width": 1600, "height": 1300})
    comfy_page.load(CHECKOUT / "workflows" / "demo_critique.json")
    yield comfy_page
    comfy_page.page.set_viewport_size({"width": 1600, "height": 900})
    comfy_page.use_vue_nodes(False)


def answer(page: ComfyPage) -> Locator:
    """The first answer on the card, seen or hidden."""
    return page.page.locator(".xlard-card details").first


def test_an_answer_is_hidden_until_it_is_asked_for_and_can_be_selected(page: ComfyPage, request: pytest.FixtureRequest):
    # The page of the other way has run the same seed.
    page.page.evaluate(f"add => {{ {SEED.replace('733', '733 + add')} }}", "nodes-2" in request.node.name)
    page.set_widgets({"steps": 4})
    page.queue()
    page.wait_for_outputs()
    page.page.evaluate(NEAR)
    said = [shown["answer"] for shown in page.page.evaluate(CARD)]
    # The demo world's critic answers as any other one: with a list of objects.
    assert len(said) == 2 and all(json.loads(text) for text in said)
    text = answer(page).locator("pre")
    assert not text.is_visible()
    # By the keyboard.
    answer(page).get_by_text("Show answer").focus()
    page.page.keyboard.press("Enter")
    assert text.is_visible() and text.inner_text() == said[0]
    text.click(click_count=3)
    assert page.page.evaluate("() => window.getSelection().toString()").strip() in said[0].splitlines()
    # It stays open while the card is drawn again.
    page.page.locator(".xlard-card [role=button]").first.press("Enter")
    assert text.is_visible()
    page.screenshot(f"shown_answer_{request.node.callspec.id}")
    answer(page).get_by_text("Show answer").press("Space")
    assert not text.is_visible() and page.our_errors() == []


def test_an_answer_is_text_whatever_it_says(page: ComfyPage):
    saved = page.page.evaluate("() => JSON.parse(JSON.stringify(window.app.graph.serialize()))")
    (critique,) = (node for node in saved["nodes"] if node["type"] == "XLARDCritique")
    critique["properties"]["xlard.card"] = json.dumps(
        [{"summary": "Said.", "claims": [], "notes": [], "answer": MARKUP, "size": [1, 1]}]
    )
    page.load(saved)
    answer(page).wait_for(timeout=10_000)
    page.page.evaluate(NEAR)
    answer(page).get_by_text("Show answer").click()
    assert answer(page).locator("pre").inner_text() == MARKUP
    assert page.page.locator(".xlard-card img, .xlard-card script").count() == 0
    assert page.page.evaluate("() => window.harmed") is None and page.our_errors() == []
