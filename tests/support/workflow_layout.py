"""Lays out the shipped workflows: ``python -m tests.support.workflow_layout``, with ``--check`` only compares.

The order stays as it is in the file: groups in rows, nodes in columns of their group. Sizes, gaps and groups are made
even, and wide enough for both of ComfyUI's ways to draw nodes. The view that a file opens with shows its whole width. A
file that is laid out comes out as it went in.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import CHECKOUT

WIDEST = 2000
"""Units that a workflow may take from left to right."""

TITLE = 30
"""Height of a node's title, which lies above its position."""

VIEW_WIDTH, VIEW_LEFT, VIEW_TOP = 1400, 80, 130
"""Pixels that a workflow takes on the page when it is opened, and where it begins: beside and below the page's bars."""

NODE_GAP, GROUP_GAP, PADDING, GROUP_TITLE = 30, 20, 20, 50
ALONG_X, ALONG_Y = 0, 1

SIZES: dict[str, list[int]] = json.loads((Path(__file__).parent / "node_sizes.json").read_text(encoding="utf-8"))
"""The least width and height of a class of nodes, without its title: the largest that the page was seen to draw in
classic and in Nodes 2.0, before a run and after it. Where it shows pictures, which the first front ends with Nodes 2.0
draw as wide as the node, a third number says how much higher than wide it is then.
"""

FOR_PICTURES = ("MaskPreview", "PreviewImage", "SaveImage", "XLARDReport", "XLARDSelfCorrect")
"""Nodes whose pictures get larger with them. Of others a page may draw the picture below all that they had room for."""


class LayoutError(ValueError):
    """Two things of a workflow overlap so that their order cannot be seen."""


@dataclass
class Item:
    """A node, a group, or several as one: where it lies, the size that it needs, and what moves it there."""

    name: str
    corner: tuple[float, float]
    extent: tuple[float, float]
    needs: tuple[float, float]
    place: Callable[[float, float, float, float], None]


def row_or_column(items: list[Item], direction: int, gap: int) -> Item:
    """Items as one: divided where a straight line across ``direction`` or along it passes between them, and each part
    again.

    Raises LayoutError where no line does.
    """
    if len(items) == 1:
        return items[0]
    for along in (direction, 1 - direction):
        runs = divided(items, along)
        if len(runs) > 1:
            return joined([row_or_column(run, 1 - along, gap) for run in runs], along, gap)
    raise LayoutError(f"These overlap: {', '.join(item.name for item in items)}. Move them apart.")


def divided(items: list[Item], along: int) -> list[list[Item]]:
    """The items in runs along an axis: one run ends before the next begins."""
    runs: list[list[Item]] = []
    end = float("-inf")
    for item in sorted(items, key=lambda item: (item.corner[along], item.corner[1 - along])):
        if item.corner[along] >= end:
            runs.append([])
        runs[-1].append(item)
        end = max(end, item.corner[along] + item.extent[along])
    return runs


def joined(parts: list[Item], along: int, gap: int) -> Item:
    """Parts one behind the other. All get the same size across; those of a row share what width is left over."""
    length = sum(part.needs[along] for part in parts) + gap * (len(parts) - 1)
    across = max(part.needs[1 - along] for part in parts)

    def place_row(x: float, y: float, width: float, height: float) -> None:
        for part in parts:
            wide = part.needs[ALONG_X] + (width - length) // len(parts)
            part.place(x, y, wide, height)
            x += wide + gap

    def place_column(x: float, y: float, width: float, height: float) -> None:
        end = y + height
        for part in parts:
            high = end - y if part is parts[-1] else part.needs[ALONG_Y]
            part.place(x, y, width, high)
            y += high + gap

    names = ", ".join(part.name for part in parts)
    if along == ALONG_X:
        return Item(names, parts[0].corner, parts[0].extent, (length, across), place_row)
    return Item(names, parts[0].corner, parts[0].extent, (across, length), place_column)


def node_item(node: dict) -> Item:
    """A saved node with its title. It may get wider, and higher if it is for pictures; what others need in Nodes 2.0
    stays free below them.
    """
    (x, y), (width, height) = node["pos"], (math.ceil(side) for side in node["size"])
    least_width, least_height, *beyond_width = SIZES.get(node["type"], (0, 0))
    wide = max(width, least_width)
    high = max(height, least_height, *(wide + more for more in beyond_width))

    def place(x: float, y: float, width: float, height: float) -> None:
        node["pos"] = [x, y + TITLE]
        node["size"] = [width, high if node["type"] in FOR_PICTURES else node["size"][1]]

    needs = (wide, high + TITLE)
    return Item(f"{node['type']} ({node['id']})", (x, y - TITLE), (width, height + TITLE), needs, place)


def group_item(group: dict, nodes: list[dict]) -> Item:
    """A saved group around its nodes. Raises LayoutError for an empty one."""
    if not nodes:
        raise LayoutError(f"The group {group['title']!r} holds no node.")
    inside = row_or_column([node_item(node) for node in nodes], ALONG_X, NODE_GAP)

    def place(x: float, y: float, width: float, height: float) -> None:
        group["bounding"] = [x, y, width, height]
        inside.place(x + PADDING, y + GROUP_TITLE, width - 2 * PADDING, height - GROUP_TITLE - PADDING)

    x, y, width, height = group["bounding"]
    needs = (inside.needs[ALONG_X] + 2 * PADDING, inside.needs[ALONG_Y] + GROUP_TITLE + PADDING)
    return Item(f"the group {group['title']!r}", (x, y), (width, height), needs, place)


def lies_in(node: dict, group: dict) -> bool:
    """Whether the left end of a node's title lies in a group."""
    x, y, width, height = group["bounding"]
    return x <= node["pos"][0] < x + width and y <= node["pos"][1] - TITLE / 2 < y + height


def lay_out(workflow: dict) -> None:
    """Move nodes and groups of a saved workflow to where they belong.

    Raises LayoutError where it cannot tell their order, for a node outside of all groups, and for what gets too wide.
    """
    inside: dict[int, list[dict]] = {index: [] for index in range(len(workflow["groups"]))}
    for node in workflow["nodes"]:
        found = [index for index, group in enumerate(workflow["groups"]) if lies_in(node, group)]
        if len(found) != 1:
            raise LayoutError(f"{node['type']} ({node['id']}) lies in {len(found)} groups. Put it into one.")
        inside[found[0]].append(node)
    groups = [group_item(group, inside[index]) for index, group in enumerate(workflow["groups"])]
    y: float = 0
    for run in divided(groups, ALONG_Y):
        row = row_or_column(run, ALONG_X, GROUP_GAP)
        if row.needs[ALONG_X] > WIDEST:
            raise LayoutError(f"{row.name} take {row.needs[ALONG_X]:.0f} units beside each other, over {WIDEST}.")
        row.place(0, y, *row.needs)
        y += row.needs[ALONG_Y] + GROUP_GAP


def opening_view(workflow: dict) -> dict:
    """Scale and offset of the canvas that show the whole width, from the top.

    Without a view in the file the page fits the graph into itself while it makes the nodes. The first front ends with
    Nodes 2.0 then measure where nodes are by the view before, and write what they measure into the graph.
    """
    edges = (group["bounding"] for group in workflow["groups"])
    scale = min(1, round(VIEW_WIDTH / max(x + width for x, _, width, _ in edges), 2))
    return {"scale": scale, "offset": [round(VIEW_LEFT / scale), round(VIEW_TOP / scale)]}


def laid_out(text: str) -> str:
    """The file of a workflow as it should be."""
    workflow = json.loads(text)
    before = ""
    # What has become even may be divided in another way.
    while (now := json.dumps(workflow)) != before:
        lay_out(workflow)
        before = now
    workflow.setdefault("extra", {})["ds"] = opening_view(workflow)
    return json.dumps(workflow, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Lay out the workflows, or only say which are not; the exit code."""
    differing = []
    for path in sorted((CHECKOUT / "workflows").glob("*.json")):
        text = path.read_text(encoding="utf-8")
        try:
            wanted = laid_out(text)
        except LayoutError as error:
            print(f"{path.name}: {error}")
            return 1
        if wanted != text:
            differing.append(path.name)
            if "--check" not in arguments:
                path.write_text(wanted, encoding="utf-8", newline="\n")
    if not differing:
        print("All workflows are laid out.")
        return 0
    print(f"{'Not laid out' if '--check' in arguments else 'Laid out now'}: {', '.join(differing)}")
    return int("--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
