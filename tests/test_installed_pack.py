"""What Comfy's registry installs: the tracked files without those of .comfyignore."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.imports import imports_of, modules
from tests.support.paths import CHECKOUT
from xlard.comfy_server.server import ComfyServer
from xlard.comfy_server.workflow import workflow_to_api
from xlard.quickstart.comfyui import find_comfyui


@cache
def tracked(*patterns: str) -> set[str]:
    """Git's files in the checkout; with ``patterns``, those that git's options for patterns select."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", *patterns], cwd=CHECKOUT, capture_output=True, text=True, check=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("Not a git checkout: nothing says which files belong to the pack.")
    return {name for name in listed.stdout.split("\0") if name and (CHECKOUT / name).is_file()}


def installed() -> set[str]:
    """The files of an installed pack."""
    return tracked() - tracked("--ignored", "--exclude-from=.comfyignore")


def megabytes(names: set[str]) -> float:
    return sum((CHECKOUT / name).stat().st_size for name in names) / 1e6


@pytest.fixture(scope="module")
def installed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """A ComfyUI whose only pack is an installed one."""
    pack: Path = tmp_path_factory.mktemp("installed") / "xlard"
    for name in installed():
        target = pack / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / name, target)
    folder = find_comfyui()
    if folder is None:
        pytest.fail("No ComfyUI: run `python3 -m xlard.quickstart test`, or set COMFYUI_PATH to a checkout of it.")
    with ComfyServer(folder, pack=pack, variables={"OMP_NUM_THREADS": "1"}) as server:
        yield server


def test_nothing_that_the_nodes_import_is_left_out() -> None:
    """Imports in functions count, too."""
    names = installed()
    reached: set[str] = set()
    waiting = [name for name in modules() if name.split(".")[0] == "nodes"]
    while waiting:
        name = waiting.pop()
        if name in modules() and name not in reached:
            reached.add(name)
            waiting += [name.rpartition(".")[0], *(arrow.target for arrow in imports_of(name) if arrow.ours)]
    files = {modules()[name].relative_to(CHECKOUT).as_posix() for name in reached}
    # What git does not know yet is neither installed nor left out.
    assert not (files & tracked()) - names


def test_what_only_developers_need_is_left_out() -> None:
    folders = {name.rpartition("/")[0] for name in installed()}
    assert not {name for name in folders if name.startswith(("tests", "xlard/bench", "xlard/quickstart", ".github"))}


def test_an_installed_pack_has_all_nodes_and_runs_the_demo(comfy: ComfyServer, installed_server: ComfyServer) -> None:
    print(f"\nAn installed pack has {megabytes(installed()):.1f} MB, the repository {megabytes(tracked()):.1f} MB.")
    nodes = installed_server.object_info()
    assert sorted(nodes) == sorted(comfy.object_info()), installed_server.log_tail()
    saved = json.loads((CHECKOUT / "workflows" / "demo_self_correct.json").read_text(encoding="utf-8"))
    result = installed_server.run(workflow_to_api(saved, nodes))
    assert (result.status, result.node_errors) == ("success", {})
