"""What nodes show of a run is still there after another tab was shown, and after the page was loaded again, in both of
ComfyUI's ways to draw nodes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.support.comfy.browser import READY, ComfyPage
from tests.support.paths import CHECKOUT

RUNS = itertools.count()
"""A node that has nothing new to do says nothing to the page: each run has other steps."""

COMMAND = "name => window.app.extensionManager.command.execute(name)"
SAID = """([card, batch]) => [
    ...[...document.querySelectorAll(card)].map(row => `${row.dataset.passed} ${row.textContent}`),
    ...[...document.querySelectorAll(`${batch} img`)].map(picture => picture.alt),
]"""
CARD, BATCH = ".xlard-card [data-passed]", ".xlard-batch [data-index]"


@pytest.fixture(params=["classic", "nodes-2"])
def drawn(comfy_page: ComfyPage, request: pytest.FixtureRequest) -> Iterator[ComfyPage]:
    """The page in both ways of drawing nodes, with a critique and a choice that have not run."""
    comfy_page.use_vue_nodes(request.param == "nodes-2")
    comfy_page.load(CHECKOUT / "workflows" / "demo_pick_best.json")
    yield comfy_page
    comfy_page.use_vue_nodes(False)


@pytest.fixture
def page(drawn: ComfyPage) -> ComfyPage:
    """The same after a quick run."""
    drawn.set_widgets({"steps": 3 + next(RUNS)})
    drawn.queue()
    drawn.wait_for_outputs()
    return drawn


def said(page: ComfyPage) -> list[str]:
    """The claims of the card with their verdicts, and the pictures to choose from."""
    for part in (CARD, BATCH):
        page.page.locator(part).first.wait_for(state="attached", timeout=20_000)
    return page.page.evaluate(SAID, [CARD, BATCH])


def test_results_are_there_after_a_tab_switch_and_after_the_page_is_loaded_again(page: ComfyPage):
    before = said(page)
    assert len(before) >= 12
    page.page.evaluate(COMMAND, "Comfy.NewBlankWorkflow")
    page.page.locator(".xlard-card").first.wait_for(state="detached", timeout=20_000)
    page.page.evaluate(COMMAND, "Workspace.PreviousOpenedWorkflow")
    assert said(page) == before
    # What is undone stays so. Two nodes that end far apart may be two steps.
    undone = 0
    while undone < 3 and page.page.locator(CARD).count():
        page.page.evaluate(COMMAND, "Comfy.Undo")
        page.page.wait_for_timeout(1000)
        undone += 1
    assert page.page.locator(CARD).count() == 0
    for _ in range(undone):
        page.page.evaluate(COMMAND, "Comfy.Redo")
    assert said(page) == before
    page.page.reload(timeout=300_000)
    page.page.wait_for_function(READY, timeout=300_000)
    assert said(page) == before
    assert page.our_errors() == []


@pytest.mark.parametrize("drawn", ["classic", pytest.param("nodes-2", marks=pytest.mark.big)], indirect=True)
def test_results_that_come_while_another_tab_is_shown_are_there_when_it_is_left(drawn: ComfyPage):
    page = drawn.page
    drawn.set_widgets({"steps": 29 + next(RUNS)})
    drawn.queue()
    page.wait_for_function("async () => (await (await fetch('/queue')).json()).queue_running.length > 0")
    page.evaluate(COMMAND, "Comfy.NewBlankWorkflow")
    drawn.wait_for_end()
    page.evaluate(COMMAND, "Workspace.PreviousOpenedWorkflow")
    assert len(said(drawn)) >= 12
    assert drawn.our_errors() == []
