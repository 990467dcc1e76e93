"""Starts ComfyUI with other packs, with and without ours, and checks that neither harms the other.

python -m tests.support.beside FOLDER

FOLDER gets rgthree, Impact, KJNodes, easy-use and QwenVL from GitHub where it lacks them, and an environment with what
they need, which lies over that of this interpreter. ``--as-is`` takes the packs that are there, and fetches nothing.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.support.beside.jobs import THEIRS, heard, of_defaults, sampled
from tests.support.beside.packs import PACKS, ServerWithPacks, fetch, folder_python, packs_in
from tests.support.comfy.browser import ComfyPage, launch
from tests.support.demo_jobs import demo_job
from tests.support.graphs import demo_graph, pixels
from tests.support.paths import CHECKOUT
from xlard.comfy_server.server import ComfyServer
from xlard.quickstart.browser import MISSING, find_browser

OURS = "xlard"
Check = tuple[bool, str]
"""Whether something holds, and what."""


def nodes_of(server: ComfyServer) -> Counter[str]:
    """How many nodes each pack has in a server."""
    modules = (info["python_module"].split(".") for info in server.object_info().values())
    return Counter(parts[1] for parts in modules if parts[0] == "custom_nodes")


def loaded(alone: ComfyServer, together: ComfyServer, packs: Sequence[Path]) -> Iterator[Check]:
    """Check that every pack has nodes, and beside ours as many as without it."""
    before, after = nodes_of(alone), nodes_of(together)
    for pack in packs:
        yield 0 < before[pack.name] == after[pack.name], f"{pack.name} has {after[pack.name]} nodes"
    yield after[OURS] > 0, f"ours has {after[OURS]} nodes"
    failed = re.findall(r"\(IMPORT FAILED\): (\S+)", together.log())
    yield not failed, f"imports that failed: {', '.join(failed) or 'none'}"


def undisturbed(alone: ComfyServer, together: ComfyServer) -> Iterator[Check]:
    """Check that a client hears of a job of KSampler the same with our pack as without, whatever ran before."""
    without, beside = heard(alone, sampled()), heard(together, sampled())
    pictures = sum(event[0] == "picture" for event in without)
    steps = sum(event[0] == "progress" for event in without)
    said = f"{steps} steps and {pictures} previews of a KSampler job"
    yield pictures > 0 and without == beside, f"{said} are the same with our pack"
    together.run(demo_job(together, "demo_self_correct", 2))
    # Nothing of the job may be left in the cache there either.
    alone.run(of_defaults("EmptyImage", alone.object_info()["EmptyImage"]))
    yield heard(alone, sampled(2)) == heard(together, sampled(2)), f"{said} are the same after a loop of ours"


def theirs(alone: ComfyServer, together: ComfyServer) -> Iterator[Check]:
    """Check that nodes of other packs give beside ours what they give without it."""
    info = alone.object_info()
    for kind in (kind for kinds in THEIRS.values() for kind in kinds if kind in info):
        job = of_defaults(kind, info[kind])
        without, beside = alone.run(job), together.run(job)
        same = (without.status, _texts(without)) == (beside.status, _texts(beside))
        yield same and without.status == "success", f"{kind} ends with {beside.status}, {without.status} without ours"


def _texts(result) -> object:
    return result.outputs.get("shown", {}).get("text")


def ours(together: ComfyServer) -> Iterator[Check]:
    """Check that our demo workflows run beside other packs."""
    for path in sorted((CHECKOUT / "workflows").glob("demo_*.json")):
        job = demo_job(together, path.stem, 1)
        if job is not None:
            result = together.run(job)
            said = result.error["exception_message"].strip() if result.error else result.status
            yield result.status == "success" and not result.node_errors, f"{path.stem} ends with {said}"
    yield "Traceback" not in _since_start(together.log()), "no traceback while jobs ran"


def _since_start(log: str) -> str:
    return log.split("To see the GUI go to", 1)[-1]


def mixed(together: ComfyServer) -> Iterator[Check]:
    """Check that samplers of other packs draw with our MODEL what KSampler does."""
    if "ImpactKSamplerBasicPipe" not in together.object_info():
        return
    graph = demo_graph()
    plain = pixels(together, graph, "decoded")
    parts = {"model": ["world", 0], "clip": ["world", 1], "vae": ["world", 2]}
    conditioning = {"positive": ["positive", 0], "negative": ["negative", 0]}
    graph["pipe"] = {"class_type": "ToBasicPipe", "inputs": {**parts, **conditioning}}
    drawn = graph["drawn"]["inputs"]
    kept = {name: drawn[name] for name in drawn if name not in ("model", "positive", "negative")}
    graph["drawn"] = {"class_type": "ImpactKSamplerBasicPipe", "inputs": {**kept, "basic_pipe": ["pipe", 0]}}
    graph["decoded"]["inputs"]["samples"] = ["drawn", 1]
    # Its own way of making sigmas rounds otherwise on some releases.
    apart = int(np.abs(plain.astype(int) - pixels(together, graph, "decoded").astype(int)).max())
    yield apart <= 1, f"Impact's sampler draws KSampler's picture, of 255 no value is further off than {apart}"


def on_the_page(together: ComfyServer) -> Iterator[Check]:
    """Check that the page with all packs' front ends loads our demo and runs it, classic and in Nodes 2.0."""
    from playwright.sync_api import sync_playwright

    executable = find_browser()
    if executable is None:
        print(f"     not tried: the page. {MISSING}")
        return
    with sync_playwright() as playwright:
        browser = launch(playwright, executable)
        page = ComfyPage(browser, together.url)
        for vue in (False, True):
            page.use_vue_nodes(vue)
            page.load(CHECKOUT / "workflows" / "demo_self_correct.json")
            missing = page.missing_nodes()
            page.queue()
            shown = page.wait_for_outputs()
            picture = page.screenshot(f"beside_{'nodes_2' if vue else 'classic'}")
            held = bool(shown) and not missing and not page.our_errors()
            kind = "Nodes 2.0" if vue else "the classic page"
            yield held, f"our demo runs on {kind}; errors of ours: {page.our_errors()}; see {picture.name}"
        browser.close()


def main() -> int:
    """Run the checks and print what each says; 1 if one does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.beside", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, help="where the packs lie, or are put")
    parser.add_argument("--as-is", action="store_true", help="fetch nothing: the packs that are there")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if not options.as_is:
        fetch(options.folder)
    packs, python = packs_in(options.folder), folder_python(options.folder)
    python = python if python.exists() else Path(sys.executable)
    missing = sorted(PACKS.keys() - {pack.name for pack in packs})
    print(f"Packs: {', '.join(pack.name for pack in packs)}. Missing: {', '.join(missing) or 'none'}.", flush=True)
    with ServerWithPacks(packs, False, python) as alone, ServerWithPacks(packs, True, python) as together:
        held = True
        for check in (
            *(loaded(alone, together, packs), undisturbed(alone, together), theirs(alone, together)),
            *(ours(together), mixed(together), on_the_page(together)),
        ):
            for holds, what in check:
                print(f"{'ok  ' if holds else 'FAIL'} {what}", flush=True)
                held = held and holds
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
