"""Jobs and their graphs, and the folders of models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import comfy.utils
import folder_paths
from comfy.cli_args import args
from comfy_execution.graph_utils import ExecutionBlocker, GraphBuilder, is_link
from comfy_execution.utils import get_executing_context

# ComfyUI's own module, not this package.
import nodes as comfyui_nodes

__all__ = [
    "ExecutionBlocker",
    "GraphBuilder",
    "JobGraph",
    "add_folder",
    "bars_told_to",
    "is_link",
    "output_count",
    "running",
    "tell_page",
    "workflow_texts",
]
"""The first two and ``is_link`` are for node expansion, from ``comfy_execution.graph_utils``: always."""


def running() -> tuple[str, str] | None:
    """The ids of the job and the node that run in this thread; None in a thread of a node's own.

    Rests on ``comfy_execution.utils.get_executing_context``: 0.3.45.
    """
    context = get_executing_context()
    return (context.prompt_id, context.node_id) if context else None


class JobGraph:
    """The graph of the running job, with the nodes that others expanded into, as a node sees it.

    Rests on ``hidden.dynprompt`` and ``hidden.unique_id`` of a V3 node and on the methods of ``DynamicPrompt``: always;
    and on ``nodes.NODE_CLASS_MAPPINGS``: always.
    """

    def __init__(self, node: Any):
        self._prompt, self.own_id = node.hidden.dynprompt, node.hidden.unique_id

    def ids(self) -> Iterable[str]:
        """The ids of all nodes."""
        return self._prompt.all_node_ids()

    def kind(self, node: str) -> str:
        """The class type of a node."""
        return self._prompt.get_node(node)["class_type"]

    def inputs(self, node: str) -> dict[str, Any]:
        """The inputs of a node: values and links."""
        return self._prompt.get_node(node)["inputs"]

    def settings(self, node: str) -> dict[str, Any]:
        """The values of a node's inputs that are no links, as its ``fingerprint_inputs`` gets them.

        Rests on ``INPUT_TYPES``: always.
        """
        kinds = comfyui_nodes.NODE_CLASS_MAPPINGS[self.kind(node)].INPUT_TYPES()
        declared = {**kinds.get("required", {}), **kinds.get("optional", {})}
        return {name: value for name, value in self.inputs(node).items() if name in declared and not is_link(value)}

    def parent(self, node: str) -> str | None:
        """The node that expanded into this one; None for the artist's own."""
        return self._prompt.get_parent_node_id(node)

    def shown_as(self, node: str) -> str:
        """The artist's node on which this one shows its progress."""
        return self._prompt.get_display_node_id(node)

    def is_output(self, node: str) -> bool:
        """Whether a node shows or saves something, and so runs for its own sake."""
        return bool(getattr(comfyui_nodes.NODE_CLASS_MAPPINGS[self.kind(node)], "OUTPUT_NODE", False))


def tell_page(node: str, text: str) -> None:
    """Say how far a node is, on the page that queued the running job, if one is open.

    Rests on ``PromptServer.send_progress_text``: 0.3.45 or earlier.
    """
    # Where nothing serves, as in scripts, the module may be missing.
    from server import PromptServer

    server = PromptServer.instance
    if server.client_id is not None:
        server.send_progress_text(text, node, server.client_id)


@contextmanager
def bars_told_to(tell: Callable[[float, float, Any], None]) -> Iterator[None]:
    """Have the bars of the node that runs in this thread tell their value, total and preview, and not the page.

    Rests on ``comfy.utils.PROGRESS_BAR_HOOK``, its first three arguments and ``set_progress_bar_global_hook``: always.
    """
    hook, here = comfy.utils.PROGRESS_BAR_HOOK, running()

    def told(value: float, total: float, preview: Any = None, *arguments: Any, **keywords: Any) -> None:
        if running() == here:
            tell(value, total, preview)
        elif hook is not None:
            hook(value, total, preview, *arguments, **keywords)

    comfy.utils.set_progress_bar_global_hook(told)
    try:
        yield
    finally:
        comfy.utils.set_progress_bar_global_hook(hook)


def workflow_texts(node: Any) -> dict[str, str]:
    """What a PNG has to carry for ComfyUI's page to open the running job's workflow from it, by keyword; nothing where
    the server runs without such metadata. What a job brings along and no PNG can carry is left out.

    Rests on ``hidden.prompt`` and ``hidden.extra_pnginfo`` of a V3 node, and on ``comfy.cli_args``: always.
    """
    if args.disable_metadata:
        return {}
    brought = node.hidden.extra_pnginfo
    values = {"prompt": node.hidden.prompt, **(brought if isinstance(brought, Mapping) else {})}
    carried = {keyword: value for keyword, value in values.items() if value is not None and _is_keyword(keyword)}
    return {keyword: json.dumps(value) for keyword, value in carried.items()}


def _is_keyword(text: str) -> bool:
    """Whether a PNG can carry a text under this keyword: 1 to 79 characters of Latin-1."""
    return 0 < len(text) < 80 and text.isprintable() and all(ord(character) < 256 for character in text)


def output_count(node: Any) -> int:
    """How many outputs a V3 node has. Rests on ``RETURN_TYPES``: always."""
    return len(node.RETURN_TYPES)


def add_folder(name: str, folder: Path, extension: str) -> None:
    """Make a model folder known, for files of one extension; what others have registered under the name stays.

    Rests on ``folder_paths.folder_names_and_paths``: always.
    """
    paths, extensions = folder_paths.folder_names_and_paths.get(name, ([], {extension}))
    if str(folder) not in paths:
        paths = [*paths, str(folder)]
    # An empty set, which folder_paths.add_model_folder_path leaves, would list files of any kind.
    folder_paths.folder_names_and_paths[name] = (paths, extensions or {extension})


def in_lists(values: list, repetitions: int) -> list:
    """A list output of a node that was copied so many times, as it has to leave the last copy.

    Rests on ComfyUI taking one list off an output each time that a copied node passes it to the node that was expanded:
    always.
    """
    for _ in range(repetitions):
        values = [values]
    return values
