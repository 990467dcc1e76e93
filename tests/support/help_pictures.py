"""Takes the pictures of the help pages: ``python -m tests.support.help_pictures [NODE ...]``.

Each node is shown as it stands in a shipped workflow, with what is near it. The demo world's workflows come first, and
are run, but for the training, which takes long. Needs what the browser tests need.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.support.comfy.browser import ComfyPage, launch
from tests.support.paths import CHECKOUT
from tests.support.workflow_layout import TITLE
from tests.support.workflow_pictures import QUIET, SHOW, TOGGLE_MENUS, TOO_LONG
from xlard.comfy_server.server import ComfyServer
from xlard.quickstart.browser import find_browser
from xlard.quickstart.comfyui import find_comfyui

FOLDER = CHECKOUT / "web" / "docs" / "pictures"

OWN = {"XLARDSelfCorrect": ("demo_things", FOLDER.parent / "guides" / "self_correct.jpg")}
"""Nodes that are shown in a certain workflow, and where their pictures belong."""

AROUND = 40
"""Units around a node that its picture shows."""

LARGEST = 40_000
"""Bytes of a picture."""

# Nodes that the workflow leaves out are faded: here they are on.
BOX = """kind => {
    const node = window.app.graph._nodes.find(node => node.type === kind)
    node.mode = 0
    return [...node.pos, ...node.size]
}"""


def workflow_of(kind: str) -> Path:
    """The first shipped workflow with a node of this class, one of the demo world's if there is any; or its own."""
    if kind in OWN:
        return CHECKOUT / "workflows" / f"{OWN[kind][0]}.json"

    def place(path: Path) -> tuple[bool, bool, Path]:
        # Comparisons draw many pictures.
        return not path.stem.startswith("demo_"), "compare" in path.stem, path

    paths = sorted((CHECKOUT / "workflows").glob("*.json"), key=place)
    return next(path for path in paths if f'"type": "{kind}"' in json.dumps(json.loads(path.read_text("utf-8"))))


def picture_of(page: ComfyPage, kind: str) -> Image.Image:
    """A node of the loaded workflow, one pixel a unit."""
    x, y, width, height = page.page.evaluate(BOX, kind)
    page.page.set_viewport_size({"width": int(width) + 2 * AROUND, "height": int(height) + TITLE + 2 * AROUND})
    page.page.evaluate(SHOW, [AROUND - x, AROUND + TITLE - y])
    page.page.wait_for_timeout(1500)
    return Image.open(io.BytesIO(page.page.screenshot())).convert("RGB")


def save(picture: Image.Image, path: Path) -> None:
    """Save as good as the limit of bytes allows."""
    for quality in range(90, 30, -5):
        picture.save(path, quality=quality, optimize=True)
        if path.stat().st_size < LARGEST:
            return
    raise ValueError(f"{path.name} has {path.stat().st_size} bytes, over {LARGEST}.")


def main(kinds: list[str]) -> None:
    """Take the pictures of these nodes, or of all."""
    comfyui, browser = find_comfyui(), find_browser()
    if comfyui is None or browser is None:
        raise SystemExit("ComfyUI or a browser is missing. Run `python3 -m xlard.quickstart test` once.")
    FOLDER.mkdir(exist_ok=True)
    kinds = kinds or sorted(path.stem for path in FOLDER.parent.glob("XLARD*.md"))
    with (
        ComfyServer(comfyui, pack=CHECKOUT, settings=QUIET, variables={"OMP_NUM_THREADS": "1"}) as server,
        sync_playwright() as playwright,
    ):
        page = ComfyPage(launch(playwright, browser), server.url)
        for path in sorted({workflow_of(kind) for kind in kinds}):
            page.load(path)
            if path.stem.startswith("demo_") and path.stem not in TOO_LONG and not page.missing_nodes():
                page.queue()
                page.wait_for_outputs(3600)
            page.page.evaluate(TOGGLE_MENUS)
            for kind in kinds:
                if workflow_of(kind) == path:
                    save(picture_of(page, kind), OWN[kind][1] if kind in OWN else FOLDER / f"{kind}.jpg")
                    print(kind, flush=True)
            page.page.evaluate(TOGGLE_MENUS)


if __name__ == "__main__":
    main(sys.argv[1:])
