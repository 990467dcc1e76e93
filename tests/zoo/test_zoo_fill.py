"""Fill models of each kind in Self-Correct, with random weights: a fill is what ComfyUI's own nodes draw."""

from __future__ import annotations

import json

import pytest
import torch

from tests.support.custom_sampling import node
from tests.support.graphs import error, pictures
from tests.support.loop_graphs import history
from tests.support.zoo.families import FILLING, IP2P, SMALL, Family
from tests.support.zoo.graphs import MENDED, changed, latents, self_correct, vae_of, with_critic, zoo_graph
from tests.support.zoo.server import ZooServer, make_ready
from xlard.comfy_server.errors import JobError
from xlard.loop.crops import redrawn_in
from xlard.loop.engine import derived_seed
from xlard.loop.registry import DEFAULT_STRATEGIES

WIDTH, HEIGHT, SEED = 96, 64, 5
SLOW = ("sdxl_inpaint",)
READS = {"flux_fill": 16 + 64, "sd15_inpaint": 5, "sdxl_inpaint": 5}
"""Channels that a model reads beside its own: the latent of what is left, and the mask, which FLUX reads whole."""


@pytest.fixture(scope="module")
def comfy(zoo) -> ZooServer:
    """The server with the zoo."""
    return zoo


@pytest.fixture(
    params=[
        pytest.param(family, id=name, marks=[pytest.mark.big] if name in SLOW else [])
        for name, family in FILLING.items()
    ]
)
def family(request) -> Family:
    make_ready([request.param, SMALL["sd15"]])
    return request.param


def fill_model(graph: dict, family: Family, **settings) -> dict:
    """xLARD Fill Model with a family, which is watched, as nodes fill_model, fill_vae and fill_clip of the graph."""
    parts = zoo_graph(family)
    graph |= {f"fill_{name}": parts[name] for name in ("model", "vae", "clip")}
    graph["watched"] = node("ZooWatch", model=["fill_model", 0])
    chosen = {
        **{"steps": 2, "cfg": 3.0, "sampler_name": "euler", "scheduler": "simple"},
        **{"guidance": 30.0, "negative": "blurry", "size": 0, **settings},
    }
    return node(
        "XLARDFillModel", fill_model=["watched", 0], fill_clip=["fill_clip", 0], fill_vae=vae_in(family), **chosen
    )


def vae_in(family: Family) -> list:
    """The VAE of a fill model in a graph."""
    name, slot = vae_of(family)
    return [f"fill_{name}", slot]


def loop_with(
    family: Family,
    url: str,
    drawn: tuple[int, int] = (WIDTH, HEIGHT),
    batch: int = 1,
    strategy: str = "region",
    **settings,
) -> dict:
    """SD 1.5 draws, and a family fills; nodes loop and filler."""
    graph = with_critic(zoo_graph(SMALL["sd15"], MENDED, batch, *drawn), url)
    graph["filler"] = fill_model(graph, family, **settings)
    only = {name: name == strategy for name in DEFAULT_STRATEGIES}
    graph["loop"] = self_correct(graph, SMALL["sd15"], MENDED, fill_model=["filler", 0], seed=SEED, **only)
    graph["picture"] = node("PreviewImage", images=["loop", 1])
    graph["rounds"] = node("ZooRounds", state=["loop", 3])
    graph["pictures"] = node("ZooPictures", state=["loop", 3])
    return graph


def drawn_by_core(graph: dict, family: Family) -> dict:
    """The same hole of the same picture by ComfyUI's own nodes, as node again."""
    graph["text"] = node("CLIPTextEncode", clip=["fill_clip", 0], text="")
    graph["told"] = node("FluxGuidance", conditioning=["text", 0], guidance=30.0)
    graph["avoided"] = node("CLIPTextEncode", clip=["fill_clip", 0], text="blurry, red circle")
    graph["hole"] = node(
        "InpaintModelConditioning",
        **{"positive": ["told", 0], "negative": ["avoided", 0], "vae": vae_in(family), "pixels": ["loop", 2]},
        mask=["pictures", 1],
        noise_mask=True,
    )
    graph["filled"] = changed(
        graph["drawn"],
        **{"model": ["fill_model", 0], "positive": ["hole", 0], "negative": ["hole", 1], "latent_image": ["hole", 2]},
        seed=derived_seed(SEED, 1, 0),
    )
    graph["as_picture"] = node("VAEDecode", samples=["filled", 0], vae=vae_in(family))
    graph["again"] = node("ZooAsLatent", image=["as_picture", 0])
    return graph


@pytest.mark.parametrize("strategy", ["region", "rearrange"])
def test_a_fill_is_what_comfyui_s_own_nodes_draw_in_the_hole_and_all_other_pixels_stay(comfy, family, server, strategy):
    graph = drawn_by_core(loop_with(family, server.url, strategy=strategy), family)
    samples = latents(comfy, graph, "pictures", "again", regions=("rounds", 1))
    first, filled = samples["pictures"].movedim(1, -1)
    (again,), region = samples["again"].movedim(1, -1), samples["regions"][1, 0] > 0
    hole = region.repeat_interleave(HEIGHT // region.shape[0], 0).repeat_interleave(WIDTH // region.shape[1], 1)
    assert 0 < hole.float().mean() < 0.9 and torch.equal(filled[~hole], first[~hole])
    edge = torch.nn.functional.max_pool2d((~hole)[None].float(), 5, 1, 2)[0] > 0
    assert (~edge).any() and torch.allclose(filled[~edge], again[~edge], atol=1e-5)
    assert torch.allclose(filled, redrawn_in(first, again, region), atol=1e-5)
    assert not torch.allclose(filled[hole], first[hole], atol=0.05)


def test_mask_and_picture_reach_the_model_and_what_is_no_better_is_dropped(comfy, family, server):
    graph = loop_with(family, server.url)
    graph["seen"] = node("ZooSeen", state=["loop", 3])
    before = pictures(comfy, graph, "loop", 2)
    result = comfy.run(graph)
    assert result.status == "success", result.error
    assert (pictures(comfy, graph, "loop", 1) == before).all()
    seen = json.loads(result.outputs["seen"]["text"][0])
    assert seen and all(call["c_concat"][1:] == [READS[family.name], HEIGHT // 8, WIDTH // 8] for call in seen)
    assert all(call["c_crossattn"][-1] == family.width for call in seen)
    _, fill = history(comfy, graph)
    assert (fill["strategy"], fill["accepted"], fill["nfe"]) == ("region", False, 2)
    assert fill["reason"] == "1 wrong, redrawn by the fill model"


def test_odd_sizes_and_batches_come_back_in_their_own_size(comfy, server):
    make_ready([FILLING["flux_fill"], SMALL["sd15"]])
    graph = loop_with(FILLING["flux_fill"], server.url, (72, 104), batch=2, size=64)
    samples = latents(comfy, graph, "pictures", regions=("rounds", 1))
    first, filled = samples["pictures"]
    assert filled.shape == (3, 104, 72)
    hole = samples["regions"][1, 0].repeat_interleave(8, 0).repeat_interleave(8, 1) > 0
    assert torch.equal(filled[:, ~hole], first[:, ~hole]) and not torch.equal(filled, first)
    assert pictures(comfy, graph, "loop", 1).shape == (2, 104, 72, 3)


def test_custom_sampling_takes_the_place_of_the_settings(comfy, server):
    make_ready([FILLING["sd15_inpaint"], SMALL["sd15"]])
    graph = loop_with(FILLING["sd15_inpaint"], server.url, steps=7)
    graph["euler"] = node("KSamplerSelect", sampler_name="euler")
    graph["sigmas"] = node("BasicScheduler", model=["fill_model", 0], scheduler="simple", steps=2, denoise=1.0)
    graph["filler"]["inputs"] |= {"sampler": ["euler", 0], "sigmas": ["sigmas", 0]}
    plain = loop_with(FILLING["sd15_inpaint"], server.url)
    (_, by_sockets), (_, by_settings) = (latents(comfy, each, "pictures")["pictures"] for each in (graph, plain))
    assert torch.equal(by_sockets, by_settings)


def test_what_cannot_fill_is_refused_before_anything_is_drawn(comfy, server):
    make_ready([FILLING["sd15_inpaint"], SMALL["sd15"], SMALL["flux"], IP2P])
    for other, name in (
        (SMALL["sd15"], "SD15/SD15"),
        (IP2P, "SD15_instructpix2pix/SD15"),
        (SMALL["flux"], "Flux/Flux"),
    ):
        graph = loop_with(other, server.url)
        assert f"The model is of the family {name}, which reads no mask among its channels" in error(comfy, graph)
    graph = loop_with(FILLING["sd15_inpaint"], server.url)
    graph["other_vae"] = zoo_graph(SMALL["flux"])["vae"]
    graph["filler"]["inputs"]["fill_vae"] = ["other_vae", 0]
    assert "The fill model works on 4-channel latents, and the VAE makes 16-channel ones" in error(comfy, graph)
    graph = loop_with(FILLING["sd15_inpaint"], server.url)
    graph["fill_clip"]["inputs"]["width"] = 2048
    assert "The fill model reads prompts of the width 768, and its CLIP makes 2048" in error(comfy, graph)
    for missing in ("fill_clip", "fill_vae"):
        graph = loop_with(FILLING["sd15_inpaint"], server.url)
        del graph["filler"]["inputs"][missing]
        with pytest.raises(JobError, match=f"Required input is missing.*{missing}"):
            comfy.run(graph)


def test_without_a_fill_model_region_draws_the_place_from_a_prompt_of_its_own_where_clip_is_connected(comfy, server):
    family = SMALL["sd15"]
    make_ready([family])
    rounds = {}
    for wired in (False, True):
        graph = with_critic(zoo_graph(family, MENDED, 1, WIDTH, HEIGHT), server.url)
        only = {name: name == "region" for name in DEFAULT_STRATEGIES}
        clip = {"clip": ["clip", 0]} if wired else {}
        graph["loop"] = self_correct(graph, family, MENDED, seed=SEED, **only, **clip)
        graph["rounds"] = node("ZooRounds", state=["loop", 3])
        samples = latents(comfy, graph, "rounds", regions=("rounds", 1))
        rounds[wired], region = samples["rounds"], samples["regions"][1, 0] > 0
    (first, by_all), (same, by_place) = rounds[False], rounds[True]
    assert torch.equal(first, same) and torch.equal(by_all[:, ~region], by_place[:, ~region])
    assert torch.equal(by_place[:, ~region], first[:, ~region])
    assert not torch.allclose(by_all[:, region], by_place[:, region], atol=0.05)
