"""Makes the pictures for Templates: ``python -m tests.support.workflow_pictures [--no-run] [NAME ...]``.

The demo world's workflows are run, unless --no-run is given. Those that write one report are shown by its picture:
before and after, with the claims; others by two of their judged pictures. What cannot be run here is shown as a graph.
Needs what the browser tests need.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.support.comfy.browser import ComfyPage, launch
from tests.support.judged_pictures import COLUMNS, judged_picture
from tests.support.paths import CHECKOUT
from xlard.comfy_server.server import ComfyServer
from xlard.quickstart.browser import find_browser
from xlard.quickstart.comfyui import find_comfyui

WIDTH = 800
LARGEST = 80_000
"""Bytes of a picture."""

TOO_LONG = ("demo_train",)
"""Trains for ten minutes: shown before it has run."""

MARGIN = 20
QUIET = {
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Workflow.ShowMissingNodesWarning": False,
    "Comfy.Minimap.Visible": False,
    "Comfy.Graph.CanvasMenu": False,
    "Comfy.Graph.CanvasInfo": False,
    "Comfy.VueNodes.Enabled": False,
}
TOGGLE_MENUS = "() => window.app.extensionManager.command.execute('Workspace.ToggleFocusMode')"
REPORTS = """() => window.app.graph._nodes.filter(node => node.type === 'XLARDReport')
    .map(node => `/view?${new URLSearchParams(window.app.nodeOutputs[node.id].images[0])}`)"""
BOUNDS = "() => window.app.graph._groups.map(group => [...group.pos, ...group.size])"
# What this ComfyUI lacks, it marks red: files, and nodes of newer releases.
SHOW = """([x, y]) => {
    window.app.graph._nodes.forEach(node => { node.has_errors = false; });
    Object.assign(window.app.canvas.ds, {scale: 1, offset: [x, y]});
    window.app.canvas.setDirty(true, true);
}"""


def picture_of(page: ComfyPage) -> Image.Image:
    """The loaded workflow, one pixel a unit."""
    groups = page.page.evaluate(BOUNDS)
    width = max(x + wide for x, _, wide, _ in groups) + 2 * MARGIN
    height = max(y + high for _, y, _, high in groups) + 2 * MARGIN
    page.page.set_viewport_size({"width": int(width), "height": int(height)})
    page.page.evaluate(TOGGLE_MENUS)
    page.page.evaluate(SHOW, [MARGIN, MARGIN])
    page.page.wait_for_timeout(3000)
    # The page itself may have moved the view since.
    page.page.evaluate(SHOW, [MARGIN, MARGIN])
    page.page.wait_for_timeout(1000)
    picture = Image.open(io.BytesIO(page.page.screenshot())).convert("RGB")
    page.page.evaluate(TOGGLE_MENUS)
    return picture


def report_of(page: ComfyPage) -> Image.Image | None:
    """The picture of the report that the loaded workflow wrote in its run; None without one, and with several."""
    files = page.page.evaluate(REPORTS)
    if len(files) != 1:
        return None
    return Image.open(io.BytesIO(page.page.request.get(page.url + files[0]).body())).convert("RGB")


def save(picture: Image.Image, path: Path) -> None:
    """Save at the width that Templates needs, as good as the limit of bytes allows."""
    small = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
    for quality in range(90, 30, -5):
        small.save(path, quality=quality, optimize=True)
        if path.stat().st_size < LARGEST:
            return
    raise ValueError(f"{path.name} has {path.stat().st_size} bytes, over {LARGEST}. Make the workflow smaller.")


def main(arguments: list[str]) -> None:
    """Take the pictures of the workflows of these names, or of all."""
    running = "--no-run" not in arguments
    names = [argument for argument in arguments if argument != "--no-run"]
    comfyui, browser = find_comfyui(), find_browser()
    if comfyui is None or browser is None:
        raise SystemExit("ComfyUI or a browser is missing. Run `python3 -m xlard.quickstart test` once.")
    with (
        ComfyServer(comfyui, pack=CHECKOUT, settings=QUIET, variables={"OMP_NUM_THREADS": "1"}) as server,
        sync_playwright() as playwright,
    ):
        page = ComfyPage(launch(playwright, browser), server.url)
        for path in sorted((CHECKOUT / "workflows").glob("*.json")):
            if names and path.stem not in names:
                continue
            page.load(path)
            result = None
            if running and path.stem.startswith("demo_") and path.stem not in TOO_LONG and not page.missing_nodes():
                page.queue()
                page.wait_for_outputs(3600)
                # Nodes hear of their outputs a little later.
                page.page.wait_for_timeout(2000)
                result = judged_picture(page, COLUMNS[path.stem]) if path.stem in COLUMNS else report_of(page)
            save(result or picture_of(page), path.with_suffix(".jpg"))
            print(path.stem, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
