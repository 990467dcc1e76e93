"""Words of a claim changed on the card of results, in both of ComfyUI's ways to draw nodes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator

from tests.support.comfy.browser import ComfyPage
from tests.support.paths import CHECKOUT

SEEDS = itertools.count(501)
LOOP = "window.app.graph._nodes.find(node => node.type === 'XLARDSelfCorrect')"
EDITS = f"() => {LOOP}.widgets.find(widget => widget.name === 'claim_edits').value"
SET = f"""values => {LOOP}.widgets.filter(widget => widget.name in values)
    .forEach(widget => {{ widget.value = values[widget.name] }})"""
CARD = f"() => JSON.parse({LOOP}.properties['xlard.card'])[0]"
NEAR = f"""() => {{
    const [x, y] = {LOOP}.pos
    Object.assign(window.app.canvas.ds, {{ scale: 1, offset: [200 - x, 40 - y] }})
    window.app.canvas.setDirty(true, true)
}}"""
FOCUSED = "() => document.activeElement.dataset.control ?? document.activeElement.tagName"
OLD, NEW = "two circles", "3 circles"


@pytest.fixture(params=["classic", "nodes-2"])
def page(comfy_page: ComfyPage, request: pytest.FixtureRequest) -> Iterator[ComfyPage]:
    """The page with a loop that has run, at full size."""
    comfy_page.use_vue_nodes(request.param == "nodes-2")
    comfy_page.page.set_viewport_size({"width": 1600, "height": 1800})
    comfy_page.load(CHECKOUT / "workflows" / "demo_self_correct.json")
    run(comfy_page)
    comfy_page.page.evaluate(NEAR)
    comfy_page.page.wait_for_timeout(500)
    yield comfy_page
    comfy_page.page.set_viewport_size({"width": 1600, "height": 900})
    comfy_page.use_vue_nodes(False)


def run(page: ComfyPage) -> None:
    """Run the loop with a seed of its own, for a round at most, in few steps."""
    page.page.evaluate(SET, {"seed": next(SEEDS), "rounds": 1, "steps": 4})
    page.queue()
    page.wait_for_outputs()


def row(page: ComfyPage, text: str) -> Locator:
    """The claim of a text on the loop's card."""
    return page.page.locator(
        ".xlard-card [role=button][data-passed]", has=page.page.get_by_text(text, exact=True)
    ).first


def field(page: ComfyPage) -> Locator:
    """The field for a claim's words."""
    return page.page.get_by_role("textbox", name="Words of the claim")


def test_words_that_are_changed_by_a_double_click_are_judged_in_the_next_run(
    page: ComfyPage, request: pytest.FixtureRequest
):
    row(page, OLD).get_by_text(OLD, exact=True).dblclick()
    assert field(page).input_value() == OLD and page.page.evaluate(FOCUSED) == "words"
    field(page).fill(NEW)
    page.page.screenshot(path=str(CHECKOUT / "tests" / "artifacts" / f"claim_words_{request.node.callspec.id}.png"))
    page.page.keyboard.press("Enter")
    assert page.page.evaluate(EDITS) == f"reword: {OLD} -> {NEW}"
    changed = row(page, NEW)
    assert "edited" in changed.inner_text() and f"Not judged yet. Until now: {OLD}" in changed.inner_text()
    assert changed.get_attribute("data-passed") == "null"
    # Undone and done again, as any change of the graph. A slow page may note its own layout as a step of its own.
    undone = 0
    while undone < 3 and page.page.evaluate(EDITS):
        page.press_undo("Control+z")
        undone += 1
    row(page, OLD).wait_for(timeout=10_000)
    assert page.page.evaluate(EDITS) == ""
    for _ in range(undone):
        page.press_undo("Control+y")
    if request.node.callspec.id == "nodes-2" and not page.page.evaluate(EDITS):
        # Its own layout was noted as a step after the undo, and with that there is nothing to redo.
        row(page, OLD).get_by_text(OLD, exact=True).dblclick()
        field(page).fill(NEW)
        page.page.keyboard.press("Enter")
    row(page, NEW).wait_for(timeout=10_000)
    # Saved, and opened again.
    page.load(page.page.evaluate("() => JSON.parse(JSON.stringify(window.app.graph.serialize()))"))
    row(page, NEW).wait_for(timeout=10_000)
    assert page.page.evaluate(EDITS) == f"reword: {OLD} -> {NEW}"
    # The loop works on the claim as it is now.
    run(page)
    judged = row(page, "three circles")
    judged.wait_for(timeout=10_000)
    shown = page.page.evaluate(CARD)
    (claim,) = (claim for claim in shown["claims"] if claim.get("original") == OLD)
    assert claim["text"] == "three circles" and claim["passed"] is not None
    assert OLD not in [claim["text"] for state in (shown, *shown["rounds"]) for claim in state["claims"]]
    assert "edited" in judged.inner_text() and "Not judged yet" not in judged.inner_text()
    page.page.evaluate(NEAR)
    page.screenshot(f"claim_words_judged_{request.node.callspec.id}")
    assert page.our_errors() == []


def test_words_are_changed_and_taken_back_by_the_keyboard_alone(page: ComfyPage):
    row(page, OLD).focus()
    page.page.keyboard.press("Enter")
    for _ in range(10):
        page.page.keyboard.press("Tab")
        if page.page.evaluate(FOCUSED) == "edit":
            break
    page.page.keyboard.press("Enter")
    assert page.page.evaluate(FOCUSED) == "words"
    # Empty words, and those of another claim, are refused.
    page.page.keyboard.press("Control+a")
    page.page.keyboard.press("Delete")
    page.page.keyboard.press("Enter")
    assert (
        page.page.locator(".xlard-card [role=alert]").inner_text()
        == "A claim needs words. To leave it out, switch it off."
    )
    field(page).fill(" One  square ")
    page.page.keyboard.press("Enter")
    assert page.page.locator(".xlard-card [role=alert]").inner_text() == "There already is a claim with these words."
    assert page.page.evaluate(EDITS) == ""
    # Escape leaves everything as it was.
    page.page.keyboard.press("Escape")
    assert page.page.evaluate(EDITS) == "" and field(page).count() == 0
    # What is written stays as text, and the graph takes none of its keys.
    nodes = page.page.evaluate("() => window.app.graph._nodes.length")
    page.page.keyboard.press("Tab")
    row(page, OLD).click(click_count=2)
    field(page).fill("<b>a circle</b>")
    page.page.keyboard.press("Backspace")
    page.page.keyboard.type(">")
    page.page.keyboard.press("Enter")
    assert page.page.evaluate(EDITS) == f"reword: {OLD} -> <b>a circle</b>"
    assert page.page.evaluate("() => window.app.graph._nodes.length") == nodes
    page.page.get_by_role("button", name="Prompt's words").press("Enter")
    assert page.page.evaluate(EDITS) == "" and row(page, OLD).count() == 1
    assert page.our_errors() == []
