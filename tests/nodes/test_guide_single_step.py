"""A model that is guided at one step, in ComfyUI's own samplers: what it changes, where it acts, and what it leaves."""

from __future__ import annotations

import pytest
import torch

from tests.support.graphs import PROMPT, error, load_latent
from tests.support.guide_graphs import SINGLE_STEP_LEVEL as LEVEL
from tests.support.guide_graphs import STEPS, by_every_sampler, differ, latents, sampling, single_step_graph
from xlard.guidance.corrector import single_step_guidance
from xlard.models.corrector import CorrectorConfig, LatentCorrector
from xlard.worlds.shapes.architecture import CONTEXT_WIDTH, LATENT_CHANNELS, LATENT_SIDE
from xlard.worlds.shapes.world import ShapesWorld


def test_it_draws_what_the_library_draws(comfy):
    graph = single_step_graph(comfy)
    samples = latents(comfy, graph, "plain", "drawn")
    assert differ(samples, "plain", "drawn")
    sampler = ShapesWorld().sampler([PROMPT], steps=STEPS)
    corrector = LatentCorrector.load(
        comfy.base / "models" / "xlard" / "correctors" / "single_step_1.safetensors"
    ).eval()
    noise = torch.randn(1, LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE, generator=torch.manual_seed(5))
    sampler.noise = lambda seeds: noise
    for name, guidance in (("plain", None), ("drawn", single_step_guidance(corrector, sampler.context([0])))):
        assert torch.allclose(samples[name], sampler.generate([0], [5], guidance), atol=2e-2), name


@pytest.mark.parametrize("noise, level", [(False, 1.0), (True, 0.0)], ids=["alone", "beside a stop"])
def test_it_moves_the_noise_as_the_library_does(comfy, noise, level):
    graph = single_step_graph(comfy, noise=noise, sigma_start=level)
    graph["stopped"] = sampling(graph, "guided", sigma_start=LEVEL)
    graph["only_stopped"] = sampling(graph, "drawn", model=["stopped", 0])
    samples = latents(comfy, graph, "plain", "drawn", "only_stopped")
    assert differ(samples, "plain", "drawn") and differ(samples, "only_stopped", "drawn")
    sampler = ShapesWorld().sampler([PROMPT], steps=STEPS)
    corrector = LatentCorrector.load(
        comfy.base / "models" / "xlard" / "correctors" / f"single_step_1{'_noise' if noise else ''}.safetensors"
    )
    drawn_noise = torch.randn(1, LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE, generator=torch.manual_seed(5))
    sampler.noise = lambda seeds: drawn_noise
    expected = sampler.generate([0], [5], single_step_guidance(corrector.eval(), sampler.context([0]), level))
    assert torch.allclose(samples["drawn"], expected, atol=2e-2)


def test_beside_a_head_the_noise_is_left_alone(comfy):
    # Nothing falls below the threshold, so that the noise alone is left to be moved.
    graph = single_step_graph(comfy, noise=True, threshold=0.001, head=True, bias=3.0, prompt=PROMPT)
    assert not differ(latents(comfy, graph, "plain", "drawn"), "plain", "drawn")


@pytest.fixture(scope="module")
def every_sampler(comfy) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """What each sampler draws, plain and guided at one step."""
    return by_every_sampler(comfy, single_step_graph(comfy))


def test_every_sampler_of_the_server_is_stopped_and_goes_on(every_sampler):
    assert len(every_sampler) >= 40
    assert [name for name, (_, guided) in every_sampler.items() if not guided.isfinite().all()] == []
    assert [name for name, (plain, guided) in every_sampler.items() if torch.allclose(plain, guided, atol=1e-3)] == []


def in_two_halves(
    graph: dict, name: str, models: tuple, split: int = STEPS // 2, seeds: tuple = (5, 5), **changes
) -> None:
    """Add ``name``_first and ``name``_second: a picture drawn by two KSampler Advanced, each with its model."""
    common = {**graph["plain"]["inputs"], **changes}
    for setting in ("seed", "denoise"):
        common.pop(setting)
    halves = (("first", 0, split, "empty"), ("second", split, STEPS, f"{name}_first"))
    for (half, start, end, source), model, seed in zip(halves, models, seeds):
        first = "enable" if half == "first" else "disable"
        graph[f"{name}_{half}"] = {
            "class_type": "KSamplerAdvanced",
            "inputs": {
                **common,
                "model": model,
                "noise_seed": seed,
                "latent_image": [source, 0],
                "add_noise": first,
                "start_at_step": start,
                "end_at_step": end,
                "return_with_leftover_noise": first,
            },
        }


def test_of_two_samplers_in_a_row_one_acts(comfy):
    graph = single_step_graph(comfy)
    for name, model in (("plain", ["world", 0]), ("drawn", ["guided", 0])):
        in_two_halves(graph, name, (model, model))
    samples = latents(
        comfy,
        graph,
        "plain",
        "drawn",
        *(f"{name}_{half}" for name in ("plain", "drawn") for half in ("first", "second")),
    )
    assert torch.equal(samples["plain_first"], samples["drawn_first"])
    assert torch.allclose(samples["drawn_second"], samples["drawn"], atol=1e-4)


def test_a_level_just_above_where_two_samplers_part_is_the_first_one_s(comfy):
    graph = single_step_graph(comfy, sigma_start=LEVEL + 0.05)
    graph["guided_0.75"] = sampling(graph, "guided", sigma_start=0.75)
    in_two_halves(graph, "parts", (["guided", 0], ["guided", 0]))
    in_two_halves(graph, "above", (["guided_0.75", 0], ["world", 0]))
    samples = latents(comfy, graph, "plain", "parts_second", "above_second")
    assert torch.allclose(samples["parts_second"], samples["above_second"], atol=1e-4) and differ(
        samples, "plain", "parts_second"
    )


def test_two_in_a_row_act_each_at_its_own_level(comfy):
    graph = single_step_graph(comfy)
    for name, model, level in (("high", "world", 0.75), ("low", "world", 0.25), ("both", "high", 0.25)):
        graph[name] = sampling(graph, "guided", model=[model, 0], sigma_start=level)
    graph["by_both"] = sampling(graph, "drawn", model=["both", 0])
    in_two_halves(graph, "by_turns", (["high", 0], ["low", 0]))
    graph["by_high"] = sampling(graph, "drawn", model=["high", 0])
    samples = latents(comfy, graph, "by_both", "by_turns_second", "by_high")
    assert torch.allclose(samples["by_both"], samples["by_turns_second"], atol=1e-4) and differ(
        samples, "by_both", "by_high"
    )


def test_a_sampler_that_adds_noise_draws_other_noise_after_the_stop(comfy):
    graph = single_step_graph(comfy, moves=False)
    graph["drawn"]["inputs"]["sampler_name"] = "euler_ancestral"
    for name, seeds in (("same", (5, 5)), ("other", (5, 6))):
        in_two_halves(graph, name, (["world", 0], ["world", 0]), seeds=seeds, sampler_name="euler_ancestral")
    # The highest seed that newer samplers take on a CPU has a successor, too.
    graph["highest"] = sampling(graph, "drawn", seed=2**64 - 2)
    samples = latents(comfy, graph, "drawn", "same_second", "other_second", "highest")
    assert torch.allclose(samples["drawn"], samples["other_second"], atol=1e-4) and differ(
        samples, "drawn", "same_second"
    )


def test_noise_is_moved_with_every_sampler_once(comfy):
    drawn = by_every_sampler(comfy, single_step_graph(comfy, sigma_start=1.0))
    assert [
        name
        for name, (plain, guided) in drawn.items()
        if not guided.isfinite().all() or torch.allclose(plain, guided, atol=1e-3)
    ] == []


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_schedule_that_begins_below_its_level_is_left_alone(comfy, level):
    graph = single_step_graph(comfy, sigma_start=level)
    for name in ("plain", "drawn"):
        graph[name]["inputs"]["denoise"] = 0.25
    samples = latents(comfy, graph, "plain", "drawn")
    assert torch.equal(samples["plain"], samples["drawn"])


def test_sigma_start_moves_where_it_acts_and_strength_zero_is_the_model_itself(comfy):
    graph = single_step_graph(comfy)
    graph["early"], graph["off"] = sampling(graph, "guided", sigma_start=0.75), sampling(graph, "guided", strength=0.0)
    for name in ("early", "off"):
        graph[f"by_{name}"] = sampling(graph, "drawn", model=[name, 0])
    samples = latents(comfy, graph, "plain", "drawn", "by_early", "by_off")
    assert differ(samples, "by_early", "drawn") and torch.equal(samples["by_off"], samples["plain"])


@pytest.mark.parametrize("bias, corrected", [(-3.0, True), (3.0, False)], ids=["doubted", "held for right"])
def test_the_head_says_which_pictures_are_corrected(comfy, bias, corrected):
    graph = single_step_graph(comfy, batch=2, threshold=0.6, head=True, bias=bias, prompt=PROMPT)
    assert differ(latents(comfy, graph, "plain", "drawn"), "plain", "drawn") is corrected


def test_outside_of_a_noise_mask_nothing_changes(comfy):
    graph = single_step_graph(comfy)
    load_latent(
        comfy,
        graph,
        "source",
        torch.randn(1, LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE, generator=torch.Generator().manual_seed(1)),
    )
    graph["mask"] = {
        "class_type": "SolidMask",
        "inputs": {"value": 1.0, "width": 4 * LATENT_SIDE, "height": 8 * LATENT_SIDE},
    }
    graph["nothing"] = {
        "class_type": "SolidMask",
        "inputs": {"value": 0.0, "width": 8 * LATENT_SIDE, "height": 8 * LATENT_SIDE},
    }
    graph["half"] = {
        "class_type": "MaskComposite",
        "inputs": {"destination": ["nothing", 0], "source": ["mask", 0], "x": 0, "y": 0, "operation": "add"},
    }
    graph["masked"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["source", 0], "mask": ["half", 0]}}
    for name in ("plain", "drawn"):
        graph[name]["inputs"]["latent_image"] = ["masked", 0]
    samples = latents(comfy, graph, "source", "plain", "drawn")
    kept = slice(LATENT_SIDE // 2, None)
    assert differ(samples, "plain", "drawn")
    assert torch.allclose(samples["drawn"][..., kept], samples["source"][..., kept], atol=1e-5)


def test_a_custom_sampler_draws_the_same(comfy):
    graph = single_step_graph(comfy)
    graph["noise"] = {"class_type": "RandomNoise", "inputs": {"noise_seed": 5}}
    graph["guider"] = {
        "class_type": "CFGGuider",
        "inputs": {"model": ["guided", 0], "positive": ["positive", 0], "negative": ["negative", 0], "cfg": 4.0},
    }
    graph["sampler"] = {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}}
    graph["sigmas"] = {
        "class_type": "BasicScheduler",
        "inputs": {"model": ["guided", 0], "scheduler": "simple", "steps": STEPS, "denoise": 1.0},
    }
    graph["custom"] = {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["noise", 0],
            "guider": ["guider", 0],
            "sampler": ["sampler", 0],
            "sigmas": ["sigmas", 0],
            "latent_image": ["empty", 0],
        },
    }
    samples = latents(comfy, graph, "drawn", "custom")
    assert torch.allclose(samples["drawn"], samples["custom"], atol=1e-5)


def test_a_foreign_corrector_is_refused(comfy):
    graph = single_step_graph(comfy)
    foreign = LatentCorrector(
        CorrectorConfig(16, CONTEXT_WIDTH, "another model", width=32, layers=1, heads=4, single_step_level=LEVEL)
    )
    foreign.save(comfy.base / "models" / "xlard" / "correctors" / "single_step_foreign.safetensors")
    graph["corrector"]["inputs"]["corrector_name"] = "single_step_foreign.safetensors"
    graph["decoded"] = {"class_type": "VAEDecode", "inputs": {"samples": ["drawn", 0], "vae": ["world", 2]}}
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    assert "This corrector was trained for 16-channel latents (another model)" in error(comfy, graph)
