"""The card of results on nodes, in ComfyUI's page: classic, and Nodes 2.0."""

from __future__ import annotations

import itertools
import re
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
    window.app.api.addEventListener('progress_text', ({ detail }) => {
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
    # Of a critique only the words matter, and whatever is drawn has some.
    page.set_widgets({"seed": next(SEEDS), **({"steps": 4} if name == "demo_critique" else {})})
    page.queue()
    page.wait_for_outputs()


def card_of(page: ComfyPage, holding: str):
    """The card that holds a text."""
    return page.page.locator(CARD, has_text=holding).first


# The front end's own line for progress text, as it is drawn in both modes.
OWN_LINES = """texts => [...document.querySelectorAll('*')].filter(element => element.children.length === 0 &&
    texts.includes(element.textContent.trim()) && !element.closest('.xlard-card')).length"""


def check_progress(page: ComfyPage, first: str) -> None:
    """Check that the page was told how far a loop is, and that the card showed it, and no other line."""
    told, shown = page.page.evaluate("() => [window.told, window.shown]")
    assert told[0].startswith(first) and told[-1].startswith("Finished")
    assert set(told) & set(shown)
    assert page.page.evaluate(OWN_LINES, told) == 0


def test_self_correct_shows_claims_rounds_and_before_and_after(page: ComfyPage, request: pytest.FixtureRequest):
    shown = page.page
    shown.evaluate(SEEN)
    run(page, "demo_self_correct")
    check_progress(page, "First picture")
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
    captions = [button.inner_text().split("\n") for button in card.locator("[data-round]").all()]
    assert captions[0][0] == "first" and "best" in [kept for _, kept, _ in captions]
    assert all(re.fullmatch(r"\d+ calls?", cost) for _, _, cost in captions)
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
    check_progress(comfy_page, "Round 1 of")
    comfy_page.page.locator(f"{CARD} [data-passed]").first.wait_for(timeout=10_000)
    assert comfy_page.our_errors() == []


EDITS = """() => window.app.graph._nodes.find(node => node.type === 'XLARDCritique').widgets
    .find(widget => widget.name === 'claim_edits').value"""


def claim_row(page: ComfyPage, text: str):
    """The claim of a text on the card, as what opens its controls."""
    return page.page.locator(f"{CARD} [role=button]", has_text=text).first


def test_claims_are_switched_off_weighed_and_accepted_on_the_card(page: ComfyPage, request: pytest.FixtureRequest):
    run(page, "demo_critique")
    card = card_of(page, "claims hold")
    card.wait_for(timeout=10_000)
    judged = [row.inner_text().split("\n") for row in card.locator("[data-passed]").all()]
    # Two pictures, the same claims.
    (off, weighed, fine) = [next(line for line in lines if len(line) > 1) for lines in judged[:3]]
    # By the keyboard alone: the row, then its controls.
    claim_row(page, off).focus()
    page.page.keyboard.press("Enter")
    assert claim_row(page, off).get_attribute("aria-expanded") == "true"
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Space")
    assert page.page.evaluate(EDITS) == f"off: {off}"
    assert page.page.evaluate("() => document.activeElement.textContent") == "Switch on"
    # By the mouse.
    claim_row(page, weighed).dispatch_event("click")
    card.get_by_label("Weight").select_option("2")
    claim_row(page, fine).dispatch_event("click")
    card.get_by_role("button", name="Fine as it is").dispatch_event("click")
    expected = f"off: {off}\nweight 2: {weighed}\nfine: {fine}"
    assert page.page.evaluate(EDITS) == expected
    card.get_by_text("Changes to claims count from the next run.").wait_for(timeout=5_000)
    page.screenshot(f"card_changed_{request.node.callspec.id}")
    # Saved, and opened again.
    page.load(page.page.evaluate("() => window.app.graph.serialize()"))
    assert page.page.evaluate(EDITS) == expected
    card = card_of(page, "claims hold")
    card.get_by_text("fine as it is").first.wait_for(timeout=5_000)
    # The next run obeys.
    page.queue()
    page.wait_for_outputs()
    card.locator(f"[data-unjudged='{off}']").wait_for(timeout=10_000)
    assert card.locator("[data-passed]").count() == len(judged) - 2
    assert "You marked it as fine as it is." in claim_row(page, fine).inner_text()
    assert card.get_by_text("Changes to claims count from the next run.").count() == 0
    # And back.
    card.locator(f"[data-unjudged='{off}']").dispatch_event("click")
    card.get_by_role("button", name="Switch on").dispatch_event("click")
    assert page.page.evaluate(EDITS) == f"weight 2: {weighed}\nfine: {fine}"
    assert page.our_errors() == []


def test_the_card_of_a_loops_end_changes_the_claims_of_its_start(comfy_page: ComfyPage):
    run(comfy_page, "demo_loop_graph")
    row = comfy_page.page.locator(f"{CARD} [role=button]").first
    row.wait_for(timeout=10_000)
    row.dispatch_event("click")
    comfy_page.page.get_by_role("button", name="Fine as it is").first.dispatch_event("click")
    written = comfy_page.page.evaluate(EDITS.replace("XLARDCritique'", "XLARDLoopStart'"))
    assert written.startswith("fine: ") and comfy_page.page.evaluate(EDITS) == ""
    assert comfy_page.our_errors() == []
