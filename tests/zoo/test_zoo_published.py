"""Families at the width of the published models, detected by ComfyUI without help: ``python -m pytest -m big
tests/zoo/test_zoo_published.py``.

The files take 7 GB in the user's cache folder, and the largest model as much memory while it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.support.graphs import error, pictures, shown, text
from tests.support.zoo.families import PUBLISHED, SMALL, Family
from tests.support.zoo.graphs import RIGHT, changed, guided, latents, self_correct, with_critic, with_modules, zoo_graph
from tests.support.zoo.server import ZooServer, make_ready, zoo_server
from xlard.models.corrector import relative_norm

pytestmark = pytest.mark.big

PROMPT = "a red circle and a blue square"
SIZE = {"width": 64, "height": 72}


@pytest.fixture(scope="module", params=PUBLISHED.values(), ids=list(PUBLISHED))
def family(request) -> Family:
    """One after the other."""
    return request.param


@pytest.fixture(scope="module")
def comfy(family) -> Iterator[ZooServer]:
    """A server for one family, so that its memory is given back."""
    make_ready([family])
    with zoo_server() as server:
        yield server


def published_graph(family: Family) -> dict:
    """A family drawing in one step; what would not fit in single precision is kept in eight bits."""
    weights = "fp8_e4m3fn" if family.eight_bits else "default"
    return zoo_graph(family, PROMPT, weights=weights, **SIZE, cfg=1.0, steps=1)


def test_it_is_guided(comfy, family):
    graph = with_modules(comfy, published_graph(family), family)
    for name, strength in (("guided", 1.0), ("off", 0.0)):
        graph[name] = guided(graph, strength=strength)
        graph[f"with_{name}"] = changed(graph["drawn"], model=[name, 0])
    samples = latents(comfy, graph, "drawn", "with_guided", "with_off")
    assert torch.equal(samples["drawn"], samples["with_off"])
    assert relative_norm(samples["with_guided"] - samples["drawn"], samples["drawn"]) > 0.01


def test_it_is_judged_and_redrawn_where_it_is_wrong(comfy, family, server):
    graph = with_critic(published_graph(family), server.url)
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["critic", 0], "prompt": RIGHT},
    }
    graph["loop"] = self_correct(graph, family, PROMPT, rearrange=False)
    graph["rounds"] = {"class_type": "ZooRounds", "inputs": {"state": ["loop", 3]}}
    samples = latents(
        comfy, shown(graph, passed=("critique", 5)), "drawn", "loop", rounds=("rounds", 0), regions=("rounds", 1)
    )
    assert torch.equal(samples["drawn"], samples["loop"])
    (first, second), kept = samples["rounds"], ~samples["regions"][1, 0].bool()
    assert torch.equal(first[:, kept], second[:, kept]) and not torch.equal(first, second)
    assert pictures(comfy, graph, "decoded").shape == (1, SIZE["height"], SIZE["width"], 3)
    assert text(comfy.run(graph), "passed") == "True"


def test_its_latent_is_corrected(comfy, family):
    graph = with_modules(comfy, published_graph(family), family)
    graph["by_corrector"] = {
        "class_type": "XLARDCorrectLatent",
        "inputs": {
            "latent": ["drawn", 0],
            "positive": ["positive", 0],
            "corrector": ["corrector", 0],
            "strength": 1.0,
            "sigma": 0.0,
        },
    }
    graph["by_both"] = changed(graph["by_corrector"], head=["head", 0], gradient_steps=1)
    graph["off"] = changed(graph["by_both"], strength=0.0)
    samples = latents(comfy, graph, "drawn", "by_corrector", "by_both", "off")
    assert torch.equal(samples["drawn"], samples["off"])
    changes = {
        name: relative_norm(samples[name] - samples["drawn"], samples["drawn"]).item()
        for name in ("by_corrector", "by_both")
    }
    # With a head, only what it likes better then is changed.
    assert 0.01 < changes["by_corrector"] < 0.3001 and (changes["by_both"] == 0 or 0.01 < changes["by_both"] < 0.3001)


LIKE = {"sd15_full": SMALL["sd2"], "lumina2_full": PUBLISHED["z_image_full"], "z_image_full": PUBLISHED["lumina2_full"]}
"""Families by others whose latents are the same; a model of any other family is refused as well."""


def test_modules_of_another_family_are_refused_with_both_names(comfy, family):
    other = LIKE.get(family.name, SMALL["wan"])
    graph = with_modules(comfy, published_graph(family), other)
    graph["guided"] = guided(graph)
    graph["shown"] = {"class_type": "SaveLatent", "inputs": {"samples": ["with_guide", 0], "filename_prefix": "zoo"}}
    graph["with_guide"] = changed(graph["drawn"], model=["guided", 0])
    assert (
        f"trained for {other.family_name} models ({other.name} of a test); this one is {family.family_name}"
        in error(comfy, graph)
    )
