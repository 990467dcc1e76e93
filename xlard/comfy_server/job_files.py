"""Jobs in ComfyUI's API format: out of a saved workflow, and cut down to what is needed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .errors import BenchError
from .workflow import WorkflowError, workflow_to_api


def read_job(path: Path, object_info: dict) -> dict:
    """A saved workflow, or one in the API format, as a job. Raises BenchError if it is none, or has nodes that the
    server lacks."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(
            f"The workflow {path} cannot be read ({error}). Save it again in ComfyUI: File, Save or Export (API)."
        ) from error
    try:
        job = workflow_to_api(saved, object_info) if isinstance(saved, dict) and "nodes" in saved else saved
    except WorkflowError as error:
        raise BenchError(f"{path}: {error} Or save it with File, Export (API).") from error
    if not isinstance(job, dict) or not all(
        isinstance(node, dict) and "class_type" in node and "inputs" in node for node in job.values()
    ):
        raise BenchError(f"{path} is no workflow. Save it in ComfyUI: File, Save or Export (API).")
    unknown = sorted({node["class_type"] for node in job.values()} - object_info.keys())
    if unknown:
        raise BenchError(
            f"The server does not know these nodes of {path}: {', '.join(unknown)}. Install their packs and start it"
            " again."
        )
    return job


def links(node: dict) -> dict[str, list]:
    """The inputs of a node that are linked: name and [node, slot]."""
    return {name: value for name, value in node["inputs"].items() if isinstance(value, list)}


def needed(job: dict, ends: Iterable[str]) -> dict:
    """The part of a job that its nodes ``ends`` need."""
    waiting, kept = list(ends), {}
    while waiting:
        id_ = waiting.pop()
        if id_ not in kept:
            kept[id_] = job[id_]
            waiting += [source for source, _ in links(job[id_]).values() if source in job]
    return kept
