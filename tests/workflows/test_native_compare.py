"""Before and after of a loop in ComfyUI's own Compare Images, where the release has it: in Nodes 2.0 only."""

from __future__ import annotations

import pytest

from tests.support.comfy.browser import ComfyPage
from tests.support.paths import CHECKOUT

# Connected to one node with both sides, newer front ends show that node's own preview on both.
COMPARE = """() => {
    const titled = title => window.app.graph._nodes.find(node => node.title === title)
    const compare = window.LiteGraph.createNode('ImageCompare')
    compare.pos = [0, -500]
    window.app.graph.add(compare)
    const input = name => compare.inputs.findIndex(one => one.name === name)
    titled('Before').connect(0, compare, input('image_a'))
    titled('After').connect(0, compare, input('image_b'))
    return [titled('Before').id, titled('After').id]
}"""
SHOWN = "images => images.filter(image => image.naturalWidth > 0).map(image => image.src)"


def test_compare_images_behind_two_previews_shows_before_and_after(comfy, comfy_page: ComfyPage):
    info = comfy.object_info()
    if "ImageCompare" not in info or not info["PreviewImage"]["output"]:
        pytest.skip("This ComfyUI has no Compare Images, or its Preview Image has no output.")
    comfy_page.use_vue_nodes(True)
    comfy_page.load(CHECKOUT / "workflows" / "demo_self_correct.json")
    previews = comfy_page.page.evaluate(COMPARE)
    comfy_page.queue()
    outputs = comfy_page.wait_for_outputs()
    before, after = (outputs[str(node)]["images"][0]["filename"] for node in previews)
    images = comfy_page.page.locator("[data-testid=image-compare-viewport] img")
    images.nth(1).wait_for(timeout=20_000)
    comfy_page.page.wait_for_timeout(1000)
    comfy_page.screenshot("native_compare")
    shown = images.evaluate_all(SHOWN)
    comfy_page.use_vue_nodes(False)
    assert len(shown) == 2
    assert any(before in address for address in shown) and any(after in address for address in shown), shown
    assert comfy_page.our_errors() == []
