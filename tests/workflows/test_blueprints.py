"""The blueprints: as files, as ComfyUI lists them, and in its page."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.blueprints import BLUEPRINTS, FOLDER, Blueprint, path_of, written
from tests.support.comfy.browser import ComfyPage

NAMES = [blueprint.name for blueprint in BLUEPRINTS]
# Puts the demo world, a prompt and an empty latent on the blueprint's inputs, and previews on its outputs.
CONNECT = """() => {
    const graph = window.app.graph
    const blueprint = graph._nodes[0]
    const add = (type, values = {}) => {
        const node = window.LiteGraph.createNode(type)
        graph.add(node)
        for (const [name, value] of Object.entries(values)) node.widgets.find(one => one.name === name).value = value
        return node
    }
    const world = add('XLARDDemo')
    const prompt = add('PrimitiveStringMultiline', { value: 'two red circles' })
    const texts = ['two red circles', ''].map(text => add('CLIPTextEncode', { text }))
    texts.forEach(text => world.connect(1, text, text.inputs.findIndex(input => input.name === 'clip')))
    const latent = add('EmptyLatentImage', { width: 96, height: 96 })
    const image = add('EmptyImage', { width: 96, height: 96, color: 16711680 })
    const sources = {
        model: [world, 0], vae: [world, 2], critic: [world, 3], prompt: [prompt, 0], positive: [texts[0], 0],
        negative: [texts[1], 0], latent_image: [latent, 0], images: [image, 0],
    }
    blueprint.inputs.forEach((input, slot) => {
        if (sources[input.name]) sources[input.name][0].connect(sources[input.name][1], blueprint, slot)
    })
    blueprint.outputs.forEach((output, slot) => {
        if (['image', 'annotated'].includes(output.name)) blueprint.connect(slot, add('PreviewImage'), 0)
        if (output.name === 'report') blueprint.connect(slot, add('PreviewAny'), 0)
    })
    return [blueprint.inputs.map(input => input.name), blueprint.outputs.map(output => output.name)]
}"""
# Front ends put the inner node's id before the name.
SHOWN_WIDGETS = "() => window.app.graph._nodes[0].widgets.map(widget => widget.name.replace(/^\\d+: /, ''))"


@pytest.mark.parametrize("blueprint", BLUEPRINTS, ids=NAMES)
def test_a_file_is_what_the_script_writes(comfy, blueprint: Blueprint):
    again = "Run `python -m tests.support.blueprints`."
    assert json.loads(path_of(blueprint).read_text("utf-8")) == written(blueprint, comfy.object_info()), again


def test_comfyui_lists_them_and_no_others(comfy):
    listed = [one for one in comfy.get_json("/global_subgraphs").values() if one["source"] == "custom_node"]
    assert sorted(one["name"] for one in listed) == sorted(NAMES) == sorted(path.stem for path in FOLDER.glob("*"))


@pytest.mark.parametrize("blueprint", BLUEPRINTS, ids=NAMES)
def test_a_blueprint_runs_with_the_demo_world(comfy_page: ComfyPage, blueprint: Blueprint):
    comfy_page.load(path_of(blueprint))
    inputs, outputs = comfy_page.page.evaluate(CONNECT)
    assert [name for name in inputs if name in blueprint.inputs] == list(blueprint.inputs)
    assert outputs == list(blueprint.outputs)
    widgets = comfy_page.page.evaluate(SHOWN_WIDGETS)
    assert {widget for node in blueprint.nodes.values() for widget in node.shows} <= set(widgets)
    comfy_page.queue()
    shown = comfy_page.wait_for_outputs()
    comfy_page.screenshot(f"blueprint_{blueprint.name.split()[-1]}")
    assert any(output.get("images") for output in shown.values())
    assert any(re.search("two circles are red|won", str(output.get("text"))) for output in shown.values())
    assert comfy_page.our_errors() == []
