"""The shipped demo workflows as jobs of their own: other seeds, and short where they train."""

from __future__ import annotations

from tests.support.workflows import saved
from xlard.comfy_server.server import ComfyServer
from xlard.comfy_server.workflow import NOTES, workflow_to_api

_FEW = {
    "XLARDCollect": {"pictures_per_prompt": 6, "views": 2},
    "XLARDTrainHead": {"steps": 3},
    "XLARDTrainCorrector": {"steps": 3},
    # Of two things only: what is cut out to make drafts has to be seen several times.
    "XLARDPrompts": {
        "text": "\n".join(f"a blue circle {where} a red square" for where in ("left of", "right of", "above", "below"))
    },
}


def shortened(graph: dict) -> dict:
    """The prompt of a workflow with fewer prompts, pictures and training steps, where it has any: minutes otherwise."""
    for node in graph.values():
        node["inputs"].update(_FEW.get(node["class_type"], {}))
    return graph


def demo_job(server: ComfyServer, name: str, seed: int) -> dict | None:
    """The job of a shipped workflow; ``seed`` is that of its nodes, and makes names of what they collect and train.

    What is collected keeps its seed, since not any few pictures will do, and so does a picture that is edited: the
    instruction is about what it shows.
    None where this ComfyUI lacks a node of it.
    """
    workflow, info = saved(name), server.object_info()
    if {node["type"] for node in workflow["nodes"]} - info.keys() - NOTES:
        return None
    graph = shortened(workflow_to_api(workflow, info))
    kept = {"XLARDCollect"}
    if any(node["class_type"] == "XLARDEditClaims" for node in graph.values()):
        kept.add("KSampler")
    for node in graph.values():
        for wanted in ("seed", "noise_seed") if node["class_type"] not in kept else ():
            if isinstance(node["inputs"].get(wanted), int):
                node["inputs"][wanted] = seed
        if node["class_type"] in ("XLARDCollect", "XLARDTrainHead", "XLARDTrainCorrector"):
            node["inputs"]["name"] = f"{node['inputs']['name']}_{seed}"
    return graph
