"""workflow_to_api against what ComfyUI's front end does with a saved graph."""

from __future__ import annotations

import pytest

from tests.support.object_info import declaration
from xlard.comfy_server.errors import WorkflowError
from xlard.comfy_server.workflow import widgets_of, workflow_to_api

INFO = {
    "Source": declaration({"width": ["INT", {"default": 8}]}, outputs=("IMAGE",)),
    "Sampler": declaration(
        {
            "image": ["IMAGE", {}],
            "seed": ["INT", {"default": 0}],
            "steps": ["INT", {"default": 20}],
            "sampler": [["euler", "ddim"], {}],
            "kind": ["COMBO", {"options": ["a", "b"]}],
            "text": ["STRING", {"forceInput": True}],
        },
        {"mask": ["MASK", {}], "strength": ["FLOAT", {"default": 1.0}]},
        ("IMAGE",),
    ),
    "Through": declaration({"mask": ["MASK", {}], "image": ["IMAGE", {}]}, outputs=("IMAGE",)),
    "Sink": declaration({"images": ["IMAGE", {}]}),
}


def node(node_id: int, class_type: str, inputs: dict | None = None, values: list | None = None, **more) -> dict:
    """A saved node; `inputs` maps a slot's name to its type and link id."""
    slots = [{"name": name, "type": slot[0], "link": slot[1]} for name, slot in (inputs or {}).items()]
    outputs = [{"name": "IMAGE", "type": "IMAGE"}]
    saved = {
        "id": node_id,
        "type": class_type,
        "mode": 0,
        "inputs": slots,
        "outputs": outputs,
        "widgets_values": values,
    }
    return {**saved, **more}


def convert(nodes: list[dict], links: list) -> dict:
    return workflow_to_api({"nodes": nodes, "links": links}, INFO)


def test_the_value_after_a_seed_is_its_control_and_is_skipped():
    nodes = [node(2, "Sampler", {"image": ("IMAGE", None)}, [7, "randomize", 12, "ddim", "b", 0.5])]
    inputs = convert(nodes, [])["2"]["inputs"]
    assert inputs == {"seed": 7, "steps": 12, "sampler": "ddim", "kind": "b", "strength": 0.5}


def test_values_that_were_not_saved_take_their_defaults():
    inputs = convert([node(2, "Sampler", values=[7, "fixed"])], [])["2"]["inputs"]
    assert inputs == {"seed": 7, "steps": 20, "sampler": "euler", "kind": "a", "strength": 1.0}


@pytest.mark.parametrize("link", [[5, 1, 0, 2, 0, "IMAGE"], {"id": 5, "origin_id": 1, "origin_slot": 0}])
def test_a_link_becomes_a_node_id_and_a_slot(link):
    nodes = [node(1, "Source", values=[3]), node(2, "Sink", {"images": ("IMAGE", 5)})]
    assert convert(nodes, [link])["2"]["inputs"] == {"images": ["1", 0]}


def test_a_linked_widget_gives_the_link():
    nodes = [node(1, "Source", values=[3]), node(2, "Source", {"width": ("INT", 5)}, [9])]
    assert convert(nodes, [[5, 1, 0, 2, 0, "INT"]])["2"]["inputs"] == {"width": ["1", 0]}


def test_reroutes_are_looked_through():
    reroute, sink = node(2, "Reroute", {"": ("*", 5)}), node(3, "Sink", {"images": ("IMAGE", 6)})
    nodes = [node(1, "Source", values=[3]), reroute, sink]
    prompt = convert(nodes, [[5, 1, 0, 2, 0, "*"], [6, 2, 0, 3, 0, "IMAGE"]])
    assert prompt["3"]["inputs"] == {"images": ["1", 0]}
    assert "2" not in prompt


def test_a_primitive_gives_its_value():
    nodes = [node(1, "PrimitiveNode", values=[33, "fixed"]), node(2, "Source", {"width": ("INT", 5)}, [9])]
    prompt = convert(nodes, [[5, 1, 0, 2, 0, "INT"]])
    assert prompt.keys() == {"2"}
    assert prompt["2"]["inputs"] == {"width": 33}


@pytest.mark.parametrize("class_type", ["Note", "MarkdownNote"])
def test_notes_are_left_out(class_type):
    assert convert([node(1, class_type, values=["read me"])], []) == {}


def test_a_bypassed_node_passes_on_the_input_of_the_same_type():
    through = node(2, "Through", {"mask": ("MASK", None), "image": ("IMAGE", 5)}, mode=4)
    nodes = [node(1, "Source", values=[3]), through, node(3, "Sink", {"images": ("IMAGE", 6)})]
    prompt = convert(nodes, [[5, 1, 0, 2, 1, "IMAGE"], [6, 2, 0, 3, 0, "IMAGE"]])
    assert prompt["3"]["inputs"] == {"images": ["1", 0]}
    assert "2" not in prompt


def test_what_a_muted_node_feeds_is_dropped():
    nodes = [node(1, "Source", values=[3], mode=2), node(2, "Source", {"width": ("INT", 5)}, [9])]
    assert convert(nodes, [[5, 1, 0, 2, 0, "INT"]])["2"]["inputs"] == {}


def test_a_list_value_is_told_apart_from_a_link():
    info = {"Boxes": declaration({"boxes": ["COMBO", {"options": [], "multiselect": True}]})}
    workflow = {"nodes": [node(1, "Boxes", values=[["a", "b"]])], "links": []}
    assert workflow_to_api(workflow, info)["1"]["inputs"] == {"boxes": {"__value__": ["a", "b"]}}


def test_an_upload_button_stands_between_required_and_optional_values():
    required = {"image": [["a.png"], {"image_upload": True}], "channel": [["red"], {}]}
    names = [widget.name for widget in widgets_of(declaration(required, {"size": ["INT", {}]}))]
    assert names == ["image", "channel", "", "size"]


@pytest.mark.parametrize(
    "values", [["For", 2, 9, 3, True], {"mode": "For", "mode.start": 2, "mode.stop": 9, "steps": 3, "fast": True}]
)
def test_a_choice_with_inputs_of_its_own_is_followed_by_theirs(values):
    options = [
        {"key": "simple", "inputs": {"required": {"count": ["INT", {"default": 4}]}}},
        {
            "key": "For",
            "inputs": {"required": {"start": ["INT", {}], "stop": ["INT", {}]}, "optional": {"list": ["LIST", {}]}},
        },
    ]
    info = {
        "Loop": declaration(
            {"mode": ["COMFY_DYNAMICCOMBO_V3", {"options": options}], "steps": ["INT", {}], "fast": ["BOOLEAN", {}]}
        )
    }
    inputs = workflow_to_api({"nodes": [node(1, "Loop", values=values)], "links": []}, info)["1"]["inputs"]
    assert inputs == {"mode": "For", "mode.start": 2, "mode.stop": 9, "steps": 3, "fast": True}
    assert workflow_to_api({"nodes": [node(1, "Loop")], "links": []}, info)["1"]["inputs"] == {
        "mode": "simple",
        "mode.count": 4,
        "steps": 0,
        "fast": False,
    }


def test_unknown_nodes_are_named():
    with pytest.raises(WorkflowError, match="NoSuchNode"):
        convert([node(1, "NoSuchNode")], [])


def test_links_in_a_circle_are_an_error():
    nodes = [node(1, "Reroute", {"": ("*", 5)}), node(2, "Sink", {"images": ("IMAGE", 5)})]
    with pytest.raises(WorkflowError, match="back to itself"):
        convert(nodes, [[5, 1, 0, 1, 0, "*"]])


def test_subgraphs_and_api_prompts_are_refused():
    with pytest.raises(WorkflowError, match="subgraph"):
        workflow_to_api({"nodes": [], "links": [], "definitions": {"subgraphs": [{}]}}, INFO)
    with pytest.raises(WorkflowError, match="API-format"):
        workflow_to_api({"1": {"class_type": "Source", "inputs": {}}}, INFO)
