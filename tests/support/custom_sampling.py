"""Graphs of the demo world with a SAMPLER, SIGMAS and a GUIDER instead of KSampler's settings."""

from __future__ import annotations

from safetensors.torch import load
from torch import Tensor, equal

from tests.support.graphs import loop_graph
from xlard.comfy_server.server import ComfyServer

GUIDERS = ("basic", "cfg", "dual", "nested", "perp", "opaque")
"""Those of ``add_guider``; the last one shows no conditioning."""

_MODEL = ["world", 0]
_CONDITIONED = {"model": _MODEL, "positive": ["positive", 0], "negative": ["negative", 0]}
_DUAL = {
    "model": _MODEL,
    "cond1": ["positive", 0],
    "cond2": ["middle", 0],
    "negative": ["negative", 0],
    "cfg_conds": 3.0,
    "cfg_cond2_negative": 2.0,
}
_GUIDERS = {
    "basic": ("BasicGuider", {"model": _MODEL, "conditioning": ["positive", 0]}),
    "cfg": ("CFGGuider", {**_CONDITIONED, "cfg": 3.5}),
    "dual": ("DualCFGGuider", {**_DUAL, "style": "regular"}),
    "nested": ("DualCFGGuider", {**_DUAL, "style": "nested"}),
    "perp": ("PerpNegGuider", {**_CONDITIONED, "empty_conditioning": ["negative", 0], "cfg": 4.0, "neg_scale": 1.0}),
    "opaque": ("OpaqueGuider", {**_CONDITIONED, "cfg": 3.5}),
}


def node(kind: str, **inputs: object) -> dict:
    """A node of a graph."""
    return {"class_type": kind, "inputs": inputs}


def add_sampling(graph: dict, sampler: str = "euler", scheduler: str = "beta", steps: int = 5) -> dict:
    """Put the nodes sampler, sigmas, noise and middle into a graph; ``sampler`` is KSampler's name for one."""
    graph["sampler"] = node("KSamplerSelect", sampler_name=sampler)
    graph["sigmas"] = node("BasicScheduler", model=_MODEL, scheduler=scheduler, steps=steps, denoise=1.0)
    graph["noise"] = node("RandomNoise", noise_seed=5)
    graph["middle"] = node("CLIPTextEncode", clip=["world", 1], text="a blue square")
    return graph


def add_guider(graph: dict, kind: str) -> dict:
    """Put one of ``GUIDERS`` into a graph as node guider."""
    class_type, inputs = _GUIDERS[kind]
    graph["guider"] = node(class_type, **inputs)
    return graph


def drawn_by_core(graph: dict) -> dict:
    """Put SamplerCustomAdvanced into a graph as node drawn, with VAE Decode as node decoded."""
    names = ("noise", "guider", "sampler", "sigmas")
    inputs = {**{name: [name, 0] for name in names}, "latent_image": ["empty", 0]}
    graph["drawn"] = node("SamplerCustomAdvanced", **inputs)
    graph["decoded"] = node("VAEDecode", samples=["drawn", 0], vae=["world", 2])
    return graph


def custom_loop(guider: str | None, sampler: str = "euler", batch: int = 1, **settings) -> dict:
    """xLARD Self-Correct without head and corrector as node loop, with sampler, sigmas and one of ``GUIDERS``.

    Its own settings would draw another picture.
    """
    graph = loop_graph(batch, **{"rounds": 0, "steps": 3, "cfg": 1.5, "sampler_name": "heun", **settings})
    inputs = graph["loop"]["inputs"]
    del inputs["head"], inputs["corrector"]
    add_sampling(graph, sampler)
    inputs |= {"sampler": ["sampler", 0], "sigmas": ["sigmas", 0]}
    if guider is not None:
        add_guider(graph, guider)
        inputs["guider"] = ["guider", 0]
        del inputs["positive"], inputs["negative"]
    return graph


def latents(comfy: ComfyServer, graph: dict, *nodes: str) -> list[Tensor]:
    """The latents that nodes put out first, bit for bit."""
    for name in nodes:
        graph[f"saved_{name}"] = node("SaveLatent", samples=[name, 0], filename_prefix="custom")
    result = comfy.run(graph)
    assert result.status == "success", result.error
    files = [result.outputs[f"saved_{name}"]["latents"][0] for name in nodes]
    return [load(comfy.view(file))["latent_tensor"] for file in files]


def same(pair: list[Tensor]) -> bool:
    """Whether two latents are equal to the bit, and not empty."""
    first, second = pair
    return equal(first, second) and bool(first.any())
