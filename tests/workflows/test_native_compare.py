"""Before and after of a loop in ComfyUI's own Compare Images, in the releases that have it: it draws in Nodes 2.0 only."""

from __future__ import annotations

import pytest

from tests.support.comfy.browser import ComfyPage
from tests.support.paths import CHECKOUT

COMPARE = """() => {
    const loop = window.app.graph._nodes.find(node => node.type === 'XLARDSelfCorrect')
    const compare = window.LiteGraph.createNode('ImageCompare')
    window.app.graph.add(compare)
    const output = name => loop.outputs.findIndex(one => one.name === name)
    const input = name => compare.inputs.findIndex(one => one.name === name)
    loop.connect(output('image_before'), compare, input('image_a'))
    loop.connect(output('image'), compare, input('image_b'))
}"""
SEEN = "images => images.filter(image => image.naturalWidth > 0).map(image => image.src)"


def test_compare_images_shows_before_and_after(comfy, comfy_page: ComfyPage):
    if "ImageCompare" not in comfy.object_info():
        pytest.skip("This ComfyUI has no Compare Images.")
    comfy_page.use_vue_nodes(True)
    comfy_page.load(CHECKOUT / "workflows" / "demo_self_correct.json")
    comfy_page.page.evaluate(COMPARE)
    # The first picture of this seed is corrected.
    comfy_page.queue()
    outputs = comfy_page.wait_for_outputs()
    (compared,) = [shown for shown in outputs.values() if "a_images" in shown]
    images = comfy_page.page.locator("[data-testid=image-compare-viewport] img")
    images.nth(1).wait_for(timeout=20_000)
    comfy_page.page.wait_for_timeout(1000)
    comfy_page.screenshot("native_compare")
    seen = images.evaluate_all(SEEN)
    for side in ("a_images", "b_images"):
        assert any(compared[side][0]["filename"] in source for source in seen), seen
    comfy_page.use_vue_nodes(False)
    assert comfy_page.our_errors() == []
