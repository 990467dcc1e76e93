"""Fixtures shared by all tests: a real ComfyUI server with the pack, and its page in a real browser."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chat_server import ChatServer
from tests.support.paths import CHECKOUT
from xlard.comfy_server.server import ComfyServer
from xlard.comfy_server.workflow import NOTES
from xlard.quickstart.comfyui import find_comfyui

WORKFLOWS = sorted((CHECKOUT / "workflows").glob("*.json"))

# Downloads are never part of a test.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Tensors of tests are small, and two files run at once: threads that wait for each other would take both cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SUITES = ("big", "faults", "browser", "comfy", "model", "unit")
"""Markers that tests are chosen by. Where several hold, the first one counts."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test exactly one marker of SUITES."""
    suites = [_suite(item) for item in items]
    for item, suite in zip(items, suites):
        for node in item.listchain():
            node.own_markers = [mark for mark in node.own_markers if mark.name not in SUITES]
        item.add_marker(suite)


def _suite(item: pytest.Item) -> str:
    """By the test's markers, its module's, and what its fixtures say that they are."""
    fitting = {mark.name for mark in item.iter_markers()}
    fixtures = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    if "comfy_page" in fixtures:
        fitting.add("browser")
    kinds = [
        str(fixture.func.__annotations__.get("return")) for same_name in fixtures.values() for fixture in same_name
    ]
    if any("ComfyServer" in kind or "ZooServer" in kind for kind in kinds):
        fitting.add("comfy")
    return next((suite for suite in SUITES if suite in fitting), "unit")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument `workflow` runs once for each shipped workflow."""
    if "workflow" in metafunc.fixturenames:
        metafunc.parametrize("workflow", WORKFLOWS, ids=[path.stem for path in WORKFLOWS])


@pytest.fixture(scope="session")
def comfy() -> Iterator[ComfyServer]:
    """A running ComfyUI (COMFYUI_PATH, or the cached copy) with this checkout as its only pack."""
    folder = find_comfyui()
    if folder is None:
        pytest.fail("No ComfyUI: run `python3 -m xlard.quickstart test`, or set COMFYUI_PATH to a checkout of it.")
    # The demo world's tensors are small: on few cores, more threads only get in each other's way.
    with ComfyServer(folder, pack=CHECKOUT, variables={"OMP_NUM_THREADS": "1"}) as server:
        yield server


def skip_on_older(comfy: ComfyServer, path: Path) -> None:
    """Skip the test where a workflow needs a newer ComfyUI, for nodes that this one does not have."""
    saved = json.loads(path.read_text(encoding="utf-8"))
    needed = saved["extra"].get("xlard", {}).get("needs_comfyui", "0")
    running = comfy.get_json("/system_stats")["system"]["comfyui_version"]
    lacking = sorted({node["type"] for node in saved["nodes"]} - comfy.object_info().keys() - NOTES)
    if lacking and [int(part) for part in needed.split(".")] > [int(part) for part in running.split(".")]:
        pytest.skip(f"{path.stem} needs ComfyUI {needed}: {running} has no {', '.join(lacking)}.")


@pytest.fixture(scope="session")
def zoo() -> Iterator[ComfyServer]:
    """A running ComfyUI that lists model families of random weights; tests make ready those that they want."""
    from tests.support.zoo.server import zoo_server

    with zoo_server() as server:
        yield server


@pytest.fixture(scope="module")
def comfy_page(comfy: ComfyServer) -> Iterator:
    """The server's page in a headless browser.

    Ends with its module: while the browser's driver runs, other code cannot call asyncio.run in this thread.
    """
    from playwright.sync_api import sync_playwright

    from tests.support.comfy.browser import ComfyPage, launch
    from xlard.quickstart.browser import MISSING, find_browser

    executable = find_browser()
    if executable is None:
        pytest.fail(MISSING)
    with sync_playwright() as playwright:
        browser = launch(playwright, executable)
        yield ComfyPage(browser, comfy.url)
        browser.close()


@pytest.fixture(scope="module")
def stand_in() -> Iterator[ChatServer]:
    """A chat server that misbehaves as told."""
    with ChatServer() as running:
        yield running


@pytest.fixture
def server(stand_in: ChatServer) -> ChatServer:
    """The stand-in without memory of earlier tests."""
    stand_in.forget()
    return stand_in
