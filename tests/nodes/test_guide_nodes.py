"""A guided model in ComfyUI's own samplers: what it changes, what it leaves, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.support.graphs import PROMPT, SIDE, shown, text
from tests.support.guide_graphs import (
    GUIDES,
    STEPS,
    by_every_sampler,
    differ,
    guide_graph,
    latents,
    refusal,
    sampling,
    save_lora,
)
from xlard.guidance.corrector import changes_in_turn, corrector_change
from xlard.models.corrector import relative_norm
from xlard.worlds.shapes.architecture import LATENT_SIDE

LAST = 1 / STEPS
"""The noise level of the last step."""

SEEDED = ["euler", "euler_ancestral", "dpmpp_2m_sde", "uni_pc"]


def test_corrector_head_and_both_each_draw_another_picture(comfy):
    graph = guide_graph(comfy, "none")
    for name, modules in GUIDES.items():
        graph[f"guided_{name}"] = sampling(graph, "guided", **{module: [module, 0] for module in modules})
        graph[f"by_{name}"] = sampling(graph, "drawn", model=[f"guided_{name}", 0])
    samples = latents(comfy, graph, "plain", *(f"by_{name}" for name in GUIDES))
    pairs = [(one, other) for one in samples for other in samples if one < other]
    assert len(pairs) == 6 and [pair for pair in pairs if not differ(samples, *pair)] == []


@pytest.mark.parametrize("combine", ["sum", "min_norm"])
@pytest.mark.parametrize("prompt", ["", "a red circle"], ids=["all aspects", "one prompt's"])
def test_the_gradient_raises_what_the_head_reads(comfy, combine, prompt):
    # In the last step alone both draw the same until then, and its x0 is the picture.
    graph = guide_graph(comfy, "head", batch=3, sigma_start=LAST, sigma_end=LAST, combine=combine, prompt=prompt)
    graph["more"] = sampling(graph, "guided", gradient_steps=20)
    graph["further"] = sampling(graph, "drawn", model=["more", 0])
    for name in ("plain", "drawn", "further"):
        graph[f"{name}_read"] = {
            "class_type": "XLARDPredictReward",
            "inputs": {
                "latent": [name, 0],
                "positive": ["positive", 0],
                "head": ["head", 0],
                "sigma": LAST,
                "prompt": prompt,
            },
        }
    result = comfy.run(shown(graph, **{name: (f"{name}_read", 1) for name in ("plain", "drawn", "further")}))
    assert result.status == "success", result.error
    plain, drawn, further = (float(text(result, name)) for name in ("plain", "drawn", "further"))
    assert plain < drawn < further


def test_the_prompt_chooses_what_the_gradient_follows(comfy):
    graph = guide_graph(comfy, "head")
    graph["colour"] = sampling(graph, "guided", prompt="a red circle")
    graph["coloured"] = sampling(graph, "drawn", model=["colour", 0])
    assert differ(latents(comfy, graph, "drawn", "coloured"), "drawn", "coloured")


def test_the_head_acts_only_where_it_can_read(comfy):
    graph = guide_graph(comfy, "head", head_range=(0.0, 0.6))
    for name, (start, end) in {"whole": (1.0, 0.01), "own": (0.6, 0.01), "half": (0.6, 0.4)}.items():
        graph[f"guided_{name}"] = sampling(graph, "guided", sigma_start=start, sigma_end=end)
        graph[name] = sampling(graph, "drawn", model=[f"guided_{name}", 0])
    samples = latents(comfy, graph, "plain", "drawn", "whole", "own", "half")
    assert torch.equal(samples["whole"], samples["drawn"]) and torch.equal(samples["own"], samples["drawn"])
    assert differ(samples, "half", "drawn") and differ(samples, "half", "plain")


def test_a_window_between_two_steps_changes_nothing(comfy):
    graph = guide_graph(comfy, sigma_start=0.45, sigma_end=0.3)
    samples = latents(comfy, graph, "plain", "drawn")
    assert torch.equal(samples["plain"], samples["drawn"])


def test_without_gradient_steps_the_head_does_nothing(comfy):
    graph = guide_graph(comfy, gradient_steps=0)
    graph["alone"] = sampling(graph, "guided")
    del graph["alone"]["inputs"]["head"]
    graph["without"] = sampling(graph, "drawn", model=["alone", 0])
    samples = latents(comfy, graph, "drawn", "without")
    assert torch.equal(samples["drawn"], samples["without"])


def test_guided_models_can_be_guided_again(comfy):
    graph = guide_graph(comfy, "corrector")
    graph["again"] = sampling(graph, "guided", model=["guided", 0], head=["head", 0])
    del graph["again"]["inputs"]["corrector"]
    graph["twice"] = sampling(graph, "drawn", model=["again", 0])
    assert differ(latents(comfy, graph, "drawn", "twice"), "drawn", "twice")


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"guide": "none"}, "nothing to guide the model with. Connect a corrector, or a head"),
        ({"guide": "none", "strength": 0.0}, "nothing to guide the model with"),
        ({"guide": "head", "gradient_steps": 0}, "a head with gradient_steps of at least 1"),
        (
            {"guide": "head", "family": "SDXL/SDXL"},
            "This head was trained for SDXL/SDXL models (a test); this one is BaseModel/_DemoLatents",
        ),
        ({"guide": "both", "family": "SDXL/SDXL"}, "This corrector was trained for SDXL/SDXL models"),
        ({"guide": "head", "sigma_start": 0.3, "sigma_end": 0.6}, "start must be the higher one"),
        (
            {"guide": "head", "head_range": (0.0, 0.6), "sigma_end": 0.7},
            "reads noise levels from 0 to 0.6; none of them lies between noise_level_end 0.7 and noise_level_start 1",
        ),
        ({"guide": "head", "prompt": "next to"}, "asks for nothing that this head rates"),
    ],
    ids=[
        "nothing connected",
        "nothing connected and off",
        "no gradient steps",
        "foreign head",
        "foreign corrector",
        "upside down",
        "unreadable window",
        "prompt without a claim",
    ],
)
def test_what_cannot_guide_is_refused_with_the_fix(comfy, settings, message):
    assert message in refusal(comfy, guide_graph(comfy, **settings))


@pytest.fixture(scope="module")
def every_sampler(comfy) -> dict[str, tuple[Tensor, Tensor]]:
    """What each sampler draws, plain and guided by corrector and gradient."""
    return by_every_sampler(comfy, guide_graph(comfy, gradient_steps=1))


def test_every_sampler_of_the_server_draws_something_finite(every_sampler):
    assert len(every_sampler) >= 40
    assert [name for name, pair in every_sampler.items() if not all(drawn.isfinite().all() for drawn in pair)] == []


def test_every_sampler_of_the_server_is_guided(every_sampler):
    assert [name for name, (plain, guided) in every_sampler.items() if torch.allclose(plain, guided, atol=1e-3)] == []


def test_at_strength_zero_the_model_is_the_same_to_the_last_bit(comfy):
    graph = guide_graph(comfy, strength=0.0)
    for name in SEEDED:
        for which, like in (("plain", "plain"), ("guided", "drawn")):
            graph[f"{name}_{which}"] = sampling(graph, like, sampler_name=name)
    samples = latents(comfy, graph, *(f"{name}_{which}" for name in SEEDED for which in ("plain", "guided")))
    assert all(torch.equal(samples[f"{name}_plain"], samples[f"{name}_guided"]) for name in SEEDED)


def test_half_the_strength_is_less_of_it(comfy):
    graph = guide_graph(comfy, sigma_start=LAST, sigma_end=LAST)
    graph["half"] = sampling(graph, "guided", strength=0.5)
    graph["less"] = sampling(graph, "drawn", model=["half", 0])
    samples = latents(comfy, graph, "plain", "drawn", "less")
    assert torch.allclose(samples["less"] - samples["plain"], 0.5 * (samples["drawn"] - samples["plain"]), atol=1e-5)


def test_corrector_and_head_together_keep_to_the_trust_region(comfy):
    graph = guide_graph(comfy, batch=3, sigma_start=LAST, sigma_end=LAST, gradient_steps=30)
    samples = latents(comfy, graph, "plain", "drawn")
    change = relative_norm(samples["drawn"] - samples["plain"], samples["plain"])
    assert (change > 0.1).all() and (change < 0.301).all()


def test_the_model_itself_draws_the_same_before_and_after(comfy):
    graph = guide_graph(comfy)
    # Each waits for the one before it, and starts from nothing all the same.
    for name, before in (("nothing", "plain"), ("again", "drawn")):
        graph[name] = {"class_type": "LatentMultiply", "inputs": {"samples": [before, 0], "multiplier": 0.0}}
    graph["drawn"]["inputs"]["latent_image"] = ["nothing", 0]
    graph["after"] = sampling(graph, "plain", latent_image=["again", 0])
    samples = latents(comfy, graph, "plain", "drawn", "after")
    assert differ(samples, "plain", "drawn") and torch.equal(samples["plain"], samples["after"])


def test_it_draws_the_same_after_comfyui_has_freed_its_memory(comfy):
    graph = guide_graph(comfy)
    first = latents(comfy, graph, "drawn")
    comfy.post_json("/free", {"unload_models": True, "free_memory": True})
    assert torch.equal(latents(comfy, graph, "drawn")["drawn"], first["drawn"])


def test_with_a_cfg_of_one(comfy):
    graph = guide_graph(comfy)
    for name in ("plain", "drawn"):
        graph[name]["inputs"]["cfg"] = 1.0
    assert differ(latents(comfy, graph, "plain", "drawn"), "plain", "drawn")


def test_each_picture_of_a_batch_is_guided_as_it_would_be_alone(comfy):
    single, batch = (latents(comfy, guide_graph(comfy, batch=number), "plain", "drawn") for number in (1, 3))
    assert batch["drawn"].shape[0] == 3 and torch.allclose(batch["drawn"][:1], single["drawn"], atol=1e-3)
    assert all(not torch.allclose(plain, drawn, atol=1e-3) for plain, drawn in zip(batch["plain"], batch["drawn"]))


def test_outside_of_a_noise_mask_nothing_changes(comfy):
    graph = guide_graph(comfy)
    start, half = sampling(graph, "plain", seed=7), SIDE // 2
    graph |= {
        "start": start,
        "white": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": half, "height": SIDE}},
        "black": {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": SIDE, "height": SIDE}},
        "left": {
            "class_type": "MaskComposite",
            "inputs": {"destination": ["black", 0], "source": ["white", 0], "x": 0, "y": 0, "operation": "add"},
        },
        "masked": {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["start", 0], "mask": ["left", 0]}},
    }
    for name in ("plain", "drawn"):
        graph[name]["inputs"]["latent_image"] = ["masked", 0]
    samples = latents(comfy, graph, "start", "plain", "drawn")
    side = LATENT_SIDE // 2
    assert torch.allclose(samples["drawn"][..., side:], samples["start"][..., side:], atol=1e-4)
    assert not torch.allclose(samples["drawn"][..., :side], samples["plain"][..., :side], atol=1e-3)


def test_ksampler_advanced_in_two_halves_draws_as_ksampler_in_one(comfy):
    graph = guide_graph(comfy)
    inputs = {name: value for name, value in graph["drawn"]["inputs"].items() if name not in ("seed", "denoise")}
    graph["first"] = {
        "class_type": "KSamplerAdvanced",
        "inputs": {
            **inputs,
            "noise_seed": 5,
            "add_noise": "enable",
            "start_at_step": 0,
            "end_at_step": 2,
            "return_with_leftover_noise": "enable",
        },
    }
    graph["second"] = sampling(
        graph,
        "first",
        latent_image=["first", 0],
        add_noise="disable",
        start_at_step=2,
        end_at_step=10000,
        return_with_leftover_noise="disable",
    )
    graph["whole"] = sampling(graph, "first", end_at_step=10000)
    graph["late"] = sampling(graph, "second", model=["world", 0])
    samples = latents(comfy, graph, "plain", "drawn", "second", "whole", "late")
    assert torch.equal(samples["whole"], samples["drawn"]) and torch.allclose(
        samples["second"], samples["drawn"], atol=1e-3
    )
    assert differ(samples, "late", "second") and differ(samples, "late", "plain")


def custom_graph(comfy, **settings) -> dict:
    """SamplerCustomAdvanced on the guided model, with the guiders that ComfyUI has."""
    graph = guide_graph(comfy, **settings)
    conditioned = {"model": ["guided", 0], "positive": ["positive", 0], "negative": ["negative", 0]}
    graph |= {
        "noise": {"class_type": "RandomNoise", "inputs": {"noise_seed": 5}},
        "euler": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
        "sigmas": {
            "class_type": "BasicScheduler",
            "inputs": {"model": ["guided", 0], "scheduler": "simple", "steps": STEPS, "denoise": 1.0},
        },
        "cfg_guider": {"class_type": "CFGGuider", "inputs": {**conditioned, "cfg": 4.0}},
        "basic_guider": {
            "class_type": "BasicGuider",
            "inputs": {"model": ["guided", 0], "conditioning": ["positive", 0]},
        },
        "perp_guider": {
            "class_type": "PerpNegGuider",
            "inputs": {**conditioned, "empty_conditioning": ["negative", 0], "cfg": 4.0, "neg_scale": 1.0},
        },
        "dual_guider": {
            "class_type": "DualCFGGuider",
            "inputs": {
                "model": ["guided", 0],
                "cond1": ["positive", 0],
                "cond2": ["positive", 0],
                "negative": ["negative", 0],
                "cfg_conds": 4.0,
                "cfg_cond2_negative": 4.0,
                "style": "nested",
            },
        },
    }
    for name in ("cfg", "basic", "perp", "dual"):
        graph[name] = {
            "class_type": "SamplerCustomAdvanced",
            "inputs": {
                "noise": ["noise", 0],
                "guider": [f"{name}_guider", 0],
                "sampler": ["euler", 0],
                "sigmas": ["sigmas", 0],
                "latent_image": ["empty", 0],
            },
        }
    graph["once"] = sampling(graph, "drawn", cfg=1.0)
    return graph


def test_sampler_custom_advanced_draws_as_ksampler_does(comfy):
    samples = latents(comfy, custom_graph(comfy), "cfg", "drawn", "basic", "once")
    assert torch.equal(samples["cfg"], samples["drawn"]) and torch.equal(samples["basic"], samples["once"])


def test_every_guider_is_guided(comfy):
    guiders = ("cfg", "basic", "perp", "dual")
    guided, plain = (latents(comfy, custom_graph(comfy, strength=strength), *guiders) for strength in (1.0, 0.0))
    assert all(drawn.isfinite().all() for drawn in guided.values())
    assert [name for name in guiders if torch.allclose(guided[name], plain[name], atol=1e-3)] == []


def test_a_lora_before_the_node_is_one_after_it(comfy):
    graph, name = guide_graph(comfy), save_lora(comfy)
    for loader, model in (("early", "world"), ("late", "guided")):
        graph[loader] = {
            "class_type": "LoraLoader",
            "inputs": {
                "model": [model, 0],
                "clip": ["world", 1],
                "lora_name": name,
                "strength_model": 1.0,
                "strength_clip": 1.0,
            },
        }
    graph["guided_early"] = sampling(graph, "guided", model=["early", 0])
    for drawn, model in (("lora", "early"), ("before", "guided_early"), ("after", "late")):
        graph[drawn] = sampling(graph, "drawn", model=[model, 0])
    samples = latents(comfy, graph, "plain", "drawn", "lora", "before", "after")
    assert torch.equal(samples["before"], samples["after"])
    assert all(differ(samples, "before", other) for other in ("drawn", "lora", "plain")) and differ(
        samples, "lora", "plain"
    )
    # Drawn once more by a model whose weights the LoRA has been in.
    graph["plain"]["inputs"]["latent_image"] = ["nothing", 0]
    graph["nothing"] = {"class_type": "LatentMultiply", "inputs": {"samples": ["after", 0], "multiplier": 0.0}}
    assert torch.equal(latents(comfy, graph, "plain")["plain"], samples["plain"])


def test_conditionings_with_masks_areas_and_time_ranges(comfy):
    graph, source = guide_graph(comfy), {"conditioning": ["other", 0]}
    graph |= {
        "other": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["world", 1], "text": "a green triangle"}},
        "mask": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": SIDE // 2, "height": SIDE}},
        "in_mask": {
            "class_type": "ConditioningSetMask",
            "inputs": {**source, "mask": ["mask", 0], "strength": 1.0, "set_cond_area": "mask bounds"},
        },
        "in_area": {
            "class_type": "ConditioningSetArea",
            "inputs": {**source, "width": 64, "height": 64, "x": SIDE - 64, "y": SIDE - 64, "strength": 1.0},
        },
        "in_time": {"class_type": "ConditioningSetTimestepRange", "inputs": {**source, "start": 0.5, "end": 1.0}},
        "joined": {
            "class_type": "ConditioningConcat",
            "inputs": {"conditioning_to": ["positive", 0], "conditioning_from": ["other", 0]},
        },
        "zero": {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["positive", 0]}},
    }
    cases = {"mask": "in_mask", "area": "in_area", "time": "in_time"}
    for name, part in cases.items():
        graph[f"{name}_both"] = {
            "class_type": "ConditioningCombine",
            "inputs": {"conditioning_1": ["positive", 0], "conditioning_2": [part, 0]},
        }
        graph[f"{name}_model"] = sampling(graph, "guided", positive=[f"{name}_both", 0])
    graph["concat_model"], graph["concat_both"] = sampling(graph, "guided", positive=["joined", 0]), graph["joined"]
    names = [*cases, "concat"]
    for name in names:
        for which, model in (("plain", "world"), ("guided", f"{name}_model")):
            graph[f"{name}_{which}"] = sampling(
                graph, "drawn", model=[model, 0], positive=[f"{name}_both", 0], negative=["zero", 0]
            )
    samples = latents(comfy, graph, *(f"{name}_{which}" for name in names for which in ("plain", "guided")))
    assert [name for name in names if not differ(samples, f"{name}_plain", f"{name}_guided")] == []


def test_the_demo_worlds_own_head_and_corrector(comfy):
    graph = guide_graph(comfy, "none", corrector=["world", 5], head=["world", 4], prompt=PROMPT, combine="min_norm")
    assert differ(latents(comfy, graph, "plain", "drawn"), "plain", "drawn")


def test_changes_in_turn_go_on_from_each_other_within_one_trust_region():
    x0, context = torch.randn(2, 4, 6, 6), torch.zeros(1, 1, 1)
    small, large = (
        corrector_change(lambda latents, *_, size=size: size * latents, context, (0.0, 0.5)) for size in (0.1, 5.0)
    )
    assert torch.allclose(changes_in_turn([small, small], 0.3)(x0, 0.5), 1.21 * x0, atol=1e-6)
    assert torch.allclose(changes_in_turn([small, large], 0.3, strength=0.5)(x0, 0.5), 1.15 * x0, atol=1e-6)
    assert changes_in_turn([small, large], 0.3)(x0, 0.6) is x0
