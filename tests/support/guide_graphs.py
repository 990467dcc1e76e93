"""The demo world with xLARD Guide Model for the node tests, and ways to look at what it draws."""

from __future__ import annotations

import torch
from safetensors import safe_open
from safetensors.torch import load, save_file
from torch import Tensor

from tests.support.graphs import demo_graph, error
from xlard.models.corrector import CorrectorConfig, LatentCorrector
from xlard.models.head import HeadConfig, RewardHead
from xlard.worlds.shapes.architecture import CONTEXT_WIDTH, LATENT_CHANNELS, PIPELINE

STEPS = 4
SINGLE_STEP_LEVEL = 0.5
GUIDES = {"corrector": ["corrector"], "head": ["head"], "both": ["corrector", "head"]}


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
    samples = latents(comfy, graph, *(f"{name}_{like}" for name in samplers for like in ("plain", "drawn")))
    return {name: (samples[f"{name}_plain"], samples[f"{name}_drawn"]) for name in samplers}


def differ(samples: dict[str, Tensor], one: str, other: str) -> bool:
    """Whether two finite results of the same shape differ by more than rounding."""
    first, second = samples[one], samples[other]
    assert first.shape == second.shape and first.isfinite().all() and second.isfinite().all()
    return not torch.allclose(first, second, atol=1e-3)


def refusal(comfy, graph: dict) -> str:
    """What the server says of a graph whose guided picture cannot be drawn."""
    graph["decoded"] = {"class_type": "VAEDecode", "inputs": {"samples": ["drawn", 0], "vae": ["world", 2]}}
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    return error(comfy, graph)


def single_step_graph(
    comfy,
    batch: int = 1,
    threshold: float = 1.0,
    head: bool = False,
    bias: float = 0.0,
    moves: bool = True,
    noise: bool = False,
    **settings,
) -> dict:
    """The demo world drawing with KSampler as it is, ``plain``, and guided at one step, ``drawn``, by random weights.

    ``bias`` is what the head's every logit is moved by; a corrector that does not move anything still stops the
    sampler.
    """
    torch.manual_seed(0)
    corrector = LatentCorrector(
        CorrectorConfig(
            LATENT_CHANNELS,
            CONTEXT_WIDTH,
            "a test",
            width=32,
            layers=1,
            heads=4,
            trust_region=1.0,
            noise_level_range=(0.4, 0.6),
            single_step_level=SINGLE_STEP_LEVEL,
            reward_threshold=threshold,
            moves_noise=noise,
        )
    )
    # A new corrector changes nothing.
    if moves:
        torch.nn.init.normal_(corrector.out.weight)
    reader = RewardHead(
        HeadConfig(LATENT_CHANNELS, CONTEXT_WIDTH, "a test", width=32, layers=1, noise_level_range=(0.0, 1.0))
    )
    torch.nn.init.constant_(reader.logits.bias, bias)
    names = {
        "correctors": f"single_step_{threshold:g}{'' if moves else '_still'}{'_noise' if noise else ''}.safetensors",
        "heads": f"single_step_{bias:g}.safetensors",
    }
    for folder, module in (("correctors", corrector), ("heads", reader)):
        path = comfy.base / "models" / "xlard" / folder / names[folder]
        if not path.is_file():
            module.save(path)
    graph = demo_graph(batch, STEPS)
    del graph["decoded"]
    graph["corrector"] = {"class_type": "XLARDLoadCorrector", "inputs": {"corrector_name": names["correctors"]}}
    graph["head"] = {"class_type": "XLARDLoadHead", "inputs": {"head_name": names["heads"]}}
    graph["guided"] = {
        "class_type": "XLARDGuideModel",
        "inputs": {
            "model": ["world", 0],
            "positive": ["positive", 0],
            "corrector": ["corrector", 0],
            "strength": 1.0,
            "sigma_start": 0.0,
            "sigma_end": 0.0,
            **({"head": ["head", 0]} if head else {}),
            **settings,
        },
    }
    graph["plain"] = sampling(graph, "drawn")
    graph["drawn"]["inputs"]["model"] = ["guided", 0]
    return graph


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
