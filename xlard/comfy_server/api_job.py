"""Jobs in ComfyUI's API format: read from a saved workflow, reduced to what is needed, and the texts in them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .errors import WorkflowError
from .workflow import workflow_to_api


def read_job(path: Path, object_info: dict) -> dict:
    """A saved workflow, or one in the API format, as a job. Raises WorkflowError if it is none, or has nodes that the
    server lacks.
    """
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WorkflowError(
            f"The workflow {path} cannot be read ({error}). Save it again in ComfyUI: File, Save or Export (API)."
        ) from error
    try:
        job = workflow_to_api(saved, object_info) if isinstance(saved, dict) and "nodes" in saved else saved
    except WorkflowError as error:
        raise WorkflowError(f"{path}: {error} Or save it with File, Export (API).") from error
    if not isinstance(job, dict) or not all(
        isinstance(node, dict) and "class_type" in node and "inputs" in node for node in job.values()
    ):
        raise WorkflowError(f"{path} is no workflow. Save it in ComfyUI: File, Save or Export (API).")
    unknown = sorted({node["class_type"] for node in job.values()} - object_info.keys())
    if unknown:
        raise WorkflowError(
            f"The server does not know these nodes of {path}: {', '.join(unknown)}. Install their packs and start it"
            " again."
        )
    return job


def links(node: dict) -> dict[str, list]:
    """The inputs of a node that are linked: name and [node, slot]."""
    return {name: value for name, value in node["inputs"].items() if isinstance(value, list)}


def needed(job: dict, end_nodes: Iterable[str]) -> dict:
    """The part of a job that the nodes ``end_nodes`` need."""
    waiting, needed_nodes = list(end_nodes), {}
    while waiting:
        node_id = waiting.pop()
        if node_id not in needed_nodes:
            needed_nodes[node_id] = job[node_id]
            waiting += [source for source, _ in links(job[node_id]).values() if source in job]
    return needed_nodes


def text_behind(job: dict, value: object) -> str | None:
    """The text behind an input: itself, or what the node that it is linked to holds.

    None for a value that is no text, and for a node that makes its text of several.
    """
    while isinstance(value, list):
        values = [held for held in job[value[0]]["inputs"].values() if isinstance(held, (str, list))]
        if len(values) != 1:
            return None
        value = values[0]
    return value if isinstance(value, str) else None
