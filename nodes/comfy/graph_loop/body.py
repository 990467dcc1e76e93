"""The body of a loop in ComfyUI's graph: which nodes it is, and one more copy of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..compat.jobs import GraphBuilder, JobGraph, is_link


def body_of(job: JobGraph, start: str, end: str, returned: Iterable[str]) -> set[str]:
    """The nodes between ``start`` and ``end``, and those beside them that lead to an output node without ``end``.

    ``returned`` are the inputs of ``end`` that must come from the body. Raises ValueError where one does not, and where
    ``start`` has another end.
    """
    # Other nodes of the job are copies of this body, or of a loop inside of it.
    level = job.parent(start)
    links = {node: _sources(job, node) for node in job.ids() if job.parent(node) == level}
    users: dict[str, set[str]] = {node: set() for node in links}
    for node, sources in links.items():
        for source in sources & links.keys():
            users[source].add(node)
    ends = [node for node in users[start] if job.kind(node) == job.kind(end)]
    if len(ends) > 1:
        raise ValueError(f"{len(ends)} xLARD Loop End nodes are connected to one xLARD Loop Start. Give each its own.")
    sinks = [end, *(node for node in links if job.is_output(node))]
    body = _reached([start], users) & _reached(sinks, links) - _reached([end], users) - {start, end}
    for name in returned:
        if not _sources(job, end, name) <= body:
            raise ValueError(
                f"The {name} of xLARD Loop End does not come from its xLARD Loop Start, so all rounds would be the"
                " same. Connect latent, denoise and seed of the Start to the sampler, and what the sampler makes to the"
                " End."
            )
    return body


def takes(job: JobGraph, body: Iterable[str], node: str, slot: int) -> bool:
    """Whether a node of the body takes an output of ``node``."""
    return any(is_link(value) and value == [node, slot] for user in body for value in job.inputs(user).values())


def repetitions(job: JobGraph, end: str) -> int:
    """The number of copies of the body that led to this copy of a loop's end; 0 for the artist's own node."""

    def shown_as(node: str) -> tuple[str, str]:
        return job.shown_as(node), job.kind(node)

    count, parent = 0, job.parent(end)
    while parent is not None and shown_as(parent) == shown_as(end):
        parent, count = job.parent(parent), count + 1
    return count


def copied(
    job: JobGraph, start: str, end: str, body: Iterable[str], given: Mapping[str, object], outputs: int
) -> tuple[dict, list]:
    """One more copy of the body with its start and end, as ComfyUI expands it, and links to the copied end's outputs.

    ``given`` replaces inputs of the start. The copies show their pictures and their progress on the artist's own nodes.
    """
    graph = GraphBuilder()
    # By number: names made of the copied names would grow with every round.
    copies: dict[str, Any] = {
        node: graph.node(job.kind(node), str(number)) for number, node in enumerate((start, *sorted(body), end))
    }
    for node, copy in copies.items():
        copy.set_override_display_id(node)
        for name, value in job.inputs(node).items():
            is_inside = is_link(value) and value[0] in copies
            copy.set_input(name, copies[value[0]].out(value[1]) if is_inside else value)
    for name, value in given.items():
        copies[start].set_input(name, value)
    return graph.finalize(), [copies[end].out(index) for index in range(outputs)]


def _sources(job: JobGraph, node: str, name: str | None = None) -> set[str]:
    return {value[0] for key, value in job.inputs(node).items() if is_link(value) and name in (None, key)}


def _reached(begin: Iterable[str], links: Mapping[str, Iterable[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(begin)
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting += links.get(node, ())
    return reached
