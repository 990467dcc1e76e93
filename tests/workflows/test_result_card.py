"""The card of results on nodes, in ComfyUI's page: classic, and Nodes 2.0."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.support.comfy.browser import ComfyPage
from tests.support.paths import CHECKOUT

SEEDS = itertools.count(101)
CARD = ".xlard-card"
WINDOW = ".xlard-picture"
SEEN = """() => {
    window.told = []
    window.shown = []
    window.app.api.addEventListener('xlard.progress', ({ detail }) => {
        window.told.push(detail.text)
        // Of messages that come at once the last one stays.
        setTimeout(() => document.querySelectorAll('.xlard-card').forEach(card => window.shown.push(card.innerText)))
    })
}"""
SMALLEST_TEXT = """() => Math.min(...[...document.querySelectorAll('.xlard-card *')]
    .filter(element => element.textContent.trim())
    .map(element => parseFloat(getComputedStyle(element).fontSize)))"""


@pytest.fixture(params=["classic", "nodes-2"])
def page(comfy_page: ComfyPage, request: pytest.FixtureRequest) -> Iterator[ComfyPage]:
    """The page in both ways of drawing nodes."""
    comfy_page.use_vue_nodes(request.param == "nodes-2")
    yield comfy_page
    comfy_page.page.keyboard.press("Escape")
    comfy_page.use_vue_nodes(False)


def run(page: ComfyPage, name: str) -> None:
    """Run a shipped workflow with a seed of its own: a node that has nothing new to do says nothing to the page."""
    page.load(CHECKOUT / "workflows" / f"{name}.json")
    page.page.evaluate(
        """seed => window.app.graph._nodes.flatMap(node => node.widgets ?? [])
            .filter(widget => widget.name === 'seed').forEach(widget => { widget.value = seed })""",
        next(SEEDS),
    )
    page.queue()
    page.wait_for_outputs()


def card_of(page: ComfyPage, holding: str):
    """The card that holds a text."""
    return page.page.locator(CARD, has_text=holding).first


def check_progress(page: ComfyPage) -> None:
    """Check that the page was told how far a loop is, and that a card showed it."""
    told, shown = page.page.evaluate("() => [window.told, window.shown]")
    assert told[0].startswith("First picture") and "claims fail" in told[0]
    assert set(told) & set(shown)


def test_self_correct_shows_claims_rounds_and_before_and_after(page: ComfyPage, request: pytest.FixtureRequest):
    shown = page.page
    shown.evaluate(SEEN)
    run(page, "demo_self_correct")
    check_progress(page)
    page.screenshot(f"card_{request.node.callspec.id}")
    card = card_of(page, "claims hold")
    card.wait_for(timeout=10_000)
    rows = card.locator("[data-passed]")
    assert rows.count() >= 3
    assert shown.evaluate(SMALLEST_TEXT) >= 11
    rows.first.dispatch_event("mouseenter")
    assert shown.locator(f"{WINDOW} .xlard-box").count() >= 1
    rows.first.dispatch_event("mouseleave")
    assert shown.locator(WINDOW).count() == 0
    card.get_by_role("button", name="Before / after").dispatch_event("click")
    window = shown.get_by_role("dialog", name="Before / after")
    window.locator("img").nth(1).wait_for()
    shown.screenshot(path=str(CHECKOUT / "tests" / "artifacts" / f"card_window_{request.node.callspec.id}.png"))
    slider = window.get_by_role("slider")
    slider.fill("20")
    assert "80%" in window.locator("img").nth(1).evaluate("image => image.style.clipPath")
    shown.keyboard.press("Escape")
    assert shown.locator(WINDOW).count() == 0
    card.locator("[data-round]").last.dispatch_event("click")
    assert shown.locator(WINDOW).count() == 1
    shown.keyboard.press("Escape")
    assert page.our_errors() == []


def test_a_saved_workflow_shows_its_results_again(page: ComfyPage):
    run(page, "demo_critique")
    text = card_of(page, "claims hold")
    text.wait_for(timeout=10_000)
    said = text.inner_text()
    saved = page.page.evaluate("() => window.app.graph.serialize()")
    page.load(CHECKOUT / "workflows" / "demo_self_correct.json")
    page.load(saved)
    again = card_of(page, "claims hold")
    again.wait_for(timeout=10_000)
    assert again.inner_text() == said
    # Nothing but what the node had before stands among its values.
    (critique,) = (node for node in saved["nodes"] if node["type"] == "XLARDCritique")
    assert not any("xlard" in str(value) for value in critique["widgets_values"])
    assert page.our_errors() == []


def test_a_card_of_unreadable_text_is_empty(page: ComfyPage):
    page.load(CHECKOUT / "workflows" / "demo_critique.json")
    saved = page.page.evaluate("() => window.app.graph.serialize()")
    for node in saved["nodes"]:
        if node["type"] == "XLARDCritique":
            node["properties"]["xlard.card"] = '[{"claims": '
    page.load(saved)
    card_of(page, "Run the workflow").wait_for(timeout=10_000)
    assert page.our_errors() == []


def test_the_card_of_a_loop_as_a_graph_says_how_far_it_is(comfy_page: ComfyPage):
    comfy_page.page.evaluate(SEEN)
    run(comfy_page, "demo_loop_graph")
    check_progress(comfy_page)
    comfy_page.page.locator(f"{CARD} [data-passed]").first.wait_for(timeout=10_000)
    assert comfy_page.our_errors() == []
