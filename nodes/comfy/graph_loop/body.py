"""The body of a loop in ComfyUI's graph: which nodes it is, and one more copy of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from comfy_execution.graph import DynamicPrompt
from comfy_execution.graph_utils import GraphBuilder, is_link

# ComfyUI's own module, not this package.
import nodes as comfyui_nodes


def body_of(prompt: DynamicPrompt, start: str, end: str, returned: Iterable[str]) -> set[str]:
    """The nodes between ``start`` and ``end``, and those beside them that lead to an output node without ``end``.

    ``returned`` are the inputs of ``end`` that must come from the body. Raises ValueError where one does not, and where
    ``start`` has another end.
    """
    # Other nodes of the job are copies of this body, or of a loop inside of it.
    level = prompt.get_parent_node_id(start)
    links = {node: _sources(prompt, node) for node in prompt.all_node_ids() if prompt.get_parent_node_id(node) == level}
    users: dict[str, set[str]] = {node: set() for node in links}
    for node, sources in links.items():
        for source in sources & links.keys():
            users[source].add(node)
    ends = [node for node in users[start] if _kind(prompt, node) == _kind(prompt, end)]
    if len(ends) > 1:
        raise ValueError(f"{len(ends)} xLARD Loop End nodes are connected to one xLARD Loop Start. Give each its own.")
    wanted = [end, *(node for node in links if _is_output(prompt, node))]
    body = _reached([start], users) & _reached(wanted, links) - _reached([end], users) - {start, end}
    for name in returned:
        if not _sources(prompt, end, name) <= body:
            raise ValueError(
                f"The {name} of xLARD Loop End does not come from its xLARD Loop Start, so that all rounds would "
                "be the same. Connect latent, denoise and seed of the Start to the sampler, and what the sampler "
                "makes to the End."
            )
    return body


def takes(prompt: DynamicPrompt, body: Iterable[str], node: str, slot: int) -> bool:
    """Whether a node of the body takes an output of ``node``."""
    return any(
        is_link(value) and value == [node, slot] for each in body for value in prompt.get_node(each)["inputs"].values()
    )


def repetitions(prompt: DynamicPrompt, end: str) -> int:
    """The number of copies of the body that led to this copy of a loop's end; 0 for the artist's own node."""

    def shown_as(node: str) -> tuple[str, str]:
        return prompt.get_display_node_id(node), _kind(prompt, node)

    count, parent = 0, prompt.get_parent_node_id(end)
    while parent is not None and shown_as(parent) == shown_as(end):
        parent, count = prompt.get_parent_node_id(parent), count + 1
    return count


def copied(
    prompt: DynamicPrompt, start: str, end: str, body: Iterable[str], given: Mapping[str, object], outputs: int
) -> tuple[dict, list]:
    """One more copy of the body with its start and end, as ComfyUI expands it, and links to the copied end's outputs.

    ``given`` replaces inputs of the start. The copies show their pictures and their progress on the artist's own nodes.
    """
    graph = GraphBuilder()
    # By number: names made of the copied names would grow with every round.
    copies = {
        node: graph.node(_kind(prompt, node), str(number)) for number, node in enumerate((start, *sorted(body), end))
    }
    for node, copy in copies.items():
        copy.set_override_display_id(node)
        for name, value in prompt.get_node(node)["inputs"].items():
            inside = is_link(value) and value[0] in copies
            copy.set_input(name, copies[value[0]].out(value[1]) if inside else value)
    for name, value in given.items():
        copies[start].set_input(name, value)
    return graph.finalize(), [copies[end].out(index) for index in range(outputs)]


def _sources(prompt: DynamicPrompt, node: str, name: str | None = None) -> set[str]:
    inputs = prompt.get_node(node)["inputs"]
    return {value[0] for key, value in inputs.items() if is_link(value) and name in (None, key)}


def _kind(prompt: DynamicPrompt, node: str) -> str:
    return prompt.get_node(node)["class_type"]


def _is_output(prompt: DynamicPrompt, node: str) -> bool:
    return bool(getattr(comfyui_nodes.NODE_CLASS_MAPPINGS[_kind(prompt, node)], "OUTPUT_NODE", False))


def _reached(begin: Iterable[str], links: Mapping[str, Iterable[str]]) -> set[str]:
    found, waiting = set(), list(begin)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += links.get(node, ())
    return found
