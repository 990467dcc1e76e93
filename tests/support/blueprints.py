"""The blueprints in ``subgraphs/``, which ComfyUI offers like nodes: ``python -m tests.support.blueprints`` writes.

A blueprint is a workflow of one subgraph. It is made of what a running ComfyUI says of the nodes, so that its slots and
values have their places; a test holds the files against it.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.paths import CHECKOUT
from xlard.comfy_server.server import ComfyServer
from xlard.comfy_server.workflow import widgets_of
from xlard.quickstart.comfyui import find_comfyui

FOLDER = CHECKOUT / "subgraphs"
CONTROL = "fixed"
"""What becomes of a seed after a run."""

INPUT_NODE, OUTPUT_NODE = -10, -20
"""The ids that the front end gives to the two ends of a subgraph."""

_WIDTH, _GAP, _SLOT = 300, 60, 20


@dataclass(frozen=True)
class Inner:
    """A node of a subgraph. ``takes`` are its linked inputs: an input of the subgraph, or (node, output name).
    ``shows`` are the widgets that stand on the subgraph, too.
    """

    kind: str
    takes: dict[str, str | tuple[str, str]]
    values: dict[str, Any] = field(default_factory=dict)
    shows: tuple[str, ...] = ()
    height: int = 300


@dataclass(frozen=True)
class Blueprint:
    """A subgraph: its nodes by name, in the order of their columns, and its outputs (node, output name)."""

    name: str
    description: str
    nodes: dict[str, Inner]
    outputs: dict[str, tuple[str, str]]
    inputs: tuple[str, ...]


KSAMPLER = {name: name for name in ("model", "positive", "negative", "latent_image")}
SAMPLING = ("seed", "steps", "cfg", "sampler_name", "scheduler")

BLUEPRINTS = (
    Blueprint(
        "xLARD Self-correct in place of KSampler",
        "KSampler's inputs and settings, and a critic: what is wrong with the picture is redrawn.",
        {
            "loop": Inner(
                "XLARDSelfCorrect",
                {**KSAMPLER, "vae": "vae", "critic": "critic", "prompt": "prompt"},
                shows=(*SAMPLING, "rounds"),
                height=900,
            )
        },
        {"LATENT": ("loop", "latent"), "image": ("loop", "image"), "report": ("loop", "report")},
        (*KSAMPLER, "vae", "critic", "prompt"),
    ),
    Blueprint(
        "xLARD Judge and annotate",
        "What of the prompt holds in pictures and what does not: pictures with boxes, and as text.",
        {
            "claims": Inner("XLARDClaims", {"prompt": "prompt"}, height=440),
            "critique": Inner(
                "XLARDCritique", {"images": "images", "critic": "critic", "claims": ("claims", "claims")}, height=640
            ),
        },
        {name: ("critique", name) for name in ("annotated", "mask", "score", "passed", "report")},
        ("images", "critic", "prompt"),
    ),
    Blueprint(
        "xLARD Best of N",
        "Draws several pictures, has the critic judge each, and gives the best.",
        {
            "several": Inner(
                "RepeatLatentBatch", {"samples": "latent_image"}, {"amount": 4}, shows=("amount",), height=80
            ),
            "drawn": Inner(
                "KSampler",
                {**{name: name for name in ("model", "positive", "negative")}, "latent_image": ("several", "LATENT")},
                shows=SAMPLING,
            ),
            "decoded": Inner("VAEDecode", {"samples": ("drawn", "LATENT"), "vae": "vae"}, height=60),
            "critique": Inner(
                "XLARDCritique", {"images": ("decoded", "IMAGE"), "critic": "critic", "prompt": "prompt"}, height=640
            ),
            "best": Inner(
                "XLARDPickBest",
                {"critique": ("critique", "critique"), "images": ("decoded", "IMAGE"), "latents": ("drawn", "LATENT")},
                height=520,
            ),
        },
        {"LATENT": ("best", "latent"), "image": ("best", "image"), "report": ("best", "report")},
        (*KSAMPLER, "vae", "critic", "prompt"),
    ),
)


def written(blueprint: Blueprint, nodes: dict[str, dict]) -> dict:
    """A blueprint as the front end saves one; ``nodes`` are the server's declarations of nodes."""
    own = str(uuid.uuid5(uuid.NAMESPACE_URL, f"xlard blueprint {blueprint.name}"))
    ids = {name: number for number, name in enumerate(blueprint.nodes, 1)}
    links: list[dict] = []
    inner = [_node(blueprint, name, ids, nodes, links) for name in blueprint.nodes]
    outputs = [_output(blueprint, name, ids, nodes, links) for name in blueprint.outputs]
    inputs = [_input(blueprint, slot, links) for slot in range(len(blueprint.inputs))]
    for node in inner:
        for slot, output in enumerate(node["outputs"]):
            leaving = [link["id"] for link in links if (link["origin_id"], link["origin_slot"]) == (node["id"], slot)]
            output["links"] = leaving or None
    shown = [[str(ids[name]), widget] for name, node in blueprint.nodes.items() for widget in node.shows]
    right = (_WIDTH + _GAP) * len(inner) + _GAP
    subgraph = {
        "id": own,
        "version": 1,
        "state": {"lastGroupId": 0, "lastNodeId": len(inner), "lastLinkId": len(links), "lastRerouteId": 0},
        "revision": 0,
        "config": {},
        "name": blueprint.name,
        "description": blueprint.description,
        "category": "xLARD",
        "inputNode": {"id": INPUT_NODE, "bounding": [-200, 0, 120, 40 + _SLOT * len(inputs)]},
        "outputNode": {"id": OUTPUT_NODE, "bounding": [right, 0, 120, 40 + _SLOT * len(outputs)]},
        "inputs": inputs,
        "outputs": outputs,
        "widgets": [],
        "nodes": inner,
        "groups": [],
        "links": links,
        "extra": {"workflowRendererVersion": "LG"},
    }
    return {
        "revision": 0,
        "last_node_id": len(inner) + 1,
        "last_link_id": 0,
        "nodes": [
            {
                "id": len(inner) + 1,
                "type": own,
                "pos": [0, 0],
                "size": [_WIDTH, 60 + _SLOT * len(inputs) + 26 * len(shown)],
                "flags": {},
                "order": 0,
                "mode": 0,
                "inputs": [_slot(slot["name"], slot["type"], None) for slot in inputs],
                "outputs": [{**_slot(slot["name"], slot["type"]), "links": []} for slot in outputs],
                "properties": {"proxyWidgets": shown},
                "widgets_values": [],
                "title": blueprint.name,
            }
        ],
        "links": [],
        "version": 0.4,
        "definitions": {"subgraphs": [subgraph]},
        "extra": {"BlueprintDescription": blueprint.description},
    }


def _slot(name: str, kind: str, *link: None) -> dict:
    slot = {"localized_name": name, "name": name, "type": kind}
    return {**slot, "link": None} if link else slot


def _specs(kind: str, nodes: dict[str, dict]) -> dict[str, list]:
    declared = nodes[kind]["input"]
    return {**declared.get("required", {}), **declared.get("optional", {})}


def _kind_of(spec: list) -> str:
    return "COMBO" if isinstance(spec[0], list) else spec[0]


def _node(
    blueprint: Blueprint, name: str, ids: dict[str, int], nodes: dict[str, dict], links: list[dict]
) -> dict[str, Any]:
    """A node inside of a subgraph; its incoming links come to ``links``."""
    inner, number = blueprint.nodes[name], ids[name]
    specs, widgets = _specs(inner.kind, nodes), widgets_of(nodes[inner.kind])
    with_widget = {widget.name for widget in widgets}
    # As the front end saves them: sockets before widgets, and none that has no socket.
    order = sorted(
        (input_id for input_id in specs if not _options(specs[input_id]).get("socketless")),
        key=lambda input_id: input_id in with_widget,
    )
    slots = []
    for place, input_id in enumerate(order):
        slot = _slot(input_id, _kind_of(specs[input_id]), None)
        if input_id in with_widget:
            slot["widget"] = {"name": input_id}
        source = inner.takes.get(input_id)
        if source is not None:
            slot["link"] = _link(blueprint, source, number, place, ids, nodes, slot["type"], links)
        slots.append(slot)
    values: list[Any] = []
    for widget in widgets:
        values += [inner.values.get(widget.name, widget.default), *[CONTROL] * widget.extra]
    return {
        "id": number,
        "type": inner.kind,
        "pos": [(_WIDTH + _GAP) * (number - 1), 0],
        "size": [_WIDTH, inner.height],
        "flags": {},
        "order": number - 1,
        "mode": 0,
        "inputs": slots,
        "outputs": [
            {**_slot(output, kind), "links": None}
            for output, kind in zip(nodes[inner.kind]["output_name"], nodes[inner.kind]["output"])
        ],
        "properties": {"Node name for S&R": inner.kind},
        "widgets_values": values,
    }


def _options(spec: list) -> dict:
    return spec[1] if len(spec) > 1 else {}


def _link(
    blueprint: Blueprint,
    source: str | tuple[str, str],
    target: int,
    place: int,
    ids: dict[str, int],
    nodes: dict[str, dict],
    kind: str,
    links: list[dict],
) -> int:
    if isinstance(source, str):
        origin, slot = INPUT_NODE, blueprint.inputs.index(source)
    else:
        origin, slot = ids[source[0]], nodes[blueprint.nodes[source[0]].kind]["output_name"].index(source[1])
    number = len(links) + 1
    links.append(
        {
            "id": number,
            "origin_id": origin,
            "origin_slot": slot,
            "target_id": target,
            "target_slot": place,
            "type": kind,
        }
    )
    return number


def _input(blueprint: Blueprint, slot: int, links: list[dict]) -> dict:
    name = blueprint.inputs[slot]
    leaving = [link for link in links if (link["origin_id"], link["origin_slot"]) == (INPUT_NODE, slot)]
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{blueprint.name} input {name}")),
        **_slot(name, leaving[0]["type"]),
        "linkIds": [link["id"] for link in leaving],
        "pos": [-100, _SLOT * (slot + 1)],
    }


def _output(blueprint: Blueprint, name: str, ids: dict[str, int], nodes: dict[str, dict], links: list[dict]) -> dict:
    node, output = blueprint.outputs[name]
    declared, place = nodes[blueprint.nodes[node].kind], list(blueprint.outputs).index(name)
    slot = declared["output_name"].index(output)
    number = len(links) + 1
    links.append(
        {
            "id": number,
            "origin_id": ids[node],
            "origin_slot": slot,
            "target_id": OUTPUT_NODE,
            "target_slot": place,
            "type": declared["output"][slot],
        }
    )
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{blueprint.name} output {name}")),
        **_slot(name, declared["output"][slot]),
        "linkIds": [number],
        "pos": [(_WIDTH + _GAP) * len(blueprint.nodes) + _GAP + 20, _SLOT * (place + 1)],
    }


def path_of(blueprint: Blueprint) -> Path:
    """The file of a blueprint, whose name ComfyUI shows."""
    return FOLDER / f"{blueprint.name}.json"


def main() -> None:
    """Write all blueprints."""
    comfyui = find_comfyui()
    if comfyui is None:
        raise SystemExit("ComfyUI is missing. Run `python3 -m xlard.quickstart test` once.")
    FOLDER.mkdir(exist_ok=True)
    with ComfyServer(comfyui, pack=CHECKOUT) as server:
        nodes = server.object_info()
    for blueprint in BLUEPRINTS:
        text = json.dumps(written(blueprint, nodes), indent=2)
        path_of(blueprint).write_text(text + "\n", encoding="utf-8", newline="\n")
        print(path_of(blueprint).name)


if __name__ == "__main__":
    main()
