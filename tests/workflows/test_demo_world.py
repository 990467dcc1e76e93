"""xLARD Demo World is of things where it is new, and of shapes in workflows from before there were two worlds."""

from __future__ import annotations

import pytest

from tests.support.comfy.browser import ComfyPage
from tests.support.workflows import saved

WORLD = """() => window.app.graph._nodes.find(node => node.type === 'XLARDDemo')
    .widgets.find(widget => widget.name === 'world').value"""
ADD = """() => { window.app.graph.clear(); window.app.graph.add(window.LiteGraph.createNode('XLARDDemo')); }"""


@pytest.mark.parametrize("nodes_2", [False, True], ids=["classic", "nodes_2"])
def test_the_world_of_new_and_of_earlier_graphs(comfy_page: ComfyPage, nodes_2: bool):
    comfy_page.use_vue_nodes(nodes_2)
    try:
        comfy_page.page.evaluate(ADD)
        assert comfy_page.page.evaluate(WORLD) == "things"
        workflow = saved("demo_critique")
        demo = next(node for node in workflow["nodes"] if node["type"] == "XLARDDemo")
        for values, world in ((None, "shapes"), ([], "shapes"), (["things"], "things"), (["shapes"], "shapes")):
            demo["widgets_values"] = values
            comfy_page.load(workflow)
            assert comfy_page.page.evaluate(WORLD) == world
            sent = [part for part in comfy_page.api_prompt().values() if part["class_type"] == "XLARDDemo"]
            assert [part["inputs"]["world"] for part in sent] == [world]
    finally:
        comfy_page.use_vue_nodes(False)
