"""Every node on every family of models: a real server, ComfyUI's own loaders, random weights at the least width.

What is too slow for each change has the marker ``big``: ``python -m pytest -m big tests/`` runs it.
"""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor

from tests.support.graphs import error, pictures, shown, text
from tests.support.zoo.families import SMALL, Family
from tests.support.zoo.files import file_name
from tests.support.zoo.graphs import (
    HEIGHT,
    MENDED,
    RIGHT,
    WIDE,
    WIDTH,
    WRONG,
    changed,
    check_levels,
    guided,
    latents,
    left_half,
    self_correct,
    vae_of,
    with_critic,
    with_modules,
    zoo_graph,
)
from tests.support.zoo.server import ZooServer, make_ready
from xlard.models.corrector import LatentCorrector, relative_norm
from xlard.models.head import RewardHead

SLOW = ("sd2", "sdxl", "flux2")
EACH = [
    pytest.param(family, id=name, marks=[pytest.mark.big] if name in SLOW else []) for name, family in SMALL.items()
]
"""All families, the slow ones in the big part."""


@pytest.fixture(scope="module")
def comfy(zoo) -> ZooServer:
    """The server with the zoo."""
    return zoo


@pytest.fixture(scope="module", params=EACH)
def family(request) -> Family:
    """One after the other, so that ComfyUI keeps a family's model from test to test."""
    make_ready([request.param])
    return request.param


@pytest.fixture(scope="module")
def drawn(comfy, family) -> dict[str, Tensor]:
    """What the family draws as it is, guided, at strength 0, inside a noise mask and alone, all of the same seed."""
    graph = with_modules(comfy, zoo_graph(family, batch=3), family)
    graph |= {
        "guided": guided(graph),
        "off": guided(graph, strength=0.0),
        "between": guided(graph, sigma_start=0.2, sigma_end=0.1),
        "one": changed(graph["empty"], batch_size=1),
        **left_half(),
        "masked": {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["drawn", 0], "mask": ["left", 0]}},
    }
    changes = {
        "with_guide": {"model": ["guided", 0]},
        "with_off": {"model": ["off", 0]},
        "with_between": {"model": ["between", 0]},
        "in_mask": {"model": ["guided", 0], "latent_image": ["masked", 0], "seed": 6},
        "alone": {"model": ["guided", 0], "latent_image": ["one", 0]},
    }
    graph |= {name: changed(graph["drawn"], **inputs) for name, inputs in changes.items()}
    return latents(comfy, graph, "drawn", *changes)


def test_latents_have_the_family_s_shape(drawn, family):
    frame = (1,) if family.video else ()
    assert drawn["drawn"].shape == (3, family.channels, *frame, HEIGHT // family.ratio, WIDTH // family.ratio)


def test_guide_moves_every_picture_of_a_batch(drawn):
    moved = (drawn["with_guide"] - drawn["drawn"]).flatten(1).norm(dim=1) / drawn["drawn"].flatten(1).norm(dim=1)
    assert (moved > 0.01).all()


def test_guide_at_strength_zero_or_outside_its_window_is_bit_identical(drawn):
    assert torch.equal(drawn["with_off"], drawn["drawn"]) and torch.equal(drawn["with_between"], drawn["drawn"])


def test_guide_keeps_to_a_noise_mask(drawn, family):
    half = WIDTH // family.ratio // 2 + 1
    change = (drawn["in_mask"] - drawn["drawn"]).abs()
    assert change[..., half:].max() < 1e-4 * drawn["drawn"].abs().max() and change[..., : half - 1].max() > 0.01


def test_guide_draws_a_picture_alone_as_in_a_batch(drawn):
    assert torch.allclose(drawn["alone"], drawn["with_guide"][:1], atol=2e-3 * drawn["alone"].abs().max().item())


@pytest.fixture(scope="module")
def corrected(comfy, family) -> dict[str, Tensor]:
    """Noise of the family's shape as ``before``, and what Correct Latent makes of it, by inputs and precision."""
    graph = with_modules(comfy, zoo_graph(family, batch=3, steps=1, cfg=1.0), family)
    graph["before"] = {"class_type": "ZooLatentAs", "inputs": {"latent": ["drawn", 0], "dtype": "float32", "seed": 3}}
    changes = {
        "by_corrector": {},
        "off": {"strength": 0.0},
        "by_both": {"head": ["head", 0], "gradient_steps": 2, "prompt": WRONG},
        "one": {"latent": ["second", 0]},
    }
    graph["second"] = {
        "class_type": "LatentFromBatch",
        "inputs": {"samples": ["before", 0], "batch_index": 1, "length": 1},
    }
    for dtype in ("float16", "bfloat16"):
        graph[f"{dtype}_before"] = changed(graph["before"], dtype=dtype)
        changes[dtype] = {"latent": [f"{dtype}_before", 0]}
    for name, inputs in changes.items():
        graph[name] = {
            "class_type": "XLARDCorrectLatent",
            "inputs": {
                "latent": ["before", 0],
                "positive": ["positive", 0],
                "corrector": ["corrector", 0],
                "strength": 1.0,
                "sigma": 0.0,
                **inputs,
            },
        }
    return latents(comfy, graph, "before", *changes)


def test_correct_latent_stays_within_the_trust_region(corrected):
    changes = {
        name: relative_norm(corrected[name] - corrected["before"], corrected["before"])
        for name in ("by_corrector", "by_both")
    }
    assert all((change < 0.3001).all() for change in changes.values()) and (changes["by_corrector"] > 0.01).all()
    # With a head, only pictures that it likes better then are changed.
    assert all(change == 0 or change > 0.01 for change in changes["by_both"])


def test_correct_latent_at_strength_zero_is_bit_identical(corrected):
    assert torch.equal(corrected["off"], corrected["before"])


def test_correct_latent_corrects_one_picture_as_in_a_batch(corrected):
    assert torch.allclose(corrected["one"], corrected["by_corrector"][1:2], atol=1e-4)


def test_correct_latent_in_half_precision(corrected):
    for name in ("float16", "bfloat16"):
        assert corrected[name].dtype == getattr(torch, name)
        assert torch.allclose(corrected[name].float(), corrected["by_corrector"], atol=0.05)


def test_critique_of_what_is_decoded(comfy, family, server):
    graph = with_critic(zoo_graph(family, batch=3, steps=1, cfg=1.0), server.url)
    for name, prompt in (("right", RIGHT), ("wrong", WRONG)):
        graph[name] = {
            "class_type": "XLARDCritique",
            "inputs": {"images": ["decoded", 0], "critic": ["critic", 0], "prompt": prompt},
        }
    shown(graph, right=("right", 5), wrong=("wrong", 5))
    assert pictures(comfy, graph, "decoded").shape == (3, HEIGHT // family.ratio * family.ratio, WIDTH, 3)
    result = comfy.run(graph)
    assert [result.outputs[f"{name}_shown"]["text"] for name in ("right", "wrong")] == [["True"] * 3, ["False"] * 3]


def test_self_correct_begins_with_ksampler_s_picture(comfy, family, server):
    graph = with_critic(zoo_graph(family), server.url)
    graph["loop"] = self_correct(graph, family, rounds=0)
    samples = latents(comfy, graph, "drawn", "loop")
    assert torch.equal(samples["drawn"], samples["loop"])


def test_self_correct_by_each_strategy(comfy, family, server):
    graph = with_critic(with_modules(comfy, zoo_graph(family, MENDED, batch=3), family), server.url)
    strategies = ("region", "rearrange", "correct", "resample")
    for chosen in strategies:
        graph[chosen] = self_correct(
            graph,
            family,
            MENDED,
            head=["head", 0],
            corrector=["corrector", 0],
            **{name: name == chosen for name in (*strategies, "recolour")},
        )
        graph[f"{chosen}_rounds"] = {"class_type": "ZooRounds", "inputs": {"state": [chosen, 3]}}
    outputs = {
        f"{name}_{what}": (f"{name}_rounds", slot)
        for name in strategies
        for slot, what in enumerate(("rounds", "regions"))
    }
    samples = latents(comfy, graph, "region", **outputs)
    assert samples["region"].shape[:2] == (3, family.channels) and samples["region"].ndim == 4 + family.video
    for name in strategies:
        first, second = samples[f"{name}_rounds"]
        opened = samples[f"{name}_regions"][1, 0].bool()
        assert (first - second)[:, opened].abs().max() > 0.01
        assert torch.equal(first[:, ~opened], second[:, ~opened])
        assert opened.all() == (name in ("correct", "resample"))


def test_self_correct_keeps_to_a_noise_mask(comfy, family, server):
    graph = with_critic(with_modules(comfy, zoo_graph(family, MENDED), family), server.url)
    graph |= {
        "start": {"class_type": "ZooLatentAs", "inputs": {"latent": ["drawn", 0], "dtype": "float32", "seed": 3}},
        **left_half(),
    }
    graph["masked"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["start", 0], "mask": ["left", 0]}}
    only = {name: name == "correct" for name in ("region", "rearrange", "resample")}
    graph["loop"] = self_correct(
        graph, family, MENDED, latent_image=["masked", 0], head=["head", 0], corrector=["corrector", 0], **only
    )
    graph["rounds"] = {"class_type": "ZooRounds", "inputs": {"state": ["loop", 3]}}
    samples = latents(comfy, graph, "start", "rounds")
    before, half = samples["start"].reshape(samples["rounds"][:1].shape), WIDTH // family.ratio // 2 + 1
    assert len(samples["rounds"]) == 2 and (samples["rounds"] - before)[..., half:].abs().max() < 1e-3
    assert (samples["rounds"] - before)[..., : half - 1].abs().max() > 0.1 and not torch.equal(*samples["rounds"])


PROMPTS = (
    "two red circles",
    "a blue square",
    "two red circles and a blue square",
    "two circles",
    "a green triangle",
    "three red circles",
    "a red square",
    "two blue squares",
)
"""The scripted critic passes the first four."""

TRAINED = {"steps": 2, "batch_size": 4, "learning_rate": 0.003, "width": 32, "layers": 1, "seed": 0}


def test_collect_train_save_load_and_use(comfy, family, server):
    graph = with_critic(zoo_graph(family, cfg=1.0, steps=3), server.url)
    sampling = {name: value for name, value in graph["drawn"]["inputs"].items() if name not in ("positive", "denoise")}
    graph["collect"] = {
        "class_type": "XLARDCollect",
        "inputs": {
            **sampling,
            "clip": ["clip", 0],
            "vae": vae_of(family),
            "critic": ["critic", 0],
            "prompts": "\n".join(PROMPTS),
            "name": family.name,
            "pictures_per_prompt": 1,
            "levels": "0.9, 0.6",
            "views": 1,
        },
    }
    graph["head"] = {"class_type": "XLARDTrainHead", "inputs": {"dataset": ["collect", 0], **TRAINED, "name": "head"}}
    graph["corrector"] = {
        "class_type": "XLARDTrainCorrector",
        "inputs": {
            "dataset": ["collect", 0],
            "way": "distillation",
            "trust_region": 0.3,
            "sigma_start": 1.0,
            "sigma_end": 0.3,
            "learns_until": 0.3,
            "emphasis": 0.0,
            **TRAINED,
            "name": "corrector",
        },
    }
    for kind in ("Head", "Corrector"):
        graph[f"save_{kind}"] = {
            "class_type": f"XLARDSave{kind}",
            "inputs": {kind.lower(): [kind.lower(), 0], "file_name": f"trained_{family.name}", "overwrite": True},
        }
    result = comfy.run(shown(graph, head=("save_Head", 0), corrector=("save_Corrector", 0)))
    assert result.status == "success", result.error
    for module in (RewardHead.load(text(result, "head")), LatentCorrector.load(text(result, "corrector"))):
        config = module.config
        assert (config.family, config.base_model) == (family.family_name, family.family_name)
        assert (config.latent_channels, config.context_width) == (family.channels, family.width)
    graph = zoo_graph(family)
    for kind in ("head", "corrector"):
        graph[kind] = {
            "class_type": f"XLARDLoad{kind.title()}",
            "inputs": {f"{kind}_name": f"trained_{family.name}.safetensors"},
        }
    graph["guided"] = guided(graph, head=["head", 0], gradient_steps=0)
    graph["with_guide"] = changed(graph["drawn"], model=["guided", 0])
    graph["read"] = {
        "class_type": "XLARDPredictReward",
        "inputs": {"latent": ["with_guide", 0], "positive": ["positive", 0], "head": ["head", 0], "sigma": 0.0},
    }
    result = comfy.run(shown(graph, read=("read", 1)))
    assert result.status == "success" and 0 < float(text(result, "read")) < 1, result.error
    samples = latents(comfy, graph, "drawn", "with_guide")
    assert not torch.equal(samples["drawn"], samples["with_guide"])


def test_modules_of_another_family_are_refused_with_both_names(comfy, family, server):
    graph = with_critic(
        with_modules(comfy, zoo_graph(family), family, "Other/Space", "foreign.safetensors"), server.url
    )
    graph["guided"], graph["own"] = guided(graph), graph["corrector"]
    graph["drawn"]["inputs"]["model"] = ["guided", 0]
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    assert f"trained for Other/Space models ({family.name} of a test); this one is {family.family_name}" in error(
        comfy, graph
    )
    for kind in ("head", "corrector"):
        graph["loop"] = self_correct(graph, family, model=["model", 0], **{kind: [kind, 0]})
        graph["picture"]["inputs"]["images"] = ["loop", 1]
        message = error(comfy, graph)
        assert (
            f"This {kind} was trained for Other/Space models" in message
            and f"this one is {family.family_name}" in message
        )


def test_lora_is_applied_and_removed(comfy, family):
    graph = with_modules(comfy, zoo_graph(family), family)
    graph["lora"] = {
        "class_type": "LoraLoader",
        "inputs": {
            "model": ["model", 0],
            "clip": ["clip", 0],
            "lora_name": file_name(family, "lora"),
            "strength_model": 1.0,
            "strength_clip": 1.0,
        },
    }
    graph["guided"], graph["guided_lora"] = guided(graph), guided(graph, model=["lora", 0])
    graph["lora_after"] = changed(graph["lora"], model=["guided", 0])
    for name, model in (
        ("with_lora", "lora"),
        ("before", "guided_lora"),
        ("after", "lora_after"),
        ("with_guide", "guided"),
    ):
        graph[name] = changed(graph["drawn"], model=[model, 0])
    samples = latents(comfy, graph, "drawn", "with_lora", "before", "after", "with_guide")
    assert torch.equal(samples["before"], samples["after"])
    assert not any(
        torch.allclose(samples["before"], samples[name], atol=1e-3) for name in ("drawn", "with_lora", "with_guide")
    )
    # Drawn once more by a model whose weights the LoRA has been in.
    graph["nothing"] = {"class_type": "LatentMultiply", "inputs": {"samples": ["after", 0], "multiplier": 0.0}}
    graph["again"] = changed(graph["drawn"], latent_image=["nothing", 0])
    assert torch.equal(latents(comfy, graph, "again", "after")["again"], samples["drawn"])


def test_noise_levels_say_how_much_is_noise(comfy, family):
    graph = zoo_graph(family)
    for scheduler in ("simple", "karras"):
        graph[scheduler] = {"class_type": "ZooLevels", "inputs": {"model": ["model", 0], "scheduler": scheduler}}
    result = comfy.run(graph)
    for scheduler in ("simple", "karras"):
        check_levels(json.loads(result.outputs[scheduler]["text"][0]))


def in_precision(comfy, family: Family, url: str, weights: str, arithmetic: str | None, **settings: int) -> None:
    """Guided and corrected in a precision: something finite that is not the same as without, and the same at strength
    0.
    """
    graph = with_critic(with_modules(comfy, zoo_graph(family, weights=weights, **WIDE, **settings), family), url)
    if arithmetic:
        # ComfyUI would compute in single precision on a CPU.
        graph["loaded"] = graph["model"]
        graph["model"] = {"class_type": "ModelComputeDtype", "inputs": {"model": ["loaded", 0], "dtype": arithmetic}}
    for name, strength in (("guided", 1.0), ("off", 0.0)):
        graph[name] = guided(graph, strength=strength)
        graph[f"with_{name}"] = changed(graph["drawn"], model=[name, 0])
    graph["loop"] = self_correct(graph, family, MENDED)
    samples = latents(comfy, graph, "drawn", "with_guided", "with_off", "loop")
    assert torch.equal(samples["drawn"], samples["with_off"]) and torch.equal(samples["drawn"][:1], samples["loop"][:1])
    assert (samples["drawn"] - samples["with_guided"]).norm() > 0.01 * samples["drawn"].norm()


@pytest.mark.parametrize("weights", ["fp8_e4m3fn", "fp8_e5m2"])
def test_weights_in_eight_bits(comfy, family, weights, server):
    in_precision(comfy, family, server.url, weights, None, batch=3)


HALVED = [
    pytest.param(family, id=name, marks=[pytest.mark.big] if name in (*SLOW, "sd15") else [])
    for name, family in SMALL.items()
]
"""A CPU convolves slowly in half precision."""


@pytest.mark.parametrize("arithmetic", ["bf16", "fp16"])
@pytest.mark.parametrize("halved", HALVED)
def test_arithmetic_in_half_precision(comfy, halved, arithmetic, server):
    make_ready([halved])
    in_precision(comfy, halved, server.url, "default", arithmetic, steps=1)
