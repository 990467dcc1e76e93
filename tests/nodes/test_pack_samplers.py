"""SAMPLERs as packs make them: several calls a step, noise of their own, and masks in a way of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.support.custom_sampling import custom_loop, drawn_by_core, latents, node
from tests.support.graphs import demo_graph, only, shown
from tests.support.loop_graphs import NEVER, rounds_of
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer
from xlard.loop.engine import derived_seed

SEED, STEPS = 5, 5
CALLS = {False: 2 * STEPS - 1, True: 3 * (2 * STEPS - 1)}
"""Model calls of a run, without the small steps and with them."""


@pytest.fixture(scope="module")
def foreign() -> Iterator[ComfyServer]:
    with ServerWithNodes("foreign_sampling.py") as server:
        yield server


def pack_loop(walks: bool, guider: str | None = "cfg", own_seed: int = -1, **settings) -> dict:
    """xLARD Self-Correct as node loop, and SamplerCustomAdvanced as node drawn, with such a SAMPLER."""
    graph = drawn_by_core(custom_loop(guider, **settings))
    graph["sampler"] = node("PackSampler", walks=walks, eta=0.6, own_seed=own_seed)
    return graph


@pytest.mark.parametrize("guider", ["basic", "dual", "opaque"])
@pytest.mark.parametrize("walks, own_seed", [(False, -1), (True, -1), (True, 11)])
def test_the_first_picture_is_that_of_sampler_custom_advanced(foreign, guider, walks, own_seed):
    loop, drawn = latents(foreign, pack_loop(walks, guider, own_seed), "loop", "drawn")
    assert torch.equal(loop, drawn) and loop.isfinite().all() and loop.std() > 0.1


@pytest.mark.parametrize("walks", [False, True])
def test_a_round_goes_on_as_its_own_nodes_do_and_its_calls_are_counted(foreign, walks):
    graph = pack_loop(walks, rounds=1, sigma=0.6, prompt=NEVER, **only("correct"))
    graph["tail"] = node("SplitSigmas", sigmas=["sigmas", 0], step=2)
    graph["sigmas"] = node("GivenSigmas", values="1.0 0.8 0.6 0.4 0.2 0.0")
    graph["other_noise"] = node("RandomNoise", noise_seed=derived_seed(SEED, 1, 0))
    again = {**graph["drawn"]["inputs"], "noise": ["other_noise", 0], "sigmas": ["tail", 1]}
    graph["again"] = node("SamplerCustomAdvanced", **{**again, "latent_image": ["drawn", 0]})
    graph["rounds"] = node("LatentsOfRounds", state=["loop", 3])
    rounds, again = latents(foreign, graph, "rounds", "again")
    assert torch.equal(rounds[1:], again)
    result = foreign.run(shown(graph, state=("loop", 3)))
    assert [round_.nfe for round_ in rounds_of(result)[0]] == [CALLS[walks], CALLS[walks] * 5 // 9]


@pytest.mark.parametrize("walks", [False, True])
def test_what_lies_outside_of_a_noise_mask_stays_in_every_round(foreign, walks):
    graph = pack_loop(walks, rounds=2, prompt=NEVER, **{**only("resample"), "correct": True})
    graph["picture"] = demo_graph()["drawn"]
    graph["half"] = node("SolidMask", value=1.0, width=96, height=48)
    graph["none"] = node("SolidMask", value=0.0, width=96, height=96)
    graph["mask"] = node("MaskComposite", destination=["none", 0], source=["half", 0], x=0, y=0, operation="add")
    graph["masked"] = node("SetLatentNoiseMask", samples=["picture", 0], mask=["mask", 0])
    for name in ("loop", "drawn"):
        graph[name]["inputs"]["latent_image"] = ["masked", 0]
    graph["rounds"] = node("LatentsOfRounds", state=["loop", 3])
    rounds, drawn, before = latents(foreign, graph, "rounds", "drawn", "picture")
    assert torch.equal(rounds[:1], drawn) and len(rounds) == 3
    changed = (rounds - before).abs()
    # ComfyUI's own samplers leave what adding and taking away of noise rounds to.
    assert changed[..., 6:, :].max() < 1e-4 and (changed[..., :6, :].amax((1, 2, 3)) > 0.1).all()


def test_two_models_share_a_run_of_it(foreign):
    graph = pack_loop(True, own_seed=3)
    graph["low"] = node("RescaleCFG", model=["world", 0], multiplier=0.7)
    graph["second"] = node("XLARDSecondModel", model=["low", 0], from_step=3, cfg=0.0)
    graph["loop"]["inputs"]["second_model"] = ["second", 0]
    graph["parts"] = node("SplitSigmas", sigmas=["sigmas", 0], step=3)
    graph["begun"] = node("SamplerCustomAdvanced", **{**graph["drawn"]["inputs"], "sigmas": ["parts", 0]})
    low = {**graph["guider"]["inputs"], "model": ["low", 0], "sampler": ["sampler", 0], "sigmas": ["parts", 1]}
    # Noise of the sampler's own goes on with the next seed.
    graph["drawn"] = node("SamplerCustom", **low, add_noise=False, noise_seed=SEED + 1, latent_image=["begun", 0])
    loop, drawn = latents(foreign, graph, "loop", "drawn")
    assert torch.equal(loop, drawn) and loop.isfinite().all()
