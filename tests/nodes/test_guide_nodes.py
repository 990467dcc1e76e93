"""A guided model in ComfyUI's own samplers: what it changes, what it leaves, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load, save_file
from torch import Tensor

from tests.support.graphs import PROMPT, SIDE, demo_graph, error, shown, text
from xlard.guidance.corrector import changes_in_turn, corrector_change
from xlard.models.corrector import CorrectorConfig, LatentCorrector, relative_norm
from xlard.models.head import HeadConfig, RewardHead
from xlard.worlds.shapes.architecture import CONTEXT_WIDTH, LATENT_CHANNELS, LATENT_SIDE, PIPELINE

STEPS = 4
LAST = 1 / STEPS
"""The noise level of the last step."""

GUIDES = {"corrector": ["corrector"], "head": ["head"], "both": ["corrector", "head"]}
SEEDED = ["euler", "euler_ancestral", "dpmpp_2m_sde", "uni_pc"]


def guide_graph(
    comfy, guide: str = "both", batch: int = 1, family: str = "", head_range=(0.0, 1.0), **settings
) -> dict:
    """The demo world drawing with KSampler as it is, ``plain``, and guided, ``drawn``, by files of random weights."""
    torch.manual_seed(0)
    corrector = LatentCorrector(
        CorrectorConfig(
            LATENT_CHANNELS,
            CONTEXT_WIDTH,
            "a test",
            width=32,
            layers=1,
            heads=4,
            noise_level_range=(0.2, 0.95),
            family=family,
        )
    )
    # A new corrector changes nothing.
    torch.nn.init.normal_(corrector.out.weight)
    head = RewardHead(
        HeadConfig(
            LATENT_CHANNELS, CONTEXT_WIDTH, "a test", width=32, layers=1, noise_level_range=head_range, family=family
        )
    )
    # Random weights tell hardly any latents apart, and are not sure of it.
    torch.nn.init.normal_(head.logits.weight)
    torch.nn.init.constant_(head.log_deviation.bias, -8.0)
    name = f"guide_{family.replace('/', '_')}_{head_range[0]:g}_{head_range[1]:g}.safetensors"
    for folder, module in (("correctors", corrector), ("heads", head)):
        path = comfy.base / "models" / "xlard" / folder / name
        if not path.is_file():
            module.save(path)
    graph = demo_graph(batch, STEPS)
    del graph["decoded"]
    graph["corrector"] = {"class_type": "XLARDLoadCorrector", "inputs": {"corrector_name": name}}
    graph["head"] = {"class_type": "XLARDLoadHead", "inputs": {"head_name": name}}
    graph["guided"] = {
        "class_type": "XLARDGuideModel",
        "inputs": {
            "model": ["world", 0],
            "positive": ["positive", 0],
            "strength": 1.0,
            "sigma_start": 0.0,
            "sigma_end": 0.0,
            **{module: [module, 0] for module in GUIDES.get(guide, [])},
            **settings,
        },
    }
    graph["plain"] = sampling(graph, "drawn")
    graph["drawn"]["inputs"]["model"] = ["guided", 0]
    return graph


def sampling(graph: dict, like: str, **changes) -> dict:
    """A copy of a node of the graph with other inputs."""
    return {**graph[like], "inputs": {**graph[like]["inputs"], **changes}}


def latents(comfy, graph: dict, *names: str) -> dict[str, Tensor]:
    """Run a graph and return the samples of the named LATENTs, to the last bit."""
    savers = {
        f"{name}_saved": {"class_type": "SaveLatent", "inputs": {"samples": [name, 0], "filename_prefix": "guide"}}
        for name in names
    }
    result = comfy.run({**graph, **savers})
    assert (result.status, result.error, result.node_errors) == ("success", None, {})
    return {name: load(comfy.view(result.outputs[f"{name}_saved"]["latents"][0]))["latent_tensor"] for name in names}


def by_every_sampler(comfy, graph: dict) -> dict[str, tuple[Tensor, Tensor]]:
    """What each sampler that the server lists draws as the graph's ``plain`` and as its ``drawn``, by its name."""
    samplers = comfy.object_info()["KSampler"]["input"]["required"]["sampler_name"][0]
    for name in samplers:
        for like in ("plain", "drawn"):
            graph[f"{name}_{like}"] = sampling(graph, like, sampler_name=name)
    found = latents(comfy, graph, *(f"{name}_{like}" for name in samplers for like in ("plain", "drawn")))
    return {name: (found[f"{name}_plain"], found[f"{name}_drawn"]) for name in samplers}


def differ(found: dict[str, Tensor], one: str, other: str) -> bool:
    """Whether two finite results of the same shape differ by more than rounding."""
    first, second = found[one], found[other]
    assert first.shape == second.shape and first.isfinite().all() and second.isfinite().all()
    return not torch.allclose(first, second, atol=1e-3)


def refusal(comfy, graph: dict) -> str:
    """What the server says of a graph whose guided picture cannot be drawn."""
    graph["decoded"] = {"class_type": "VAEDecode", "inputs": {"samples": ["drawn", 0], "vae": ["world", 2]}}
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    return error(comfy, graph)


def test_corrector_head_and_both_each_draw_another_picture(comfy):
    graph = guide_graph(comfy, "none")
    for name, modules in GUIDES.items():
        graph[f"guided_{name}"] = sampling(graph, "guided", **{module: [module, 0] for module in modules})
        graph[f"by_{name}"] = sampling(graph, "drawn", model=[f"guided_{name}", 0])
    found = latents(comfy, graph, "plain", *(f"by_{name}" for name in GUIDES))
    pairs = [(one, other) for one in found for other in found if one < other]
    assert len(pairs) == 6 and [pair for pair in pairs if not differ(found, *pair)] == []


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
    found = latents(comfy, graph, "plain", "drawn", "whole", "own", "half")
    assert torch.equal(found["whole"], found["drawn"]) and torch.equal(found["own"], found["drawn"])
    assert differ(found, "half", "drawn") and differ(found, "half", "plain")


def test_a_window_between_two_steps_changes_nothing(comfy):
    graph = guide_graph(comfy, sigma_start=0.45, sigma_end=0.3)
    found = latents(comfy, graph, "plain", "drawn")
    assert torch.equal(found["plain"], found["drawn"])


def test_without_gradient_steps_the_head_does_nothing(comfy):
    graph = guide_graph(comfy, gradient_steps=0)
    graph["alone"] = sampling(graph, "guided")
    del graph["alone"]["inputs"]["head"]
    graph["without"] = sampling(graph, "drawn", model=["alone", 0])
    found = latents(comfy, graph, "drawn", "without")
    assert torch.equal(found["drawn"], found["without"])


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
def test_what_cannot_guide_is_refused_with_the_mend(comfy, settings, message):
    assert message in refusal(comfy, guide_graph(comfy, **settings))


@pytest.fixture(scope="module")
def every_sampler(comfy) -> dict[str, tuple[Tensor, Tensor]]:
    """What each sampler draws, plain and guided by corrector and gradient."""
    return by_every_sampler(comfy, guide_graph(comfy, gradient_steps=1))


def test_every_sampler_of_the_server_draws_something_finite(every_sampler):
    assert len(every_sampler) >= 40
    assert [name for name, pair in every_sampler.items() if not all(each.isfinite().all() for each in pair)] == []


def test_every_sampler_of_the_server_is_guided(every_sampler):
    assert [name for name, (plain, guided) in every_sampler.items() if torch.allclose(plain, guided, atol=1e-3)] == []


def test_at_strength_zero_the_model_is_the_same_to_the_last_bit(comfy):
    graph = guide_graph(comfy, strength=0.0)
    for name in SEEDED:
        for which, like in (("plain", "plain"), ("guided", "drawn")):
            graph[f"{name}_{which}"] = sampling(graph, like, sampler_name=name)
    found = latents(comfy, graph, *(f"{name}_{which}" for name in SEEDED for which in ("plain", "guided")))
    assert all(torch.equal(found[f"{name}_plain"], found[f"{name}_guided"]) for name in SEEDED)


def test_half_the_strength_is_less_of_it(comfy):
    graph = guide_graph(comfy, sigma_start=LAST, sigma_end=LAST)
    graph["half"] = sampling(graph, "guided", strength=0.5)
    graph["less"] = sampling(graph, "drawn", model=["half", 0])
    found = latents(comfy, graph, "plain", "drawn", "less")
    assert torch.allclose(found["less"] - found["plain"], 0.5 * (found["drawn"] - found["plain"]), atol=1e-5)


def test_corrector_and_head_together_keep_to_the_trust_region(comfy):
    graph = guide_graph(comfy, batch=3, sigma_start=LAST, sigma_end=LAST, gradient_steps=30)
    found = latents(comfy, graph, "plain", "drawn")
    change = relative_norm(found["drawn"] - found["plain"], found["plain"])
    assert (change > 0.1).all() and (change < 0.301).all()


def test_the_model_itself_draws_the_same_before_and_after(comfy):
    graph = guide_graph(comfy)
    # Each waits for the one before it, and starts from nothing all the same.
    for name, before in (("nothing", "plain"), ("again", "drawn")):
        graph[name] = {"class_type": "LatentMultiply", "inputs": {"samples": [before, 0], "multiplier": 0.0}}
    graph["drawn"]["inputs"]["latent_image"] = ["nothing", 0]
    graph["after"] = sampling(graph, "plain", latent_image=["again", 0])
    found = latents(comfy, graph, "plain", "drawn", "after")
    assert differ(found, "plain", "drawn") and torch.equal(found["plain"], found["after"])


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
    found = latents(comfy, graph, "start", "plain", "drawn")
    side = LATENT_SIDE // 2
    assert torch.allclose(found["drawn"][..., side:], found["start"][..., side:], atol=1e-4)
    assert not torch.allclose(found["drawn"][..., :side], found["plain"][..., :side], atol=1e-3)


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
    found = latents(comfy, graph, "plain", "drawn", "second", "whole", "late")
    assert torch.equal(found["whole"], found["drawn"]) and torch.allclose(found["second"], found["drawn"], atol=1e-3)
    assert differ(found, "late", "second") and differ(found, "late", "plain")


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
    found = latents(comfy, custom_graph(comfy), "cfg", "drawn", "basic", "once")
    assert torch.equal(found["cfg"], found["drawn"]) and torch.equal(found["basic"], found["once"])


def test_every_guider_is_guided(comfy):
    guiders = ("cfg", "basic", "perp", "dual")
    guided, plain = (latents(comfy, custom_graph(comfy, strength=strength), *guiders) for strength in (1.0, 0.0))
    assert all(each.isfinite().all() for each in guided.values())
    assert [name for name in guiders if torch.allclose(guided[name], plain[name], atol=1e-3)] == []


def save_lora(comfy) -> str:
    """A LoRA of random weights on the attention of the demo world's UNet; returns its name."""
    torch.manual_seed(0)
    tensors = {}
    with safe_open(PIPELINE / "unet" / "diffusion_pytorch_model.safetensors", "pt") as file:
        for name in (name for name in file.keys() if ".attn" in name and name.endswith(".weight")):
            outward, inward = file.get_slice(name).get_shape()
            key = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
            tensors |= {
                f"{key}.lora_up.weight": 0.1 * torch.randn(outward, 2),
                f"{key}.lora_down.weight": 0.1 * torch.randn(2, inward),
            }
    assert tensors
    folder = comfy.base / "models" / "loras"
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "random.safetensors")
    return "random.safetensors"


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
    found = latents(comfy, graph, "plain", "drawn", "lora", "before", "after")
    assert torch.equal(found["before"], found["after"])
    assert all(differ(found, "before", other) for other in ("drawn", "lora", "plain")) and differ(
        found, "lora", "plain"
    )
    # Drawn once more by a model whose weights the LoRA has been in.
    graph["plain"]["inputs"]["latent_image"] = ["nothing", 0]
    graph["nothing"] = {"class_type": "LatentMultiply", "inputs": {"samples": ["after", 0], "multiplier": 0.0}}
    assert torch.equal(latents(comfy, graph, "plain")["plain"], found["plain"])


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
    found = latents(comfy, graph, *(f"{name}_{which}" for name in names for which in ("plain", "guided")))
    assert [name for name in names if not differ(found, f"{name}_plain", f"{name}_guided")] == []


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
