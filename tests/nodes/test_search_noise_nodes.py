"""xLARD Search Noise: noise that a head expects more of, for SamplerCustomAdvanced and for KSampler."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.support.graphs import BAD_LATENTS, PROMPT, demo_graph, error, load_latent, shown, text
from tests.support.guide_graphs import latents, sampling, save_lora
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer
from xlard.models.head import HeadConfig, RewardHead
from xlard.worlds.shapes.architecture import CONTEXT_WIDTH

SEED = 5
"""That of the KSampler in ``demo_graph``."""


def search_graph(batch: int = 1, **settings) -> dict:
    """The demo world with a search at node found, KSampler on its model and SamplerCustomAdvanced on its noise."""
    graph = demo_graph(batch)
    graph["found"] = {
        "class_type": "XLARDSearchNoise",
        "inputs": {
            "model": ["world", 0],
            "positive": ["positive", 0],
            "negative": ["negative", 0],
            "head": ["world", 4],
            "latent_image": ["empty", 0],
            "seed": SEED,
            "cfg": 4.0,
            "search_steps": 3,
            "step_length": 0.05,
            "trust_region": 0.5,
            **settings,
        },
    }
    graph["by_model"] = sampling(graph, "drawn", model=["found", 1])
    return shown(graph, report=("found", 2), nfe=("found", 3))


def with_custom_sampling(graph: dict) -> dict:
    """The graph with SamplerCustomAdvanced at node by_noise, which draws as its KSampler does."""
    settings = {"model": ["world", 0], "positive": ["positive", 0], "negative": ["negative", 0], "cfg": 4.0}
    graph["guider"] = {"class_type": "CFGGuider", "inputs": settings}
    graph["euler"] = {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}}
    schedule = {"model": ["world", 0], "scheduler": "simple", "steps": 4, "denoise": 1.0}
    graph["sigmas"] = {"class_type": "BasicScheduler", "inputs": schedule}
    graph["by_noise"] = {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["found", 0],
            "guider": ["guider", 0],
            "sampler": ["euler", 0],
            "sigmas": ["sigmas", 0],
            "latent_image": ["empty", 0],
        },
    }
    return graph


def expected(report: str) -> list[tuple[float, float]]:
    """What the head expects of each picture before and after, by a report."""
    lines = [line.split("expects ")[1].split(",")[0] for line in report.splitlines() if "expects" in line]
    return [(float(before), float(after)) for before, after in (line.split(" -> ") for line in lines)]


def test_the_head_expects_more_and_both_samplers_draw_the_same(comfy):
    graph = with_custom_sampling(search_graph(batch=2))
    samples = latents(comfy, graph, "drawn", "by_model", "by_noise")
    assert torch.equal(samples["by_model"], samples["by_noise"])
    assert (samples["by_model"] != samples["drawn"]).flatten(1).any(dim=1).all()
    report = text(comfy.run(graph), "report")
    assert len(expected(report)) == 2 and all(after > before for before, after in expected(report)), report


def test_model_calls_are_counted(comfy):
    result = comfy.run(search_graph(search_steps=3))
    assert text(result, "nfe") == "4" and "3 times backwards" in text(result, "report")


def test_with_another_seed_the_model_draws_as_before(comfy):
    graph = search_graph()
    for name in ("drawn", "by_model"):
        graph[name]["inputs"]["seed"] = SEED + 1
    samples = latents(comfy, graph, "drawn", "by_model")
    assert torch.equal(samples["drawn"], samples["by_model"])


def test_a_later_start_is_not_moved(comfy):
    graph = search_graph()
    graph["plain"] = sampling(graph, "drawn", latent_image=["drawn", 0], denoise=0.5)
    graph["later"] = sampling(graph, "plain", model=["found", 1])
    samples = latents(comfy, graph, "plain", "later")
    assert torch.equal(samples["plain"], samples["later"])


def test_a_search_leaves_the_model_as_it_was(comfy):
    graph = search_graph()
    before = latents(comfy, demo_graph(), "drawn")["drawn"]
    graph["after"] = sampling(graph, "drawn", model=["world", 0])
    # It is sampled once more, after the search has run.
    graph["after"]["inputs"]["latent_image"] = ["empty", 0]
    del graph["drawn"]
    del graph["decoded"]
    assert torch.equal(latents(comfy, graph, "by_model", "after")["after"], before)


def test_a_guider_stands_in_for_model_and_prompts(comfy):
    graph = with_custom_sampling(search_graph())
    plain = latents(comfy, graph, "by_noise")["by_noise"]
    for name in ("model", "positive", "negative"):
        del graph["found"]["inputs"][name]
    graph["found"]["inputs"].update(guider=["guider", 0], cfg=1.0)
    del graph["by_model"]
    assert torch.equal(latents(comfy, graph, "by_noise")["by_noise"], plain)


def test_the_prompt_chooses_what_the_head_reads(comfy):
    graph = search_graph(prompt="a red circle left of a blue square")
    graph["all"] = sampling(graph, "found", prompt="two red circles")
    graph["by_all"] = sampling(graph, "drawn", model=["all", 1])
    samples = latents(comfy, graph, "by_model", "by_all")
    assert not torch.equal(samples["by_model"], samples["by_all"])
    assert "rates" in error(comfy, shown(search_graph(prompt="photo"), again=("found", 2)))


def test_a_lora_takes_part(comfy):
    graph = search_graph()
    settings = {"model": ["world", 0], "lora_name": save_lora(comfy), "strength_model": 1.0}
    graph["lora"] = {"class_type": "LoraLoaderModelOnly", "inputs": settings}
    graph["found"]["inputs"]["model"] = ["lora", 0]
    result = comfy.run(graph)
    assert result.status == "success", result.error
    assert text(result, "report") != text(comfy.run(search_graph()), "report")


def test_a_head_for_other_latents_is_refused(comfy):
    head = RewardHead(HeadConfig(16, CONTEXT_WIDTH, "FLUX", width=32, layers=1))
    head.save(comfy.base / "models" / "xlard" / "heads" / "sixteen.safetensors")
    graph = search_graph()
    graph["head"] = {"class_type": "XLARDLoadHead", "inputs": {"head_name": "sixteen.safetensors"}}
    graph["found"]["inputs"]["head"] = ["head", 0]
    assert "16-channel latents" in error(comfy, graph)


def test_nothing_to_draw_with_is_an_error(comfy):
    graph = search_graph()
    del graph["found"]["inputs"]["model"]
    assert "needs model" in error(comfy, graph)
    del graph["found"]["inputs"]["negative"]
    assert "negative" in error(comfy, graph)


def test_no_step_is_refused(comfy):
    with pytest.raises(Exception, match="search_steps"):
        comfy.run(search_graph(search_steps=0))


def test_noise_for_another_latent_is_an_error(comfy):
    graph = with_custom_sampling(search_graph())
    graph["larger"] = {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}}
    graph["by_noise"]["inputs"]["latent_image"] = ["larger", 0]
    assert "same latent" in error(comfy, shown(graph, last=("by_noise", 0)))


@pytest.mark.parametrize("name, samples, message", BAD_LATENTS, ids=[bad[0] for bad in BAD_LATENTS])
def test_a_bad_latent_is_an_error(comfy, name, samples, message):
    graph = search_graph()
    load_latent(comfy, graph, name, samples)
    graph["found"]["inputs"]["latent_image"] = [name, 0]
    assert message in error(comfy, graph)


@pytest.fixture(scope="module")
def cancelling() -> Iterator[ComfyServer]:
    with ServerWithNodes("cancelling.py") as server:
        yield server


def test_a_search_can_be_cancelled_in_a_step(cancelling):
    graph = search_graph(search_steps=50)
    graph["cancel"] = {"class_type": "XLARDTestCancelDuringCall", "inputs": {"model": ["world", 0], "call": 3}}
    graph["found"]["inputs"]["model"] = ["cancel", 0]
    assert cancelling.run(graph).status == "interrupted"
    assert int(next(cancelling.base.rglob("temp/calls")).read_text()) == 3
    assert cancelling.run(search_graph(prompt=PROMPT)).status == "success"
