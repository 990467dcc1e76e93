"""Where the page draws nodes and groups, in classic and in Nodes 2.0."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.comfy.browser import ComfyPage
from tests.support.workflow_layout import TITLE

# Classic nodes are painted: only the graph knows their sizes, and without titles.
CLASSIC = "() => window.app.graph._nodes.map(({id, size}) => [String(id), size[0], size[1] + TITLE])"
VUE = """() => [...document.querySelectorAll('.lg-node[data-node-id]')].map(
    element => [element.dataset.nodeId, element.offsetWidth, element.offsetHeight])"""
GROUP_WIDTH = "() => window.app.graph._groups[0].size[0]"
SETTLE = 1500


@dataclass(frozen=True)
class Box:
    """A rectangle in units of the graph, a node's with its title."""

    name: str
    x: float
    y: float
    width: float
    height: float

    def gaps(self, other: Box) -> tuple[float, float]:
        """The free space between two boxes, across and down; negative where they overlap."""
        return (
            max(other.x - self.x - self.width, self.x - other.x - other.width),
            max(other.y - self.y - self.height, self.y - other.y - other.height),
        )

    def encloses(self, other: Box) -> bool:
        """Whether all of another box lies in this one."""
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.x + other.width <= self.x + self.width
            and other.y + other.height <= self.y + self.height
        )


def set_vue_nodes(page: ComfyPage, on: bool) -> None:
    """Choose Nodes 2.0, or classic ones. Workflows that are open may be scaled: load them afterwards."""
    page.use_vue_nodes(on)
    page.page.wait_for_timeout(SETTLE)


def drawn_boxes(page: ComfyPage, saved: dict) -> tuple[list[Box], list[Box]]:
    """The nodes and the groups of a loaded workflow: as large as they are drawn, where its file has them.

    Early front ends draw Nodes 2.0 with all distances a fifth larger. Where they draw them cannot be asked: the
    first ones move nodes while the page zooms.
    """
    page.page.evaluate("() => window.app.extensionManager.command.execute('Comfy.Canvas.FitView')")
    page.page.wait_for_timeout(SETTLE)
    vue = page.page.locator(".lg-node").count()
    sizes = {name: size for name, *size in page.page.evaluate(VUE if vue else CLASSIC.replace("TITLE", str(TITLE)))}
    spread = page.page.evaluate(GROUP_WIDTH) / saved["groups"][0]["bounding"][2]
    nodes = [
        Box(
            f"{node['type']} ({node['id']})",
            node["pos"][0] * spread,
            node["pos"][1] * spread - TITLE,
            *sizes[str(node["id"])],
        )
        for node in saved["nodes"]
    ]
    groups = [Box(group["title"], *(side * spread for side in group["bounding"])) for group in saved["groups"]]
    return nodes, groups
