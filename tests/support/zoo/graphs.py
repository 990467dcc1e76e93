"""Graphs that draw with a family of the zoo, and the heads, correctors and scripted critic that go with it."""

from __future__ import annotations

import torch
from safetensors.torch import load
from torch import Tensor

from tests.support.zoo.families import Family
from tests.support.zoo.files import file_name
from xlard.models.corrector import CorrectorConfig, LatentCorrector
from xlard.models.head import HeadConfig, RewardHead

WIDTH, HEIGHT = 96, 72
"""Pixels: 12 by 9 latent pixels, which no patch of two divides. PyTorch draws a picture's noise alone as it does in a
batch only for multiples of 16 values.
"""

WIDE = {"width": 200, "height": 32}
"""Pixels: 25 by 4 latent pixels."""

RIGHT, WRONG = "two red circles and a blue square", "two red circles and a green square"
"""What the scripted critic passes, and what it does not."""

MENDED = "a red circle and a blue square"
"""What the scripted critic sees one red circle too many for."""

STEPS = 2


_EMPTY = {"wan": "EmptyHunyuanLatentVideo", "flux2": "EmptyFlux2LatentImage"}


def zoo_graph(
    family: Family,
    prompt: str = WRONG,
    batch: int = 1,
    width: int = WIDTH,
    height: int = HEIGHT,
    weights: str = "default",
    **sampling,
) -> dict:
    """A family drawing with KSampler: nodes model, clip, positive, negative, empty, drawn, decoded, and vae for what
    decodes.
    """
    if family.checkpoint and weights == "default":
        model = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": file_name(family)}}
    else:
        model = {"class_type": "UNETLoader", "inputs": {"unet_name": file_name(family), "weight_dtype": weights}}
    vae = (
        {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": file_name(family)}}
        if family.checkpoint
        else {"class_type": "VAELoader", "inputs": {"vae_name": file_name(family, "vae")}}
    )
    size = {"width": width, "height": height, "batch_size": batch}
    empty = {
        "class_type": _EMPTY.get(family.name, "EmptySD3LatentImage" if family.channels == 16 else "EmptyLatentImage"),
        "inputs": {**size, "length": 1} if family.name == "wan" else size,
    }
    clip = ["vae", 1] if family.vae == "kl4" else ["clip", 0]
    graph = {
        "model": model,
        "vae": vae,
        "empty": empty,
        "clip": {
            "class_type": "ZooClip",
            "inputs": {
                "width": family.width,
                "pooled": family.pooled,
                "length": family.length,
                "layers": len(family.narrow.get("llama_layers", ())),
            },
        },
        "positive": {"class_type": "CLIPTextEncode", "inputs": {"clip": clip, "text": prompt}},
        "negative": {"class_type": "CLIPTextEncode", "inputs": {"clip": clip, "text": ""}},
        "drawn": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["model", 0],
                "positive": ["positive", 0],
                "negative": ["negative", 0],
                "latent_image": ["empty", 0],
                "seed": 5,
                "steps": STEPS,
                "cfg": 3.0,
                "sampler_name": "euler",
                "scheduler": "simple",
                "denoise": 1.0,
                **sampling,
            },
        },
        "decoded": {"class_type": "VAEDecode", "inputs": {"samples": ["drawn", 0], "vae": vae_of(family)}},
    }
    if family.family_name.startswith("Flux"):
        graph["plain_positive"] = graph["positive"]
        graph["positive"] = {
            "class_type": "FluxGuidance",
            "inputs": {"conditioning": ["plain_positive", 0], "guidance": 3.5},
        }
    return graph


def vae_of(family: Family) -> list:
    """The output of ``zoo_graph`` that decodes."""
    return ["vae", 2 if family.checkpoint else 0]


def with_critic(graph: dict, url: str) -> dict:
    """The graph with a critic that sees two red circles and a blue square in every picture, as node critic."""
    graph["critic"] = {"class_type": "XLARDCriticServer", "inputs": {"url": url, "model": "shapes"}}
    return graph


def with_modules(comfy, graph: dict, family: Family, family_name: str | None = None, name: str = "") -> dict:
    """The graph with a head and a corrector of random weights for a family, as nodes head and corrector."""
    family_name, name = family.family_name if family_name is None else family_name, name or f"{family.name}.safetensors"
    torch.manual_seed(0)
    corrector = LatentCorrector(
        CorrectorConfig(
            family.channels, family.width, f"{family.name} of a test", width=32, layers=1, heads=4, family=family_name
        )
    )
    # A new corrector changes nothing.
    torch.nn.init.normal_(corrector.out.weight)
    head = RewardHead(
        HeadConfig(family.channels, family.width, f"{family.name} of a test", width=32, layers=1, family=family_name)
    )
    # Random weights tell hardly any latents apart, and are not sure of it.
    torch.nn.init.normal_(head.logits.weight)
    torch.nn.init.constant_(head.log_deviation.bias, -8.0)
    for folder, module in (("correctors", corrector), ("heads", head)):
        module.save(comfy.base / "models" / "xlard" / folder / name)
    graph["corrector"] = {"class_type": "XLARDLoadCorrector", "inputs": {"corrector_name": name}}
    graph["head"] = {"class_type": "XLARDLoadHead", "inputs": {"head_name": name}}
    return graph


def guided(graph: dict, **settings) -> dict:
    """A node that guides the graph's model by its corrector and one gradient step of its head."""
    return {
        "class_type": "XLARDGuideModel",
        "inputs": {
            "model": ["model", 0],
            "positive": ["positive", 0],
            "corrector": ["corrector", 0],
            "head": ["head", 0],
            "gradient_steps": 1,
            "strength": 1.0,
            "sigma_start": 0.0,
            "sigma_end": 0.0,
            **settings,
        },
    }


def changed(node: dict, **inputs) -> dict:
    """A copy of a node with other inputs."""
    return {**node, "inputs": {**node["inputs"], **inputs}}


def self_correct(graph: dict, family: Family, prompt: str = WRONG, **settings) -> dict:
    """A node that draws as the graph's KSampler does, and corrects."""
    inputs = {name: value for name, value in graph["drawn"]["inputs"].items() if name != "denoise"}
    return {
        "class_type": "XLARDSelfCorrect",
        "inputs": {
            **inputs,
            "vae": vae_of(family),
            "critic": ["critic", 0],
            "prompt": prompt,
            "rounds": 1,
            "sigma": 0.0,
            "candidates": 1,
            "strength": 1.0,
            **settings,
        },
    }


def latents(comfy, graph: dict, *names: str, **outputs: tuple[str, int]) -> dict[str, Tensor]:
    """Run a graph and return samples to the last bit: of the named nodes' first outputs, and of ``outputs``. All are
    finite.
    """
    outputs |= {name: (name, 0) for name in names}
    savers = {
        f"{name}_saved": {"class_type": "SaveLatent", "inputs": {"samples": list(output), "filename_prefix": "zoo"}}
        for name, output in outputs.items()
    }
    result = comfy.run({**graph, **savers})
    assert (result.status, result.node_errors) == ("success", {}), (result.error or {}).get("exception_message")
    samples = {
        name: load(comfy.view(result.outputs[f"{name}_saved"]["latents"][0]))["latent_tensor"] for name in outputs
    }
    assert all(tensor.isfinite().all() for tensor in samples.values())
    return samples


def left_half() -> dict:
    """Nodes of a mask of the left half of a picture, ``left``."""
    return {
        "white": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": WIDTH // 2, "height": HEIGHT}},
        "black": {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": WIDTH, "height": HEIGHT}},
        "left": {
            "class_type": "MaskComposite",
            "inputs": {"destination": ["black", 0], "source": ["white", 0], "x": 0, "y": 0, "operation": "add"},
        },
    }


def check_levels(readings: dict) -> None:
    """Levels fall from at most 1 to 0, and each is the share of noise beside a signal of size one."""
    levels = torch.tensor(readings["levels"])
    noise, signal = torch.tensor(readings["mixed"]).T
    assert levels[0] <= 1 and levels[0] > 0.9 and levels[-1] == 0 and (levels.diff() < 0).all()
    assert torch.allclose(levels, noise / (noise + signal * readings["size"]), atol=1e-5)
