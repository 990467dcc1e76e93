"""Where the page draws nodes and groups, in classic and in Nodes 2.0."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.comfy.browser import ComfyPage
from tests.support.workflow_layout import TITLE

# Classic nodes are painted: only the graph knows where. Theirs are places and sizes without titles.
CLASSIC = """title => window.app.graph._nodes.map(({ id, type, pos, size }) =>
    [`${type} (${id})`, pos[0], pos[1] - title, size[0], size[1] + title])"""
VUE = """() => window.app.graph._nodes.map(({ id, type }) => {
    const element = document.querySelector(`.lg-node[data-node-id="${id}"]`)
    if (!element) return [`${type} (${id})`]
    const { e, f } = new DOMMatrix(getComputedStyle(element).transform)
    return [`${type} (${id})`, e, f, element.offsetWidth, element.offsetHeight]
})"""
GROUPS = "() => window.app.graph._groups.map(({ title, pos, size }) => [title, ...pos, ...size])"
SETTLE, STEP = 10_000, 300
"""Milliseconds that nodes may take until they are drawn, and between two looks."""

LEAST_GAP = 20
"""Units that stay free between two nodes."""


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
    page.page.wait_for_timeout(1000)


def drawn_boxes(page: ComfyPage) -> tuple[list[Box], list[Box]]:
    """The nodes and the groups of a workflow that was just loaded, where they are drawn.

    Early front ends draw Nodes 2.0 with all distances a fifth larger. Raises TimeoutError for nodes that do not come
    to rest.
    """
    vue = page.page.evaluate("() => window.app.extensionManager.setting.get('Comfy.VueNodes.Enabled')")
    drawn: list = []
    for _ in range(SETTLE // STEP):
        before, drawn = drawn, page.page.evaluate(VUE if vue else CLASSIC, TITLE)
        if drawn == before and all(len(node) == 5 for node in drawn):
            return [Box(*node) for node in drawn], [Box(*group) for group in page.page.evaluate(GROUPS)]
        page.page.wait_for_timeout(STEP)
    raise TimeoutError(f"Nodes still move after {SETTLE} ms: {drawn}")


def too_close(boxes: list[Box]) -> list[str]:
    """Pairs of boxes with less than the least gap between them, as lines to read."""
    return [
        f"{one.name} and {other.name}: {max(across, down):.0f}"
        for index, one in enumerate(boxes)
        for other in boxes[index + 1 :]
        for across, down in [one.gaps(other)]
        if max(across, down) < LEAST_GAP - 1
    ]
