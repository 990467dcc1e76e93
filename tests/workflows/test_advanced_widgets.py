"""Which widgets xLARD's nodes show at once, in ComfyUI's page: classic, and Nodes 2.0."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.comfy.browser import ComfyPage
from tests.support.paths import CHECKOUT

NODE = "window.app.graph._nodes.find(node => node.type === 'XLARDSelfCorrect')"
# Newer front ends hide a widget with a link by themselves, and leave its room to the link's slot.
SHOWN = f"""() => {NODE}.widgets.filter(widget => widget.type !== 'button' && widget.computeSize?.(200)?.[1] !== -4)
    .map(widget => widget.name)"""
PRESS = f"() => {NODE}.widgets.find(widget => widget.type === 'button').callback()"
VALUES = f"() => {NODE}.serialize().widgets_values"
AT_ONCE = [
    "prompt",
    "seed",
    "control_after_generate",
    "steps",
    "cfg",
    "sampler_name",
    "scheduler",
    "rounds",
    "may_change",
]
LINK = f"""name => {{
    const number = window.LiteGraph.createNode('PrimitiveInt')
    window.app.graph.add(number)
    const node = {NODE}
    number.connect(0, node, node.inputs.findIndex(input => input.name === name))
}}"""

IN_NODES_2 = f"""() => {{
    const node = document.querySelector(`.lg-node[data-node-id="${{{NODE}.id}}"]`)
    const labels = {NODE}.widgets.map(widget => widget.label || widget.name)
    const texts = [...node.querySelectorAll('.lg-node-widget')].map(row => row.innerText.split('\\n')[0].trim())
    return {{ height: node.offsetHeight, names: labels.filter(label => texts.includes(label)) }}
}}"""
"""How high Nodes 2.0 draws the node, and the labels of the widgets that it draws; fields of text have none there."""
TEXT = f'() => document.querySelector(`.lg-node[data-node-id="${{{NODE}.id}}"]`).innerText'
LABELS_AT_ONCE = ["seed", "steps", "cfg", "sampler_name", "scheduler", "rounds", "how_much_may_change"]


@pytest.fixture
def page(comfy_page: ComfyPage) -> Iterator[ComfyPage]:
    """The page with a Self-Correct node in it, on the canvas."""
    comfy_page.use_vue_nodes(False)
    comfy_page.load(CHECKOUT / "workflows" / "demo_self_correct.json")
    yield comfy_page
    comfy_page.use_vue_nodes(False)


@pytest.fixture
def nodes_2(comfy_page: ComfyPage) -> Iterator[ComfyPage]:
    """The same in Nodes 2.0."""
    comfy_page.use_vue_nodes(True)
    comfy_page.load(CHECKOUT / "workflows" / "demo_self_correct.json")
    comfy_page.page.locator(".lg-node-widget", has_text="scheduler").first.wait_for(timeout=20_000)
    comfy_page.page.wait_for_timeout(500)
    yield comfy_page
    comfy_page.use_vue_nodes(False)


def test_self_correct_shows_what_everybody_needs_and_the_rest_on_request(page: ComfyPage):
    assert page.page.evaluate(SHOWN) == [*AT_ONCE, "xlard.card"]
    page.page.evaluate(PRESS)
    opened = page.page.evaluate(SHOWN)
    assert {"sigma", "rearrange", "most_claims"} < set(opened)
    page.screenshot("advanced_open")
    # Saved and opened again it is as the artist left it, and so are its values.
    values = page.page.evaluate(VALUES)
    page.load(page.page.evaluate("() => window.app.graph.serialize()"))
    assert page.page.evaluate(SHOWN) == opened and page.page.evaluate(VALUES) == values
    page.page.evaluate(PRESS)
    assert page.page.evaluate(SHOWN) == [*AT_ONCE, "xlard.card"]
    assert page.our_errors() == []


def test_a_widget_that_a_link_leads_to_stays(page: ComfyPage):
    page.page.evaluate(LINK, "candidates")
    page.page.wait_for_timeout(500)
    assert page.page.evaluate(SHOWN) == [*AT_ONCE[:-1], "candidates", "may_change", "xlard.card"]
    assert page.our_errors() == []


MORE, FEWER = ("More settings", "Show advanced inputs"), ("Fewer settings", "Hide advanced inputs")
"""What the button says, the pack's and that of newer front ends."""


def press(page: ComfyPage, names: tuple[str, ...]) -> None:
    """Press the button of one of these names in Nodes 2.0, and wait for what it shows or hides."""
    buttons = [page.page.locator(".lg-node").get_by_role("button", name=name).last for name in names]
    button = next(button for button in buttons if button.count())
    button.dispatch_event("pointerdown")
    button.dispatch_event("pointerup")
    button.dispatch_event("click")
    state = "attached" if names is MORE else "detached"
    page.page.locator(".lg-node-widget", has_text="rearrange").first.wait_for(state=state, timeout=20_000)
    page.page.wait_for_timeout(500)


def drawn(page: ComfyPage) -> tuple[list[str], int]:
    """The labels of what Nodes 2.0 draws, without those of the buttons, and the node's height."""
    seen = page.page.evaluate(IN_NODES_2)
    return [name for name in seen["names"] if not name.endswith("settings")], seen["height"]


def test_nodes_2_shows_what_everybody_needs_and_the_rest_on_request(nodes_2: ComfyPage):
    labels, low = drawn(nodes_2)
    assert labels == LABELS_AT_ONCE
    nodes_2.screenshot("advanced_nodes_2")
    press(nodes_2, MORE)
    labels, high = drawn(nodes_2)
    # Newer front ends take the room that was free.
    assert {"noise_level", "rearrange", "most_claims"} < set(labels) and high >= low
    nodes_2.screenshot("advanced_nodes_2_open")
    values = nodes_2.page.evaluate(VALUES)
    nodes_2.load(nodes_2.page.evaluate("() => window.app.graph.serialize()"))
    nodes_2.page.locator(".lg-node-widget", has_text="rearrange").first.wait_for(state="attached", timeout=20_000)
    nodes_2.page.wait_for_timeout(500)
    assert drawn(nodes_2)[0] == labels and nodes_2.page.evaluate(VALUES) == values
    # Also after a widget was used: the page then holds copies of all.
    nodes_2.page.evaluate(f"() => {NODE}.widgets.find(widget => widget.name === 'steps').callback(6)")
    press(nodes_2, FEWER)
    labels, closed = drawn(nodes_2)
    assert labels == LABELS_AT_ONCE and closed <= high
    press(nodes_2, MORE)
    assert "rearrange" in drawn(nodes_2)[0]
    assert nodes_2.our_errors() == []


def test_nodes_2_shows_a_widget_that_a_link_leads_to(nodes_2: ComfyPage):
    nodes_2.page.evaluate(LINK, "candidates")
    nodes_2.page.locator(".lg-node", has_text="candidates").first.wait_for(timeout=20_000)
    text = nodes_2.page.evaluate(TEXT)
    assert "candidates" in text and "strength" not in text
    assert nodes_2.our_errors() == []


def test_each_way_to_draw_nodes_hides_the_same(nodes_2: ComfyPage):
    nodes_2.use_vue_nodes(False)
    assert nodes_2.page.evaluate(SHOWN) == [*AT_ONCE, "xlard.card"]
    nodes_2.use_vue_nodes(True)
    nodes_2.page.wait_for_timeout(1000)
    assert drawn(nodes_2)[0] == LABELS_AT_ONCE
    assert nodes_2.our_errors() == []
