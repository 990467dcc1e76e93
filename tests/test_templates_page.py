"""The script that says which of ComfyUI's templates the loop fits, on made-up ones, and the page that it wrote."""

from __future__ import annotations

import importlib.util
import re
import sys
from types import ModuleType

import pytest

from tests.support.paths import CHECKOUT


@pytest.fixture(scope="module")
def templates() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_templates", CHECKOUT / "docs" / "templates.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def workflow(*nodes: tuple[str, list, dict[str, tuple[int, int]]], in_subgraph: bool = False) -> dict:
    """A saved workflow of nodes with their widgets' values, and for each connected input a node's place and output."""
    saved, links = [], []
    for place, (kind, values, connected) in enumerate(nodes):
        inputs = []
        for name, (origin, slot) in connected.items():
            link = len(links)
            whole = {"id": link, "origin_id": origin, "origin_slot": slot, "target_id": place, "target_slot": 0}
            links.append(whole if in_subgraph else [link, origin, slot, place, 0, "*"])
            inputs.append({"name": name, "link": link})
        saved.append({"id": place, "type": kind, "mode": 0, "inputs": inputs, "widgets_values": values})
    graph = {"nodes": saved, "links": links}
    return {"nodes": [], "links": [], "definitions": {"subgraphs": [graph]}} if in_subgraph else graph


def ksampler(denoise: float) -> tuple[str, list, dict]:
    return "KSampler", [1, "fixed", 20, 4.0, "euler", "simple", denoise], {}


NOISE, GUIDER, SAMPLER = (("RandomNoise", [1], {}), ("BasicGuider", [], {}), ("KSamplerSelect", ["euler"], {}))
SCHEDULER, SPLIT = ("BasicScheduler", [], {}), ("SplitSigmas", [3], {"sigmas": (3, 0)})


def custom(sigmas: tuple[int, int], noise: int = 0, latent: int | None = None) -> tuple[str, list, dict]:
    places = {"noise": (noise, 0), "guider": (1, 0), "sampler": (2, 0), "sigmas": sigmas}
    places |= {} if latent is None else {"latent_image": (latent, 0)}
    return "SamplerCustomAdvanced", [], places


WIRED = (NOISE, GUIDER, SAMPLER, SCHEDULER)


@pytest.mark.parametrize("in_subgraph", [False, True])
@pytest.mark.parametrize(
    "nodes, fits, how",
    [
        ((ksampler(1),), True, "its settings as they are"),
        ((ksampler(0.4),), True, "its settings, and sigmas of Basic Scheduler with its denoise of 0.4"),
        ((*WIRED, custom((3, 0))), True, "sampler, sigmas, guider (BasicGuider)"),
        ((*WIRED, SPLIT, custom((4, 0))), False, "it draws a part of a schedule"),
        ((*WIRED, SPLIT, custom((4, 0)), custom((4, 1), latent=5)), True, "sampler, sigmas, second_model"),
        ((("DisableNoise", [], {}), *WIRED[1:], custom((3, 0))), False, "it adds no noise"),
        ((("KSamplerAdvanced", [], {}),), False, "it draws a part of a run"),
        ((("KSamplerAdvanced", [], {}), ("KSamplerAdvanced", [], {"latent_image": (0, 0)})), True, "second_model"),
        ((("WanImageToVideo", [720, 720, 5, 1], {}), (*ksampler(1)[:2], {"latent_image": (0, 2)})), False, "5 frames"),
    ],
)
def test_what_a_sampler_connects_decides(templates, nodes, fits, how, in_subgraph) -> None:
    found = templates.judged(workflow(*nodes, in_subgraph=in_subgraph))
    assert found.fits == fits and how in found.how


def test_of_samplers_in_a_row_the_last_counts(templates) -> None:
    upscaled = ("LatentUpscale", [], {"samples": (0, 0)})
    found = list(templates.verdicts(workflow(ksampler(1), upscaled, (*ksampler(0.5)[:2], {"latent_image": (1, 0)}))))
    assert [one.how for one in found] == ["its settings, and sigmas of Basic Scheduler with its denoise of 0.5"]


def test_what_is_switched_off_or_samples_nothing_has_no_verdict(templates) -> None:
    off = workflow(ksampler(1))
    off["nodes"][0]["mode"] = 4
    assert templates.judged(off) is None and templates.judged({}) is None


def test_the_page_counts_what_it_lists() -> None:
    page = (CHECKOUT / "docs" / "templates.md").read_text(encoding="utf-8")
    every, fitting = map(int, re.search(r"Of the (\d+) image templates .*?, (\d+) connect", page, re.S).groups())
    rows = [line for line in page.splitlines() if line.startswith("| ")][2:]
    assert (len(rows), sum("**not**" not in row for row in rows)) == (every, fitting)
