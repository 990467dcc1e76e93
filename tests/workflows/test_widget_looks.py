"""How the pack's own widgets look at three widths of their nodes, dark and light, in both ways to draw nodes: nothing
is cut off, nothing lies on something else, text is at least 11 px high and stands out against what is behind it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.support.comfy.browser import ComfyPage
from tests.support.paths import CHECKOUT

SEEDS = itertools.count(901)
WIDTHS = (300, 450, 600)
PALETTES = ("dark", "light")
SMALLEST_TEXT, LEAST_CONTRAST = 11, 4.5
MANY_ROUNDS = {"value": "four purple triangles and a red square", "rounds": 6}
"""A prompt that the demo world does not draw, and rounds whose strip is wider than a narrow node."""

WIDGETS = {
    "demo_self_correct": ("XLARDSelfCorrect", ".xlard-card"),
    "demo_critique": ("XLARDClaims", ".xlard-claims"),
    "demo_pick_best": ("XLARDPickBest", ".xlard-batch"),
}
"""By workflow: a node of it, and its widget."""

NODE = "window.app.graph._nodes.find(node => node.type === kind)"
# In Nodes 2.0 a node is as wide as its element says.
RESIZE = f"""([kind, width]) => {{
    const node = {NODE}
    node.setSize([width, Math.max(node.size[1], node.computeSize()[1]) + 10])
    document.querySelector(`[data-node-id="${{node.id}}"]`)?.style.setProperty('--node-width', `${{width}}px`)
    Object.assign(window.app.canvas.ds, {{ scale: 1, offset: [300 - node.pos[0], 60 - node.pos[1]] }})
    window.app.canvas.setDirty(true, true)
}}"""
PALETTE = "name => window.app.extensionManager.setting.set('Comfy.ColorPalette', name)"
# Faults of an element, as lines to read.
FAULTS = """([selector, smallest, least]) => {
    const root = document.querySelector(selector)
    const rgba = color => {
        const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
        canvas.fillStyle = color
        canvas.fillRect(0, 0, 1, 1)
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
        return [r, g, b, a / 255]
    }
    const over = ([r, g, b, a], below) => [r, g, b].map((value, index) => value * a + below[index] * (1 - a))
    const behind = element => {
        if (!element) return [0, 0, 0]
        const own = rgba(getComputedStyle(element).backgroundColor)
        return own[3] === 1 ? own.slice(0, 3) : over(own, behind(element.parentElement))
    }
    const light = color => {
        const [r, g, b] = color.map(value => value / 255)
            .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const contrast = element => {
        const style = getComputedStyle(element), back = behind(element)
        let opacity = 1
        for (let one = element; one !== root.parentElement; one = one.parentElement) {
            opacity *= Number(getComputedStyle(one).opacity)
        }
        const [r, g, b, alpha] = rgba(style.color)
        const [low, high] = [light(over([r, g, b, alpha * opacity], back)), light(back)].sort((a, b) => a - b)
        return (high + 0.05) / (low + 0.05)
    }
    const says = element => ['BUTTON', 'SELECT', 'TEXTAREA', 'IMG'].includes(element.tagName) ||
        [...element.childNodes].some(child => child.nodeType === Node.TEXT_NODE && child.textContent.trim())
    const shown = [root, ...root.querySelectorAll('*')].filter(says)
        .filter(element => element.checkVisibility() && !element.closest('option'))
    const name = element => `${element.tagName.toLowerCase()} '${(element.textContent || '').slice(0, 30)}'`
    const faults = [], outer = root.getBoundingClientRect()
    for (const element of shown) {
        const size = parseFloat(getComputedStyle(element).fontSize), box = element.getBoundingClientRect()
        if (element.tagName !== 'IMG' && size < smallest) faults.push(`${name(element)} is ${size} px high`)
        if (element.tagName !== 'IMG' && element.textContent.trim() && contrast(element) < least) {
            faults.push(`${name(element)} has a contrast of ${contrast(element).toFixed(1)}`)
        }
        const scrolls = element.closest('[style*="overflow-x"], [style*="overflow: auto"]')
        if ((!scrolls || scrolls === root) && (box.left < outer.left - 1 || box.right > outer.right + 1)) {
            faults.push(`${name(element)} is cut off`)
        }
        if (element !== root && element.scrollWidth > element.clientWidth + 1 && element.clientWidth) {
            faults.push(`${name(element)} is cut off inside`)
        }
    }
    if (root.scrollWidth > root.clientWidth + 1) faults.push('the widget scrolls sideways')
    for (const [index, one] of shown.entries()) {
        for (const other of shown.slice(index + 1)) {
            if (one.contains(other) || other.contains(one)) continue
            for (const a of one.getClientRects()) {
                for (const b of other.getClientRects()) {
                    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left)
                    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
                    if (wide > 1 && high > 1) faults.push(`${name(one)} lies on ${name(other)}`)
                }
            }
        }
    }
    return faults
}"""
# How wide a node is, and how far its widget stays from its sides.
INSIDE = f"""([kind, selector]) => {{
    const node = {NODE}, drawn = document.querySelector(`[data-node-id="${{node.id}}"]`)?.getBoundingClientRect()
    const canvas = window.app.canvas.canvas.getBoundingClientRect()
    const left = drawn?.left ?? canvas.left + node.pos[0] + window.app.canvas.ds.offset[0]
    const width = drawn?.width ?? node.size[0]
    const box = document.querySelector(selector).getBoundingClientRect()
    return [width, box.left - left, left + width - box.right].map(Math.round)
}}"""


@pytest.fixture(params=["classic", "nodes-2"])
def page(comfy_page: ComfyPage, request: pytest.FixtureRequest) -> Iterator[ComfyPage]:
    """The page in both ways of drawing nodes, dark again afterwards."""
    comfy_page.use_vue_nodes(request.param == "nodes-2")
    comfy_page.page.set_viewport_size({"width": 1300, "height": 1700})
    yield comfy_page
    comfy_page.page.evaluate(PALETTE, "dark")
    comfy_page.page.set_viewport_size({"width": 1600, "height": 900})
    comfy_page.use_vue_nodes(False)


def open_all(page: ComfyPage) -> None:
    """Show what is hidden on a card: the answer, the controls of a changed claim, the field of another one."""
    card = page.page.locator(".xlard-card").first
    card.get_by_text("Show answer").first.press("Enter")
    rows = card.locator("[role=button][data-passed]")
    rows.nth(0).press("Enter")
    card.get_by_role("button", name="Fine as it is").press("Enter")
    card.get_by_label("Weight").select_option("2")
    card.get_by_role("button", name="Edit words").press("Enter")
    card.get_by_role("textbox").fill("three circles and a very long line of words that has to be broken somewhere")
    card.get_by_role("textbox").press("Enter")
    card.get_by_role("button", name="Switch off").press("Enter")


@pytest.mark.parametrize(
    # The pictures to choose from hold hardly any text.
    "name",
    ["demo_self_correct", "demo_critique", pytest.param("demo_pick_best", marks=pytest.mark.big)],
)
def test_widgets_are_whole_and_readable_at_every_width(page: ComfyPage, name: str, request: pytest.FixtureRequest):
    kind, selector = WIDGETS[name]
    page.load(CHECKOUT / "workflows" / f"{name}.json")
    page.set_widgets({"seed": next(SEEDS), "steps": 4, **(MANY_ROUNDS if kind == "XLARDSelfCorrect" else {})})
    page.queue()
    page.wait_for_outputs()
    if selector == ".xlard-card":
        open_all(page)
    faults = {}
    for palette, width in itertools.product(PALETTES, WIDTHS):
        page.page.evaluate(PALETTE, palette)
        page.page.evaluate(RESIZE, [kind, width])
        page.page.wait_for_timeout(400)
        shown = f"{request.node.callspec.id.replace('demo_', '')}_{palette}_{width}"
        page.page.screenshot(path=str(CHECKOUT / "tests" / "artifacts" / f"looks_{shown}.png"))
        drawn, *inside = page.page.evaluate(INSIDE, [kind, selector])
        assert drawn == width
        found = page.page.evaluate(FAULTS, [selector, SMALLEST_TEXT, LEAST_CONTRAST])
        faults[shown] = [*found, *(["it leaves its node"] if min(inside) < 0 else [])]
    assert {shown: found for shown, found in faults.items() if found} == {}
    assert page.our_errors() == []
