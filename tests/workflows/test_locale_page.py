"""The nodes in Chinese, in ComfyUI's page: titles, inputs, and what is said where the mouse rests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.comfy.browser import READY, ComfyPage
from tests.support.locales import table_of

SET = "language => window.app.extensionManager.setting.set('Comfy.Locale', language)"
ADD = """() => {
    window.app.graph.clear()
    for (const kind of ['XLARDGate', 'XLARDSelfCorrect']) {
        const node = window.LiteGraph.createNode(kind)
        node.pos = [40 + 500 * window.app.graph._nodes.length, 40]
        window.app.graph.add(node)
    }
}"""
SHOWN = """kind => {
    const node = window.app.graph._nodes.find(node => node.type === kind)
    const shown = entry => entry.label ?? entry.localized_name ?? entry.name
    return [node.title, ...node.inputs.map(shown), ...node.outputs.map(shown)]
}"""


LOSES_TEXTS = "Front end {} loads a language after the texts that packs have for it, and loses them (1.32.9 does)."
KEEPS_TEXTS = (1, 58)


@pytest.fixture(scope="module")
def chinese(comfy_page: ComfyPage) -> Iterator[ComfyPage]:
    version = comfy_page.page.evaluate("() => window.__COMFYUI_FRONTEND_VERSION__")
    if tuple(int(part) for part in version.split(".")[:2]) < KEEPS_TEXTS:
        pytest.skip(LOSES_TEXTS.format(version))
    comfy_page.page.evaluate(SET, "zh")
    comfy_page.page.reload(timeout=300_000)
    comfy_page.page.wait_for_function(READY, timeout=300_000)
    yield comfy_page
    comfy_page.page.evaluate(SET, "en")


@pytest.mark.parametrize("nodes_2", [False, True], ids=["classic", "nodes-2"])
def test_nodes_are_in_chinese(chinese: ComfyPage, nodes_2: bool):
    table = table_of("zh")
    chinese.use_vue_nodes(nodes_2)
    chinese.page.evaluate(ADD)
    chinese.page.wait_for_timeout(1500)
    chinese.screenshot(f"chinese_{'nodes_2' if nodes_2 else 'classic'}")
    shown = chinese.page.evaluate(SHOWN, "XLARDSelfCorrect")
    assert shown[0] == table["xLARD Self-Correct"]
    assert {table[name] for name in ("critic", "rounds", "how_much_may_change", "image_before")} < set(shown)
    assert not {"critic", "rounds", "how_much_may_change", "image_before"} & set(shown)
    if nodes_2:
        text = chinese.page.locator(".lg-node").first.inner_text()
        assert table["xLARD Gate"] in text and table["when_one_fails"] in text
    chinese.use_vue_nodes(False)
    assert chinese.our_errors() == []
