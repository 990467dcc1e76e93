"""Socket types of the pack and their links have colors of their own, and its nodes a quiet shade: dark and light, in
both of ComfyUI's ways to draw nodes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.support.comfy.browser import ComfyPage
from tests.support.paths import CHECKOUT

LEAST_CONTRAST = 3
"""What outlines and symbols need to be seen."""

LEAST_CONTRAST_OF_TEXT = 4.5

OTHERS = ("CLIP", "CONDITIONING", "CONTROL_NET", "IMAGE", "LATENT", "MASK", "MODEL", "VAE")
PALETTE = "name => window.app.extensionManager.setting.set('Comfy.ColorPalette', name)"
# What the canvas draws sockets and links with, and what is behind them.
DRAWN = """() => {
    const canvas = window.app.canvas, types = {}, brush = document.createElement('canvas').getContext('2d')
    const plainly = color => Object.assign(brush, { fillStyle: color }).fillStyle
    for (const node of window.app.graph._nodes) {
        for (const slot of [...node.inputs, ...node.outputs]) {
            types[slot.type] = [
                canvas.default_connection_color_byType[slot.type], window.LGraphCanvas.link_type_colors[slot.type],
            ]
        }
    }
    const node = window.app.graph._nodes.find(node => node.type === 'XLARDSelfCorrect')
    const other = window.app.graph._nodes.find(node => node.type === 'PreviewImage')
    return { types, back: plainly(node.renderingBgColor), plain: plainly(other.renderingBgColor) }
}"""
DOTS = """() => Object.fromEntries([...document.querySelectorAll('[style*="color-datatype-"]')].map(dot => [
    dot.getAttribute('style').match(/color-datatype-(\\w+)/)[1], getComputedStyle(dot).backgroundColor]))"""
# By node id, what Nodes 2.0 paints its body with, as red, green and blue.
PAINTED = """() => {
    const brush = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
    const pixel = color => {
        brush.clearRect(0, 0, 1, 1)
        brush.fillStyle = color
        brush.fillRect(0, 0, 1, 1)
        return [...brush.getImageData(0, 0, 1, 1).data]
    }
    const painted = element => {
        const color = pixel(getComputedStyle(element).backgroundColor)
        return color[3] === 255 ? `rgb(${color.slice(0, 3)})` : painted(element.parentElement)
    }
    return Object.fromEntries([...document.querySelectorAll('.lg-node[data-node-id]')].map(
        element => [element.dataset.nodeId, painted(element.querySelector('[data-testid^=node-body]'))]))
}"""
# The text of nodes that are drawn as HTML.
INK = "() => getComputedStyle(document.querySelector('.lg-node [data-testid^=node-body] span')).color"
OURS = """() => window.app.graph._nodes.filter(node => node.type.startsWith('XLARD')).map(node => String(node.id))"""
PLAIN = """() => window.app.graph._nodes.filter(node => !node.type.startsWith('XLARD') && !node.bgcolor)
    .map(node => String(node.id))"""
GIVE = """([id, name]) => window.app.graph.getNodeById(Number(id))
    .setColorOption(name ? window.LGraphCanvas.node_colors[name] : null)"""
SAVED_COLORS = """() => window.app.graph.serialize().nodes.filter(node => node.type.startsWith('XLARD'))
    .flatMap(node => [node.color, node.bgcolor]).filter(color => color !== undefined)"""
ALL_TYPES = """types => {
    const colors = { ...window.app.canvas.default_connection_color_byType }
    return types.map(type => colors[type])
}"""


def rgb(color: str) -> tuple[int, ...]:
    """The parts of a color such as ``#209687``, ``#333`` or ``rgb(32, 150, 135)``."""
    if not color.startswith("#"):
        return tuple(int(float(part)) for part in color[color.index("(") + 1 : -1].split(",")[:3])
    digits = color[1:] if len(color) > 4 else "".join(digit * 2 for digit in color[1:])
    return tuple(int(digits[place : place + 2], 16) for place in (0, 2, 4))


def luminance(color: str) -> float:
    """The relative luminance of WCAG 2."""
    parts = [part / 255 for part in rgb(color)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def apart(one: str, other: str) -> float:
    """How far two colors are apart, from 0 to 441."""
    return sum((a - b) ** 2 for a, b in zip(rgb(one), rgb(other))) ** 0.5


@pytest.fixture(params=["dark", "light"])
def page(comfy_page: ComfyPage, request: pytest.FixtureRequest) -> Iterator[ComfyPage]:
    """The page in a dark and a light palette, each chosen after the other, with a graph."""
    for palette in {"light": ["dark", "light"], "dark": ["light", "dark"]}[request.param]:
        comfy_page.page.evaluate(PALETTE, palette)
        comfy_page.page.wait_for_timeout(500)
    comfy_page.load(CHECKOUT / "workflows" / "demo_compare_best_of_n.json")
    yield comfy_page
    comfy_page.use_vue_nodes(False)
    comfy_page.page.evaluate(PALETTE, "dark")


def test_every_socket_type_of_the_pack_has_a_color_of_its_own(comfy, page: ComfyPage):
    groups = (
        info["input"].get(group, {}) for info in comfy.object_info().values() for group in ("required", "optional")
    )
    taken = {options[0] for group in groups for options in group.values() if isinstance(options[0], str)}
    given = {type_ for info in comfy.object_info().values() for type_ in info["output"] if isinstance(type_, str)}
    ours = sorted(type_ for type_ in taken | given if type_.startswith("XLARD_"))
    colors = dict(zip([*ours, *OTHERS], page.page.evaluate(ALL_TYPES, [*ours, *OTHERS])))
    close = {
        (one, other): round(apart(colors[one], colors[other]))
        for one, other in itertools.combinations(colors, 2)
        if one in ours and apart(colors[one], colors[other]) < 40
    }
    assert len(ours) >= 8 and close == {}


def test_sockets_and_links_are_drawn_in_these_colors(page: ComfyPage, request: pytest.FixtureRequest):
    drawn = page.page.evaluate(DRAWN)
    ours = {type_: colors for type_, colors in drawn["types"].items() if str(type_).startswith("XLARD_")}
    assert len(ours) >= 6
    for socket, link in ours.values():
        assert socket == link and contrast(socket, drawn["plain"]) >= LEAST_CONTRAST
        assert contrast(socket, drawn["back"]) >= LEAST_CONTRAST
    assert drawn["back"] != drawn["plain"] and contrast(drawn["back"], drawn["plain"]) < 1.5
    page.screenshot(f"colors_classic_{request.node.callspec.id}")
    page.use_vue_nodes(True)
    # Newer front ends draw dots of inputs without a link in another way.
    some = f"types => types.filter(type => type in ({DOTS})()).length >= 6"
    page.page.wait_for_function(some, arg=list(ours), timeout=20_000)
    page.page.wait_for_timeout(500)
    dots = {type_: rgb(color) for type_, color in page.page.evaluate(DOTS).items() if type_ in ours}
    assert len(dots) >= 6 and dots == {type_: rgb(ours[type_][0]) for type_ in dots}
    page.screenshot(f"colors_nodes_2_{request.node.callspec.id}")
    assert page.our_errors() == []


def painted(page: ComfyPage) -> dict[str, str]:
    """By node id, the colors of nodes in Nodes 2.0, once they are drawn and shaded."""
    page.page.wait_for_timeout(1000)
    return page.page.evaluate(PAINTED)


def test_nodes_2_shades_the_packs_nodes_unless_they_have_a_color_of_their_own(page: ComfyPage):
    page.use_vue_nodes(True)
    page.load(CHECKOUT / "workflows" / "demo_compare_best_of_n.json")
    drawn, ours, plain = painted(page), page.page.evaluate(OURS), page.page.evaluate(PLAIN)
    (shade,), (usual,) = {drawn[node] for node in ours}, {drawn[node] for node in plain}
    assert shade != usual and contrast(shade, usual) < 1.3
    assert contrast(page.page.evaluate(INK), shade) >= LEAST_CONTRAST_OF_TEXT
    # A color of its own wins, as on any other node, and can be taken back.
    for node in (ours[0], plain[0]):
        page.page.evaluate(GIVE, [node, "red"])
    drawn = painted(page)
    assert drawn[ours[0]] == drawn[plain[0]] and drawn[ours[0]] not in (shade, usual)
    page.page.evaluate(GIVE, [ours[0], None])
    assert painted(page)[ours[0]] == shade
    assert page.page.evaluate(SAVED_COLORS) == []
    # Nodes of another graph have the same ids.
    page.page.evaluate("async () => { await window.app.loadGraphData() }")
    assert set(painted(page).values()) == {usual}
    assert page.our_errors() == []
