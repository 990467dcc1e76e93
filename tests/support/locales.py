"""The translations in ``locales/``: ``python -m tests.support.locales`` writes what ComfyUI serves of them.

``locales/<language>.json`` holds, for each English text of the nodes, its translation; people edit it. From that and
what a running ComfyUI says of the nodes, ``locales/<language>/`` is made, in the form that ComfyUI reads. A text whose
English changes has no translation until somebody writes one; a test says which.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.paths import CHECKOUT
from xlard.comfy_server.server import ComfyServer
from xlard.quickstart.comfyui import find_comfyui

FOLDER = CHECKOUT / "locales"

LANGUAGES = ("de", "es", "fr", "ja", "ko", "ru", "zh")

CONTROL = "control_after_generate"
"""What the front end calls the widget that it puts behind a seed."""

WITH_TOOLTIPS = (
    "XLARDClaims",
    "XLARDCorrectLatent",
    "XLARDCriticFromCLIP",
    "XLARDCriticPair",
    "XLARDCriticServer",
    "XLARDCritique",
    "XLARDDemo",
    "XLARDDetectorCritic",
    "XLARDGate",
    "XLARDLoadCritic",
    "XLARDLoopEnd",
    "XLARDLoopStart",
    "XLARDPickBest",
    "XLARDSelfCorrect",
)
"""The nodes that artists use most: the tooltips of all their inputs are translated."""

Table = dict[str, str]
"""Translations by English text."""


def table_of(language: str) -> Table:
    """The translations into a language, as people edit them."""
    return json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def inputs_of(info: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The ids of a node's inputs with their options, as /object_info has them."""
    for group in ("required", "optional"):
        for name, (_, *options) in info["input"].get(group, {}).items():
            yield name, options[0] if options else {}


def shown_name(name: str, options: dict[str, Any]) -> str:
    """What an input is called in English."""
    return options.get("display_name") or name


def needed(nodes: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Every English text that has to be translated."""
    for kind, info in nodes.items():
        yield info["display_name"]
        yield info["description"]
        yield from info["output_name"]
        yield from info["category"].split("/")[1:]
        for name, options in inputs_of(info):
            yield shown_name(name, options)
            if options.get(CONTROL):
                yield CONTROL
            if kind in WITH_TOOLTIPS:
                yield options["tooltip"]
    yield from nodes["XLARDDemo"]["output_tooltips"]


def node_definitions(nodes: dict[str, dict[str, Any]], table: Table) -> dict[str, Any]:
    """The ``nodeDefs.json`` of a language; a tooltip without translation stays English."""
    return {kind: _definition(info, table) for kind, info in nodes.items()}


def _definition(info: dict[str, Any], table: Table) -> dict[str, Any]:
    inputs = {}
    for name, options in inputs_of(info):
        inputs[name] = _texts(table, shown_name(name, options), options.get("tooltip"))
        if options.get(CONTROL):
            inputs[CONTROL] = _texts(table, CONTROL, None)
    tooltips = info.get("output_tooltips") or [None] * len(info["output_name"])
    outputs = {
        str(place): _texts(table, name, tooltip)
        for place, (name, tooltip) in enumerate(zip(info["output_name"], tooltips))
    }
    return {
        "display_name": table[info["display_name"]],
        "description": table[info["description"]],
        "inputs": inputs,
        "outputs": outputs,
    }


def _texts(table: Table, name: str, tooltip: str | None) -> Table:
    return {"name": table[name], **({"tooltip": table[tooltip]} if tooltip in table else {})}


def main_texts(nodes: dict[str, dict[str, Any]], table: Table) -> dict[str, Any]:
    """The ``main.json`` of a language: the folders of the nodes in ComfyUI's list."""
    folders = sorted({part for info in nodes.values() for part in info["category"].split("/")[1:]})
    return {"nodeCategories": {folder: table[folder] for folder in folders}}


def our_nodes(object_info: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pack's nodes, in the order of their ids."""
    return {kind: info for kind, info in sorted(object_info.items()) if kind.startswith("XLARD")}


def main() -> None:
    """Write the folders of all languages."""
    comfyui = find_comfyui()
    if comfyui is None:
        raise SystemExit("ComfyUI is missing. Run `python3 -m xlard.quickstart test` once.")
    with ComfyServer(comfyui, pack=CHECKOUT) as server:
        nodes = our_nodes(server.object_info())
    for language in LANGUAGES:
        table, folder = table_of(language), FOLDER / language
        folder.mkdir(exist_ok=True)
        for name, texts in (("nodeDefs", node_definitions(nodes, table)), ("main", main_texts(nodes, table))):
            written = json.dumps(texts, ensure_ascii=False, indent=2) + "\n"
            (folder / f"{name}.json").write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
