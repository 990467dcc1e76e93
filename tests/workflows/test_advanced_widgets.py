"""Which widgets xLARD's nodes show at once, in ComfyUI's page."""

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


@pytest.fixture
def page(comfy_page: ComfyPage) -> Iterator[ComfyPage]:
    """The page with a Self-Correct node in it, on the canvas."""
    comfy_page.use_vue_nodes(False)
    comfy_page.load(CHECKOUT / "workflows" / "demo_self_correct.json")
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
    page.page.evaluate(
        f"""() => {{
            const number = window.LiteGraph.createNode('PrimitiveInt')
            window.app.graph.add(number)
            const node = {NODE}
            number.connect(0, node, node.inputs.findIndex(input => input.name === 'candidates'))
        }}"""
    )
    page.page.wait_for_timeout(500)
    assert page.page.evaluate(SHOWN) == [*AT_ONCE[:-1], "candidates", "may_change", "xlard.card"]
    assert page.our_errors() == []


def test_nodes_2_hides_nothing_by_our_doing(page: ComfyPage):
    page.use_vue_nodes(True)
    assert {"sigma", "rearrange"} < set(page.page.evaluate(SHOWN))
    page.use_vue_nodes(False)
    assert page.page.evaluate(SHOWN) == [*AT_ONCE, "xlard.card"]
    assert page.our_errors() == []
