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
    page.page.wait_for_timeout(1500)
    dots = page.page.evaluate(DOTS)
    assert {type_: rgb(color) for type_, color in dots.items() if type_ in ours} == {
        type_: rgb(socket) for type_, (socket, _) in ours.items()
    }
    page.screenshot(f"colors_nodes_2_{request.node.callspec.id}")
    assert page.our_errors() == []
