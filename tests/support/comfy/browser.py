"""Driving ComfyUI's own page in a headless browser."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

from tests.support.paths import ARTIFACTS

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

READY = "window.app?.graph && window.app.extensionManager?.spinner === false"
# Front ends after 1.32 name the button itself, earlier ones what surrounds it.
RUN_BUTTON = "button[data-testid=queue-button], [data-testid=queue-button] button"
LOAD = "async graph => { await window.app.loadGraphData(graph, true, true, null); }"
FIT = "() => window.app.extensionManager.command.execute('Comfy.Canvas.FitView')"
HEARD_OF = "Object.keys(window.app.nodeOutputs).length"
HISTORY = "async () => Object.values(await (await fetch('/history')).json())"
NODES = """() => window.app.graph._nodes.map(node => ({
    id: node.id, type: node.type, has_errors: !!node.has_errors,
    known: node.type in window.LiteGraph.registered_node_types,
}))"""


def launch(playwright: Playwright, executable: Path) -> Browser:
    """Start the browser at `executable` headless."""
    return playwright.chromium.launch(executable_path=str(executable), args=list(FLAGS))


RESTORED = "() => !window.app.extensionManager.workflow.activeWorkflow.changeTracker._restoringState"


class ComfyPage:
    """ComfyUI's page at `url`, with what it printed and what went wrong in it."""

    def __init__(self, browser: Browser, url: str):
        self.url = url
        self.page: Page = browser.new_page(viewport={"width": 1600, "height": 900})
        self.errors: list[str] = []
        self._queued_after = 0
        self.page.on("console", self._keep_console)
        self.page.on("pageerror", lambda error: self.errors.append(f"{error.message}\n{error.stack or ''}"))
        # The page asks for news and fonts from the internet; tests must not depend on the answer.
        self.page.route(lambda address: not address.startswith((url, "data:", "blob:")), lambda route: route.abort())
        # The page would otherwise start with a banner over the tool bar.
        self.page.add_init_script("localStorage.setItem('vueNodesBannerDismissed', 'true')")
        self.page.goto(url, timeout=300_000)
        self.page.wait_for_function(READY, timeout=300_000)

    def _keep_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def load(self, workflow: Path | dict, fit: bool = True) -> None:
        """Open a saved workflow as dropping its file on the page does, and show all of it, or the view in its file."""
        graph = json.loads(workflow.read_text(encoding="utf-8")) if isinstance(workflow, Path) else workflow
        self.page.evaluate(LOAD, graph)
        if fit:
            self.page.evaluate(FIT)

    def use_vue_nodes(self, wanted: bool) -> None:
        """Switch Nodes 2.0 on or off, where nodes are drawn as HTML."""
        self.page.evaluate(
            "wanted => window.app.extensionManager.setting.set('Comfy.VueNodes.Enabled', wanted)", wanted
        )
        self.page.wait_for_timeout(500)

    def missing_nodes(self) -> list[str]:
        """The types of the graph's nodes that no installed pack provides."""
        return [node["type"] for node in self.page.evaluate(NODES) if not node["known"]]

    def failed_nodes(self) -> list[str]:
        """The types of the graph's nodes that the page has marked with an error."""
        return [node["type"] for node in self.page.evaluate(NODES) if node["has_errors"]]

    def our_errors(self) -> list[str]:
        """Errors on the console that name xLARD or come from its front-end files."""
        ours = [error for error in self.errors if "xlard" in error.lower()]
        # The front end itself looks up every node's pack there, and is kept from it.
        return [error for error in ours if "https://api.comfy.org/comfy-nodes/" not in error]

    def api_prompt(self) -> dict:
        """The API-format prompt that the page itself makes of the loaded graph."""
        return self.page.evaluate("async () => (await window.app.graphToPrompt()).output")

    def set_widgets(self, values: Mapping[str, object]) -> None:
        """Give all widgets of the graph that have one of these names its value."""
        self.page.evaluate(
            """values => window.app.graph._nodes.flatMap(node => node.widgets ?? [])
                .filter(widget => widget.name in values).forEach(widget => { widget.value = values[widget.name] })""",
            dict(values),
        )

    def queue(self) -> None:
        """Press the Run button."""
        self._close_dialogs()
        self._queued_after = len(self.page.evaluate(HISTORY))
        self.page.locator(RUN_BUTTON).first.click()

    def _close_dialogs(self) -> None:
        """A workflow whose model files are missing opens a dialog, which would lie over those that are loaded after
        it.
        """
        for _ in range(10):
            if not self.page.locator(".p-dialog-mask").count():
                return
            self.page.keyboard.press("Escape")
            self.page.wait_for_timeout(500)

    def wait_for_end(self, timeout: float = 600.0) -> list[dict]:
        """Wait for the end of what `queue` started; returns all jobs of the history, this one last.

        Raises TimeoutError, and AssertionError if the job did not succeed.
        """
        end = time.monotonic() + timeout
        while len(finished := self.page.evaluate(HISTORY)) <= self._queued_after:
            if time.monotonic() > end:
                raise TimeoutError(f"The job did not end within {timeout:.0f} s. Errors on the console: {self.errors}")
            self.page.wait_for_timeout(200)
        assert finished[-1]["status"]["status_str"] == "success", finished[-1]["status"]["messages"]
        return finished

    def press_undo(self, keys: str) -> None:
        """Press the keys of an undo or a redo, and wait until the graph is back: what is pressed meanwhile is lost."""
        self.page.keyboard.press(keys)
        self.page.wait_for_timeout(300)
        self.page.wait_for_function(RESTORED)

    def wait_for_outputs(self, timeout: float = 600.0) -> dict:
        """Wait for the end of what `queue` started and return the outputs that the page shows, by node id.

        Raises TimeoutError, and AssertionError if the job did not succeed.
        """
        finished = self.wait_for_end(timeout)
        # The page hears of the outputs over its websocket, which may lag behind; of those of another tab it shows none.
        self.page.wait_for_function(f"{HEARD_OF} > 0", timeout=10_000)
        # Nor of the copies that a loop makes of its nodes.
        shown = [node for node in finished[-1]["outputs"] if "." not in node]
        lagging = time.monotonic() + 30
        while self.page.evaluate(HEARD_OF) < len(shown) and time.monotonic() < lagging:
            self.page.wait_for_timeout(100)
        self.page.wait_for_timeout(300)
        return self.page.evaluate("() => window.app.nodeOutputs")

    def screenshot(self, name: str) -> Path:
        """Keep a picture of the page as tests/artifacts/<name>.png, the graph fitted into the view."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.evaluate(FIT)
        self.page.wait_for_timeout(700)
        path = ARTIFACTS / f"{name}.png"
        self.page.screenshot(path=str(path))
        return path
