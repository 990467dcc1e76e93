"""Converts a workflow as the ComfyUI front end saves it to the API format that the server runs.

It follows the front end's own `graphToPrompt` for flat graphs. Random text choices (`{a|b}` in dynamic prompts) are
left as they are, and the value of `control_after_generate` is not applied, so a conversion is repeatable.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .errors import WorkflowError

MUTED, BYPASSED = 2, 4
NOTES = {"Note", "MarkdownNote"}
REROUTE, PRIMITIVE = "Reroute", "PrimitiveNode"
WIDGET_TYPES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COLOR"}
# A choice of which each value has further inputs.
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
# The front end gives these a control widget even where the node does not ask for one.
SEED_NAMES = {"seed", "noise_seed"}


@dataclass(frozen=True)
class Widget:
    """One input that the front end draws as a widget; `extra` counts the values saved after its own.

    `choices` are, for each value of it, the widgets that follow while that value is chosen.
    """

    name: str
    default: object
    extra: int
    choices: dict[str, list[Widget]] = field(default_factory=dict)


@dataclass
class _Graph:
    nodes: dict[int, dict]
    links: dict[int, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, workflow: dict) -> _Graph:
        graph = cls({node["id"]: node for node in workflow["nodes"]})
        for link in workflow.get("links", []):
            if isinstance(link, dict):
                graph.links[link["id"]] = (link["origin_id"], link["origin_slot"])
            else:
                graph.links[link[0]] = (link[1], link[2])
        return graph


def workflow_to_api(workflow: dict, object_info: dict) -> dict:
    """Return the API-format prompt of a saved `workflow`, given the server's `object_info`.

    Raises WorkflowError for an unknown node class, for subgraphs and for links in a circle.
    """
    if "nodes" not in workflow:
        raise WorkflowError("This is no saved workflow: it has no `nodes`. An API-format prompt needs no conversion.")
    if workflow.get("definitions", {}).get("subgraphs"):
        raise WorkflowError("Workflows with subgraphs are not converted; unpack the subgraphs and save again.")
    graph = _Graph.read(workflow)
    running = [node for node in graph.nodes.values() if not _is_virtual(node) and node.get("mode", 0) == 0]
    unknown = sorted({node["type"] for node in running} - object_info.keys())
    if unknown:
        raise WorkflowError(f"The server does not know these nodes: {', '.join(unknown)}. Install their packs.")
    return {str(node["id"]): _api_node(node, graph, object_info[node["type"]]) for node in running}


def _is_virtual(node: dict) -> bool:
    return node["type"] in NOTES or node["type"] in (REROUTE, PRIMITIVE)


def _api_node(node: dict, graph: _Graph, info: dict) -> dict:
    inputs = {name: _wrapped(value) for name, value in _widget_values(node, info).items()}
    for slot in node.get("inputs", []):
        source = _resolve(slot, graph)
        if isinstance(source, _PrimitiveValue):
            inputs[slot["name"]] = _wrapped(source.value)
        elif source is not None and graph.nodes[source[0]].get("mode", 0) == MUTED:
            # The front end drops such an input, even one that also has a widget.
            inputs.pop(slot["name"], None)
        elif source is not None:
            inputs[slot["name"]] = [str(source[0]), source[1]]
    title = node.get("title") or info.get("display_name") or node["type"]
    return {"inputs": inputs, "class_type": node["type"], "_meta": {"title": title}}


def _wrapped(value: object) -> object:
    # A bare list would be read as a link.
    return {"__value__": value} if isinstance(value, list) else value


def widgets_of(info: dict) -> list[Widget]:
    """The widgets of a node in the order in which the front end saves their values."""
    widgets = []
    uploads = 0
    for group in ("required", "optional"):
        declared = info.get("input", {}).get(group, {})
        order = info.get("input_order", {}).get(group, list(declared))
        for name in order:
            input_type, options = declared[name][0], (declared[name][1:] or [{}])[0] or {}
            widget = _widget(name, input_type, options)
            if widget is not None:
                widgets.append(widget)
            uploads += any(options.get(f"{medium}_upload") for medium in ("image", "video", "audio"))
        if group == "required" and uploads:
            # The upload button stands after the required inputs and saves a value too.
            widgets.append(Widget("", None, 0))
    return widgets


def _widget(name: str, input_type: str | list, options: dict) -> Widget | None:
    if input_type == DYNAMIC_COMBO:
        following = {
            choice["key"]: [
                replace(widget, name=f"{name}.{widget.name}") for widget in widgets_of({"input": choice["inputs"]})
            ]
            for choice in options["options"]
        }
        return Widget(name, next(iter(following), None), 0, following)
    choices = input_type if isinstance(input_type, list) else options.get("options")
    is_combo = isinstance(input_type, list) or input_type == "COMBO"
    if options.get("forceInput") or not (is_combo or options.get("widgetType", input_type) in WIDGET_TYPES):
        return None
    controlled = options.get("control_after_generate", input_type == "INT" and name in SEED_NAMES)
    extra = 0
    if controlled:
        # A controlled choice also has a filter field.
        extra = 2 if is_combo else 1
    return Widget(name, _default(input_type, options, choices if is_combo else None), extra)


def _default(input_type: str | list, options: dict, choices: list | None) -> object:
    if "default" in options:
        return options["default"]
    if choices is not None:
        return choices[0] if choices else None
    return {"INT": 0, "FLOAT": 0.0, "BOOLEAN": False}.get(str(input_type), "")


def _widget_values(node: dict, info: dict) -> dict[str, object]:
    saved = node.get("widgets_values") or []
    waiting = widgets_of(info)
    values: dict[str, object] = {}
    position = 0
    while waiting:
        widget = waiting.pop(0)
        if isinstance(saved, dict):
            value = saved.get(widget.name, widget.default)
        else:
            value = saved[position] if position < len(saved) else widget.default
        if widget.name:
            values[widget.name] = value
        position += 1 + widget.extra
        if widget.choices:
            waiting = widget.choices.get(value, []) + waiting
    return values


@dataclass(frozen=True)
class _PrimitiveValue:
    value: object


def _resolve(slot: dict, graph: _Graph, seen: frozenset = frozenset()) -> tuple[int, int] | _PrimitiveValue | None:
    """The node and slot that feed the input `slot`, past reroutes, primitives and bypassed nodes; None if nothing."""
    link = slot.get("link")
    if link is None or link not in graph.links:
        return None
    if link in seen:
        raise WorkflowError(f"Link {link} leads back to itself through reroutes or bypassed nodes.")
    seen = seen | {link}
    origin_id, origin_slot = graph.links[link]
    origin = graph.nodes.get(origin_id)
    if origin is None:
        return None
    if origin.get("mode", 0) == BYPASSED:
        through = _bypass_input(origin, origin_slot, slot["type"])
        return _resolve(through, graph, seen) if through else None
    if origin["type"] == REROUTE:
        return _resolve(origin["inputs"][0], graph, seen)
    if origin["type"] == PRIMITIVE:
        saved = origin.get("widgets_values")
        return _PrimitiveValue(saved[0]) if saved else None
    return origin_id, origin_slot


def _bypass_input(node: dict, slot: int, target_type: str) -> dict | None:
    """The input that a bypassed node passes on from output `slot` to an input of type `target_type`.

    The one at the same place if its type fits, else the first of exactly that type, else the first that fits.
    """
    inputs = node.get("inputs", [])
    if not inputs:
        return None
    if target_type in ("*", ""):
        return inputs[slot] if slot < len(inputs) else inputs[0]
    output_type = node["outputs"][slot]["type"]
    fitting = [source for source in inputs if _fits(source["type"], output_type) and _fits(source["type"], target_type)]
    same_place = [source for source in inputs[slot : slot + 1] if source in fitting]
    exact = [source for source in inputs if source["type"] == target_type]
    return next(iter(same_place + exact + fitting), None)


def _fits(accepted: str, offered: str) -> bool:
    if "*" in (accepted, offered):
        return True
    return bool(set(str(accepted).lower().split(",")) & set(str(offered).lower().split(",")))
